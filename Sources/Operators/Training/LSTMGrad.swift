import CKernels
import CSystem
import Graph
import System

// Attributes: 0 bidirectional (false), 1 has_bias (false), 2 input_size (0; LSTMGradData), 3 hidden_size (0).
// LSTMGrad: x, h0, c0, weights, y, hT, cT, dy, dhT, dcT, states -> dx, dh0, dc0, dweights.
// LSTMGradData: y, dy, dhT, dcT, weights, h0, c0, states, more -> dx, dh0, dc0. It leaves the gradients of the gates in `states`.
// LSTMGradWeight: x, h0, y, states, more -> dweights [n, 1, 1]. It runs after LSTMGradData.

/// The gradient of an LSTM in the form of MindIR (see ``LSTMOperator``), float32: backwards through time, from the states that the forward
/// pass has kept.
///
/// Through the cell of a step: dc += dh o (1 - tanh(c)^2); the gates before their functions have the gradients dc g i (1 - i), dc c' f (1 -
/// f), dc i (1 - g^2) and dh tanh(c) o (1 - o), in the weights' order i, f, g, o; dh' = those times R, dc' = dc f, for the step before.
final class LSTMGradOperator: Operator {
  private let directions: Int, hidden: Int
  private let hasBias: Bool
  private let computesData: Bool, computesWeights: Bool
  private var steps = 0, batch = 0, inputSize = 0
  private var layout = LSTMWeightLayout()
  /// Right-hand matrices: R [4H, H], W [4H, I], x [TB, I], the states before [TB, H].
  private var matrices = [PackedMatrix]()
  // Floats from the start of the workspace, behind the products' scratch.
  private var scratchFloats = 0, gates = 0, transposed = 0, before = 0, cell = 0, panels = 0

  override init(_ node: Node) throws(EngineError) {
    directions = node.attributes.bool(0, false) ? 2 : 1
    hidden = node.attributes.int(3, 0)
    hasBias = node.attributes.bool(1, false)
    computesData = node.kind != .lstmGradWeight
    computesWeights = node.kind != .lstmGradData
    try super.init(node)
    let count = node.kind == .lstmGrad ? 11 : node.kind == .lstmGradData ? 9 : 5
    try requireInputs(count...count)
    let results = node.kind == .lstmGrad ? 4 : node.kind == .lstmGradData ? 3 : 1
    try requireOutputs(results...results)
    for i in 0..<count { try requireType(i, .float32) }
    if node.kind == .lstmGradData { updatedInputs = [states] }
  }

  // Inputs by kind.
  private var x: Int { 0 }
  private var h0: Int { node.kind == .lstmGradData ? 5 : 1 }
  private var c0: Int { node.kind == .lstmGradData ? 6 : 2 }
  private var weights: Int { node.kind == .lstmGradData ? 4 : 3 }
  private var dy: Int { node.kind == .lstmGradData ? 1 : 7 }
  private var dh: Int { dy + 1 }
  private var dc: Int { dy + 2 }
  private var states: Int { node.kind == .lstmGrad ? 10 : node.kind == .lstmGradData ? 7 : 3 }

  override var isPure: Bool { node.kind == .lstmGrad }

  private var rows: Int { steps * batch }
  private var block: Int { rows * directions * hidden }

