import CKernels
import CSystem
import Graph
import System

// Attributes: 0 bidirectional (false), 1 has_bias (false; MindIR form), 3 hidden_size (0; MindIR form), 4 num_layers (0; MindIR
// form), 7 zoneout_cell (0), 8 zoneout_hidden (0), 9 proj_size (0; MindIR form). The rest follows from the shapes.

/// Where the parts of a MindIR weight vector stand: floats from the start, by direction.
struct LSTMWeightLayout {
  private(set) var input = [0, 0], recurrent = [0, 0], projection = [0, 0], bias = [0, 0]
  /// Biases for each direction: 0, 1 or 2.
  private(set) var biases = 0

  init() {}

  init(
    _ weights: Tensor, elements total: Int, input: Int, hidden: Int, state: Int, projection p: Int, directions: Int, hasBias: Bool
  ) throws(EngineError) {
    let w = 4 * hidden * input, r = 4 * hidden * state, matrices = directions * (w + r + p)
    biases = hasBias ? (total - matrices) / (directions * 4 * hidden) : 0
    guard (hasBias ? biases == 1 || biases == 2 : true) && total == matrices + directions * biases * 4 * hidden else {
      throw EngineError(
        .inferError,
        "the weights (\(weights)) fit no layout of input size \(input), hidden size \(hidden) and \(directions) directions")
    }
    for d in 0..<directions {
      self.input[d] = biases == 2 ? d * (w + r) : d * w
      recurrent[d] = biases == 2 ? d * (w + r) + w : directions * w + d * r
      projection[d] = directions * (w + r) + d * p
      bias[d] = matrices + d * biases * 4 * hidden
    }
  }
}

/// LSTM, float32, time first; weights may be float16 constants.
///
/// ONNX form: x [T, B, I], W [D, 4H, I], R [D, 4H, P], bias [D, 8H] (input part, then recurrent part), h0 [D, B, P], c0 [D, B,
/// H] [, projection [D, P, H]] -> y [T, D, B, P], hT, cT; gates in the order i, o, f, g. P is H without a projection.
/// MindIR form: x, h0, c0, one vector of all weights -> y [T, B, D * P], hT, cT; gates in the order i, f, g, o. The vector is
/// laid out for the CPU (all W, all R, projections, one bias of 4H for each direction) or for the GPU (W and R of each
/// direction, projections, two biases for each direction); its length tells which.
final class LSTMOperator: Operator {
  private let directions: Int
  private let isMindIR: Bool
  private let zoneoutCell: Float
  private let zoneoutHidden: Float
  private var operands = [FloatInput]()
  private var steps = 0, batch = 0, inputSize = 0, hidden = 0, state = 0
  private var hasProjection = false

  /// One direction's packed weights, gates in the kernel's order i, o, f, g.
  private struct Direction {
    let input: PackedWeights, recurrent: PackedWeights
    let projection: PackedWeights?
    /// The sum of both biases, 4H.
    let bias: Buffer
  }
  private var weights = [Direction]()
  /// Of weights that change from run to run: their layout, and room for a matrix in the kernel's gate order.
  private var variableLayout: LSTMWeightLayout? = nil
  private var ordered: Buffer? = nil
  /// What the products need at the start of the workspace.
  private var scratchBytes = 0

  override init(_ node: Node) throws(EngineError) {
    directions = node.attributes.bool(0, false) ? 2 : 1
    isMindIR = node.inputs.count == 4
    zoneoutCell = node.attributes.float(7, 0)
    zoneoutHidden = node.attributes.float(8, 0)
    try super.init(node)
    if !isMindIR { try requireInputs(6...7) }
    try requireOutputs(1...5)
    try requireType(0, .float32)
    for i in 0..<inputs.count {
      if i > 0 { try requireFloat(i) }
      operands.append(FloatInput(i))
    }
    if isMindIR && node.attributes.int(4, 1) > 1 {
      throw EngineError(.notSupported, "has \(node.attributes.int(4, 1)) layers in one operator; one is accepted")
    }
  }

  private var h0: Int { isMindIR ? 1 : 4 }
  private var c0: Int { isMindIR ? 2 : 5 }

  override func infer() throws(EngineError) {
    try requireRank(0, 3...3)
    let x = inputs[0].shape
    (steps, batch, inputSize) = (x[0], x[1], x[2])
    if isMindIR {
      hidden = node.attributes.int(3, 0)
      state = node.attributes.int(9, 0) > 0 ? node.attributes.int(9, 0) : hidden
      hasProjection = node.attributes.int(9, 0) > 0
      try requireRecurrentSizes(steps: steps, batch: batch, input: inputSize, hidden: hidden, state: state)
      _ = try layout()
    } else {
      try requireRank(1, 3...3)
      try requireRank(2, 3...3)
      let w = inputs[1].shape, r = inputs[2].shape
      hidden = w[1] / 4
      state = r[2]
      hasProjection = inputs.count == 7
      try requireRecurrentSizes(steps: steps, batch: batch, input: inputSize, hidden: hidden, state: state)
      guard w[0] == directions && w[1] == 4 * hidden && w[2] == inputSize else {
        throw EngineError(
          .inferError, "the input weights (\(inputs[1])) must have the shape [\(directions), 4 * hidden, \(inputSize)]")
      }
      guard r[0] == directions && r[1] == 4 * hidden && (hasProjection || state == hidden) else {
        throw EngineError(
          .inferError, "the recurrent weights (\(inputs[2])) must have the shape [\(directions), \(4 * hidden), \(hidden)]")
      }
      try requireCount(3, directions * 8 * hidden, "two biases for each gate")
      if hasProjection { try requireCount(6, directions * state * hidden, "the projection") }
    }
    try requireCount(h0, directions * batch * state, "the first hidden state")
    try requireCount(c0, directions * batch * hidden, "the first cell state")
    if isMindIR {
      try setOutput(0, .float32, [steps, batch, directions * state])
    } else {
      try setOutput(0, .float32, [steps, directions, batch, state])
    }
    if outputs.count > 1 { try setOutput(1, .float32, [directions, batch, state]) }
    if outputs.count > 2 { try setOutput(2, .float32, [directions, batch, hidden]) }
    // Only training reads what is behind: output 3 holds h, c and the gates i, o, f and g, each [T, D, B, H].
    if trains && (!isMindIR || hasProjection || zoneoutCell != 0 || zoneoutHidden != 0) {
      throw EngineError(.notSupported, "is trained in the form of MindIR only, with neither projection nor zoneout")
    }
    for i in 3..<max(outputs.count, 3) {
      try setOutput(i, .float32, i == 3 && trains ? [6, steps, directions, batch, hidden] : [0])
    }
  }

  private func layout() throws(EngineError) -> LSTMWeightLayout {
    let projection = hasProjection ? state * hidden : 0
    return try LSTMWeightLayout(
      inputs[3], elements: inputs[3].count, input: inputSize, hidden: hidden, state: state, projection: projection, directions: directions,
      hasBias: node.attributes.bool(1, false))
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    workspaceBytes = 0
    if outputs[0].count == 0 { return }
    let gates = 4 * hidden
    // Gates of all steps; the cell's state; its output before a projection.
    let values = (steps * batch * gates + batch * 2 * hidden) * 4
    workspaceBytes = values + scratchBytes
    for i in 1..<inputs.count where inputs[i].type == .float16 && (weights.isEmpty || i == h0 || i == c0) {
      try operands[i].prepare(self, context)
    }
    if !weights.isEmpty { return }
    scratchBytes = 0
    let l = isMindIR ? try layout() : LSTMWeightLayout()
    if isMindIR && !inputs[3].hasKnownValue { return try prepareVariables(l, values, context) }
    let packed = try isMindIR ? knownWeights(operands[3]) : nil
    for d in 0..<directions {
      let w: UnsafePointer<Float>, r: UnsafePointer<Float>
      var p: UnsafePointer<Float>? = nil
      let bias = try floatBuffer(gates)
      if let packed {
        w = packed + l.input[d]
        r = packed + l.recurrent[d]
        if hasProjection { p = packed + l.projection[d] }
        addBiases(packed, l, d, bias.floats)
      } else {
        w = try knownWeights(operands[1]) + d * gates * inputSize
        r = try knownWeights(operands[2]) + d * gates * state
        if hasProjection { p = try knownWeights(operands[6]) + d * state * hidden }
        let b = try knownWeights(operands[3]) + d * 2 * gates
        for i in 0..<gates { bias.floats[i] = b[i] + b[gates + i] }
      }
      weights.append(
        Direction(
          input: try packGates(context, w, inputSize), recurrent: try packGates(context, r, state),
          projection: try p.map { p throws(EngineError) in
            try packWeights(context, p, n: state, k: hidden, &scratchBytes)
          }, bias: bias))
    }
    workspaceBytes = values + scratchBytes
    // What is packed needs no float32 copy of the file's form.
    for i in 1..<inputs.count where i != h0 && i != c0 { operands[i] = FloatInput(i) }
  }

  /// The sum of a direction's biases, in the kernel's gate order.
  private func addBiases(_ packed: UnsafePointer<Float>, _ l: LSTMWeightLayout, _ d: Int, _ bias: UnsafeMutablePointer<Float>) {
    for i in 0..<4 * hidden {
      let at = packed + l.bias[d] + sourceRow(i)
      bias[i] = (l.biases > 0 ? at[0] : 0) + (l.biases > 1 ? at[4 * hidden] : 0)
    }
  }