  override func infer() throws(EngineError) {
    try requireRank(0, 3...3)
    (steps, batch) = (inputs[0].shape[0], inputs[0].shape[1])
    inputSize = node.kind == .lstmGradData ? node.attributes.int(2, 0) : inputs[x].shape[2]
    try requireRecurrentSizes(steps: steps, batch: batch, input: inputSize, hidden: hidden, state: hidden)
    guard let kept = Shape([6, steps, batch, directions, hidden]).checkedCount, kept < 1 << 40 else {
      throw EngineError(.outOfMemory, "no memory for the states of \(inputs[0])")
    }
    try requireCount(h0, directions * batch * hidden, "the first hidden state")
    try requireCount(states, kept, "the states that the forward pass has kept")
    let parameters = directions * 4 * hidden * (inputSize + hidden + (hasBias ? 2 : 0))
    let given = node.kind == .lstmGradWeight ? nil : inputs[weights]
    layout = try LSTMWeightLayout(
      given ?? inputs[x], elements: given?.count ?? parameters, input: inputSize, hidden: hidden, state: hidden, projection: 0,
      directions: directions, hasBias: hasBias)
    if computesData {
      try requireCount(c0, directions * batch * hidden, "the first cell state")
      try requireCount(dy, block, "as many as the result")
      try requireCount(dh, directions * batch * hidden, "as many as the hidden state")
      try requireCount(dc, directions * batch * hidden, "as many as the cell state")
      try setOutput(0, .float32, [steps, batch, inputSize])
      for i in 1..<3 { try setOutput(i, .float32, [directions, batch, hidden]) }
    }
    if let given {
      if node.kind == .lstmGrad { try setOutput(3, .float32, given.shape.dims) }
    } else {
      try setOutput(0, .float32, [parameters, 1, 1])
    }
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    workspaceBytes = 0
    matrices = []
    if rows == 0 { return }
    for (k, n) in [(4 * hidden, hidden), (4 * hidden, inputSize), (rows, inputSize), (rows, hidden)] {
      matrices.append(try PackedMatrix(k: k, n: n, context))
    }
    var scratch = 0, packed = 0
    for m in matrices {
      scratch = max(scratch, (m.scratchBytes(context) + 63) & ~63)
      packed = max(packed, m.bytes)
    }
    scratchFloats = scratch / 4
    gates = scratchFloats
    transposed = gates + 4 * block
    before = transposed + 4 * hidden * rows
    cell = before + rows * hidden
    panels = (cell + 3 * batch * hidden + 15) & ~15
    workspaceBytes = panels * 4 + packed
    if node.kind == .lstmGradData { try requireWritable() }
  }

  /// c = a * matrix `index`, which has been packed (+ c).
  private func multiply(
    _ a: UnsafePointer<Float>, _ index: Int, _ c: UnsafeMutablePointer<Float>, m: Int, adds: Bool = false, _ context: ExecutionContext
  ) {
    let matrix = matrices[index]
    context.multiply(
      MSGemm(
        a: a, lda: matrix.k, b: scratch(context) + panels, c: c, ldc: matrix.n, m: m, n: matrix.n, k: matrix.k, bias: nil,
        residual: adds ? UnsafePointer(c) : nil, ldr: matrix.n, activation: FusedActivation.none.op, alpha: 0, beta: 0), matrix, scratch: 0)
  }

  private func pack(_ values: UnsafePointer<Float>, _ index: Int, _ context: ExecutionContext) {
    let matrix = matrices[index]
    matrix.pack(values, fromHalf: false, rowStride: matrix.n, columnStride: 1, into: context.workspace + panels * 4, context)
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if rows == 0 || batch == 0 {
      for t in outputs { fillElements(context, t.data, t.count, elementSize: 4, bits: 0) }
      if computesData && batch > 0 {
        copyBytes(context, UnsafeRawPointer(inputs[dh].floats), UnsafeMutableRawPointer(outputs[1].floats), outputs[1].byteCount)
        copyBytes(context, UnsafeRawPointer(inputs[dc].floats), UnsafeMutableRawPointer(outputs[2].floats), outputs[2].byteCount)
      }
      return
    }
    for d in 0..<directions {
      if computesData { runData(d, context) }
      if computesWeights { runWeights(d, context) }
    }
    if node.kind == .lstmGradData {
      copyBytes(
        context, UnsafeRawPointer(scratch(context) + gates), UnsafeMutableRawPointer(inputs[states].floats + block), 4 * block * 4)
    }
  }