  /// Room for weights that change from run to run.
  private func prepareVariables(_ l: LSTMWeightLayout, _ values: Int, _ context: ExecutionContext) throws(EngineError) {
    if hasProjection || inputs[3].type != .float32 {
      throw EngineError(.notSupported, "input 3 (\(inputs[3])) must be constant, or float32 without a projection")
    }
    let gates = 4 * hidden
    for _ in 0..<directions {
      let input = try PackedWeights(n: gates, k: inputSize, context), recurrent = try PackedWeights(n: gates, k: state, context)
      scratchBytes = max(scratchBytes, input.matrix.scratchBytes(context), recurrent.matrix.scratchBytes(context))
      weights.append(Direction(input: input, recurrent: recurrent, projection: nil, bias: try floatBuffer(gates)))
    }
    ordered = try floatBuffer(gates * max(inputSize, state))
    variableLayout = l
    workspaceBytes = values + scratchBytes
  }

  /// Packs the weights of this run.
  private func packVariables(_ context: ExecutionContext) {
    guard let l = variableLayout, let ordered, let data = inputs[3].data else { return }
    let packed = UnsafePointer(data.assumingMemoryBound(to: Float.self))
    for d in 0..<directions {
      packOrdered(packed + l.input[d], weights[d].input, ordered, context)
      packOrdered(packed + l.recurrent[d], weights[d].recurrent, ordered, context)
      addBiases(packed, l, d, weights[d].bias.floats)
    }
  }

  /// Packs the matrix at `source` with its rows in the kernel's gate order.
  private func packOrdered(_ source: UnsafePointer<Float>, _ matrix: PackedWeights, _ ordered: Buffer, _ context: ExecutionContext) {
    let k = matrix.matrix.k
    for row in 0..<4 * hidden { memcpy(ordered.floats + row * k, source + sourceRow(row) * k, k * 4) }
    matrix.pack(UnsafePointer(ordered.floats), transposed: true, context)
  }

  /// Multiply-adds of a step's recurrent product from which two threads share the step: some 2 microseconds, of which a start of the
  /// threads takes a part.
  private static let sharedStep = 32_768

  /// Into how many parts the threads cut a step: each a run of values of the state, whose four gates are whole panels.
  private func parts(_ w: Direction, _ context: ExecutionContext) -> Int {
    let matrix = w.recurrent.matrix
    if w.projection != nil || matrix.half != nil || batch * 4 * hidden * state < Self.sharedStep { return 1 }
    let width = Int(matrix.kernels.pointee.gemm_nr)
    var parts = context.threads
    while parts > 1 && hidden % (parts * width) != 0 { parts -= 1 }
    return parts
  }

  /// A part of a step's values: their gates, then the cell.
  private struct StepJob: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let matrix: PackedMatrix
    let product: MSGemm
    let c: UnsafeMutablePointer<Float>, h: UnsafeMutablePointer<Float>
    let rowStride: Int
    let hidden: Int, parts: Int
    let zoneoutCell: Float, zoneoutHidden: Float

    func run(_ index: Int, worker: Int) {
      let first = hidden * index / parts, count = hidden / parts
      let width = Int(matrix.kernels.pointee.gemm_nr)
      withUnsafePointer(to: product) {
        var gate = 0
        while gate < 4 {
          let panel = (gate * hidden + first) / width
          matrix.kernels.pointee.gemm($0, 0, $0.pointee.m, panel, panel + count / width)
          gate += 1
        }
      }
      finish(first, count)
    }

    /// The cell's values `first..<first + count`, from finished gates.
    func finish(_ first: Int, _ count: Int) {
      var b = 0
      while b < product.m {
        kernels.pointee.lstm_step(
          product.c + (b * 4 * hidden + first), hidden, c + (b * hidden + first), h + (b * rowStride + first), count, zoneoutCell,
          zoneoutHidden)
        b += 1
      }
    }
  }

  /// Keeps what the gradient needs of a step, whose gates before their functions are `g`.
  private func keep(
    _ t: Int, _ d: Int, _ g: UnsafePointer<Float>, _ h: UnsafePointer<Float>, _ hStride: Int, _ c: UnsafePointer<Float>,
    _ context: ExecutionContext
  ) {
    let block = steps * directions * batch * hidden
    let target = outputs[3].floats + (t * directions + d) * batch * hidden
    for b in 0..<batch { memcpy(target + b * hidden, h + b * hStride, hidden * 4) }
    memcpy(target + block, c, batch * hidden * 4)
    for gate in 0..<4 {
      let f = Int32((gate < 3 ? MS_UNARY_SIGMOID : MS_UNARY_TANH).rawValue)
      for b in 0..<batch {
        context.kernels.pointee.unary(
          f, g + (b * 4 + gate) * hidden, target + (2 + gate) * block + b * hidden, hidden, 0, 0)
      }
    }
  }

  /// The row of the file's matrix that holds row `row` in the kernel's gate order.
  private func sourceRow(_ row: Int) -> Int {
    if !isMindIR { return row }
    let (gate, i) = row.quotientAndRemainder(dividingBy: hidden)
    // i, o, f, g from i, f, g, o
    return (gate == 0 ? 0 : gate == 1 ? 3 : gate == 2 ? 1 : 2) * hidden + i
  }

  private func packGates(
    _ context: ExecutionContext, _ values: UnsafePointer<Float>, _ k: Int
  ) throws(EngineError) -> PackedWeights {
    if !isMindIR { return try packWeights(context, values, n: 4 * hidden, k: k, &scratchBytes) }
    let ordered = try floatBuffer(4 * hidden * k)
    for row in 0..<4 * hidden { memcpy(ordered.floats + row * k, values + sourceRow(row) * k, k * 4) }
    return try packWeights(context, ordered.floats, n: 4 * hidden, k: k, &scratchBytes)
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let gates = 4 * hidden
    if outputs[0].count == 0 {
      // No step: the states pass through.
      if batch > 0 && outputs.count > 1 { context.unary(.none, operands[h0].pointer(self), outputs[1].floats, outputs[1].count) }
      if batch > 0 && outputs.count > 2 { context.unary(.none, operands[c0].pointer(self), outputs[2].floats, outputs[2].count) }
      return
    }
    packVariables(context)
    let x = UnsafePointer(inputs[0].floats), y = outputs[0].floats
    let all = (context.workspace + scratchBytes).assumingMemoryBound(to: Float.self)
    let c = all + steps * batch * gates, cell = c + batch * hidden
    let stepStride = directions * batch * state, rowStride = isMindIR ? directions * state : state
    for d in 0..<directions {
      let w = weights[d]
      memcpy(c, operands[c0].pointer(self) + d * batch * hidden, batch * hidden * 4)
      context.product(
        x, lda: inputSize, w.input, all, ldc: gates, m: steps * batch, bias: w.bias.floats, residual: nil, ldr: 0)
      // The state after a step is what the step has written to the output.
      var h = operands[h0].pointer(self) + d * batch * state, hStride = state
      let parts = parts(w, context)
      for step in 0..<steps {
        let t = d == 0 ? step : steps - 1 - step
        let g = all + t * batch * gates
        let target = y + t * stepStride + d * (isMindIR ? state : batch * state)
        let product = MSGemm(
          a: h, lda: hStride, b: w.recurrent.panels.floats, c: g, ldc: gates, m: batch, n: gates, k: state, bias: nil, residual: g,
          ldr: gates, activation: FusedActivation.none.op, alpha: 0, beta: 0)
        if let projection = w.projection {
          context.multiply(product, w.recurrent.matrix, scratch: 0)
          for b in 0..<batch {
            context.kernels.pointee.lstm_step(g + b * gates, hidden, c + b * hidden, cell + b * hidden, hidden, zoneoutCell, 0)
          }
          context.product(cell, lda: hidden, projection, target, ldc: rowStride, m: batch, bias: nil, residual: nil, ldr: 0)
          if zoneoutHidden != 0 {
            for b in 0..<batch {
              let row = target + b * rowStride
              context.kernels.pointee.lerp(row, h + b * hStride, zoneoutHidden, row, state)
            }
          }
        } else {
          if zoneoutHidden != 0 { for b in 0..<batch { memcpy(target + b * rowStride, h + b * hStride, hidden * 4) } }
          let job = StepJob(
            kernels: context.kernels, matrix: w.recurrent.matrix, product: product, c: c, h: target, rowStride: rowStride,
            hidden: hidden, parts: parts, zoneoutCell: zoneoutCell, zoneoutHidden: zoneoutHidden)
          if parts > 1 {
            context.parallel(parts, job)
          } else {
            context.multiply(product, w.recurrent.matrix, scratch: 0)
            job.finish(0, hidden)
          }
        }
        (h, hStride) = (UnsafePointer(target), rowStride)
        if trains && outputs.count > 3 { keep(t, d, g, h, hStride, c, context) }
      }
      if outputs.count > 1 {
        for b in 0..<batch { memcpy(outputs[1].floats + (d * batch + b) * state, h + b * hStride, state * 4) }
      }
      if outputs.count > 2 { memcpy(outputs[2].floats + d * batch * hidden, c, batch * hidden * 4) }
    }
  }
}