  /// Floats of a direction's gates in the workspace or, of LSTMGradWeight, in the states.
  private func gateGradients(_ d: Int, _ context: ExecutionContext) -> UnsafeMutablePointer<Float> {
    (computesData ? scratch(context) + gates : inputs[states].floats + block) + d * rows * 4 * hidden
  }

  /// The step that the forward pass has made before step t; nil for the first.
  private func earlier(_ t: Int, _ d: Int) -> Int? {
    let s = d == 0 ? t - 1 : t + 1
    return s >= 0 && s < steps ? s : nil
  }

  private func runData(_ d: Int, _ context: ExecutionContext) {
    let n = batch * hidden, start = d * n
    let gradients = gateGradients(d, context)
    let kept = inputs[states].floats, weight = UnsafePointer(inputs[weights].floats)
    let dhidden = outputs[1].floats + start, dcell = outputs[2].floats + start, tangent = scratch(context) + cell
    memcpy(dhidden, inputs[dh].floats + start, n * 4)
    memcpy(dcell, inputs[dc].floats + start, n * 4)
    pack(weight + layout.recurrent[d], 0, context)
    for step in 0..<steps {
      let t = d == 0 ? steps - 1 - step : step
      let at = (t * directions + d) * n
      let c = kept + block + at, i = c + block, o = i + block, f = o + block, g = f + block
      let old = earlier(t, d).map { kept + block + ($0 * directions + d) * n } ?? inputs[c0].floats + start
      context.kernels.pointee.unary(Int32(MS_UNARY_TANH.rawValue), c, tangent, n, 0, 0)
      let result = gradients + t * batch * 4 * hidden
      for b in 0..<batch {
        let up = inputs[dy].floats + ((t * batch + b) * directions + d) * hidden, row = result + b * 4 * hidden
        for j in 0..<hidden {
          let e = b * hidden + j
          let h = up[j] + dhidden[e]
          let cell = dcell[e] + h * o[e] * (1 - tangent[e] * tangent[e])
          row[j] = cell * g[e] * i[e] * (1 - i[e])
          row[hidden + j] = cell * old[e] * f[e] * (1 - f[e])
          row[2 * hidden + j] = cell * i[e] * (1 - g[e] * g[e])
          row[3 * hidden + j] = h * tangent[e] * o[e] * (1 - o[e])
          dcell[e] = cell * f[e]
        }
      }
      multiply(result, 0, dhidden, m: batch, context)
    }
    pack(weight + layout.input[d], 1, context)
    multiply(gradients, 1, outputs[0].floats, m: rows, adds: d > 0, context)
  }

  private func runWeights(_ d: Int, _ context: ExecutionContext) {
    let gradients = gateGradients(d, context), width = 4 * hidden
    let target = outputs[outputs.count - 1].floats, base = scratch(context)
    context.kernels.pointee.transpose_32(
      UnsafeRawPointer(gradients).assumingMemoryBound(to: UInt32.self), width,
      UnsafeMutableRawPointer(base + transposed).assumingMemoryBound(to: UInt32.self), rows, rows, width)
    pack(inputs[x].floats, 2, context)
    multiply(base + transposed, 2, target + layout.input[d], m: width, context)
    let n = batch * hidden
    for t in 0..<steps {
      let source = earlier(t, d).map { inputs[states].floats + ($0 * directions + d) * n } ?? inputs[h0].floats + d * n
      memcpy(base + before + t * n, source, n * 4)
    }
    pack(base + before, 3, context)
    multiply(base + transposed, 3, target + layout.recurrent[d], m: width, context)
    if layout.biases == 0 { return }
    let bias = target + layout.bias[d]
    context.kernels.pointee.reduce_columns(Int32(MS_REDUCE_SUM.rawValue), gradients, bias, rows, width, width)
    if layout.biases == 2 { memcpy(bias + width, bias, width * 4) }
  }
}
