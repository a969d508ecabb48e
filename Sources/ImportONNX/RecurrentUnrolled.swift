import ConverterCore
import Graph

/// A recurrent layer step by step, for what the format's operators cannot: other activations, clipping, peepholes, sequences of
/// different lengths, weights that the model computes.
struct RecurrentUnrolled {
  private let layer: RecurrentLayer
  private let f: Formula
  private let graph: GraphBuilder
  private let steps: Int
  private static let limit = 512

  init(_ layer: RecurrentLayer) throws(EngineError) {
    self.layer = layer
    f = layer.f
    graph = layer.node.graph
    guard let dims = graph.dims(of: layer.x), dims[0] >= 0 else {
      throw EngineError(
        .inferError, "this form of the layer is computed step by step, so the number of steps must be known; give the model's input shapes (--inputShape)")
    }
    steps = dims[0]
    guard steps >= 1, steps <= RecurrentUnrolled.limit else {
      throw EngineError(
        .notSupported, "this form of the layer is computed step by step, for 1 to \(RecurrentUnrolled.limit) steps; X has \(steps)")
    }
  }

  /// What one direction computes with.
  private struct Direction {
    let index: Int
    let recurrent: Tensor
    /// [gates H]; nil: none.
    let recurrentBias: Tensor?
    /// Each [H]: i, o, f.
    let peepholes: [Tensor]
    /// The input's part of every gate, step by step: [B, gates H].
    let inputs: [Tensor]
    let activations: [RecurrentActivation]
  }

  func results() throws(EngineError) -> [Tensor] {
    var outputs = [Tensor](), hidden = [Tensor](), cells = [Tensor]()
    let h0 = try layer.state(layer.h0)
    let c0 = layer.kind == .lstm ? try layer.state(layer.c0) : h0
    for d in 0..<layer.directions {
      let direction = try direction(d)
      var h = try part(h0, d), c = try part(c0, d)
      var rows = [Tensor?](repeating: nil, count: steps)
      let backwards = d == 1 || layer.reverses
      for step in 0..<steps {
        let t = backwards ? steps - 1 - step : step
        var next = try cell(direction, direction.inputs[t], h, c)
        var output = next.h
        if let lengths = layer.lengths {
          // Steps behind the end of a sequence leave its state alone and give zeros.
          let runs = try f.unsqueeze(f.less(f.scalar(t), f.cast(lengths, .int32)), [1])
          output = try f.choose(runs, next.h, f.scalar(Float(0)))
          next = (try f.choose(runs, next.h, h), layer.kind == .lstm ? try f.choose(runs, next.c, c) : next.c)
        }
        (h, c) = next
        rows[t] = try f.unsqueeze(output, [0, 1])
      }
      outputs.append(try f.concat(rows.compactMap { $0 }, 0))
      hidden.append(try f.unsqueeze(h, [0]))
      cells.append(try f.unsqueeze(c, [0]))
    }
    var results = [try f.concat(outputs, 1), try f.concat(hidden, 0)]
    if layer.kind == .lstm { results.append(try f.concat(cells, 0)) }
    return try layer.inOrder(results)
  }

  /// Entry `d` of axis 0, which is dropped.
  private func part(_ x: Tensor, _ d: Int) throws(EngineError) -> Tensor {
    let one = layer.directions == 1 ? x : try f.slice(x, axis: 0, from: d, to: d + 1)
    return try f.squeeze(one, [0])
  }

  private func direction(_ d: Int) throws(EngineError) -> Direction {
    let width = layer.kind.gates * layer.hidden
    var all = try f.matmul(layer.x, part(layer.w, d), transposeB: true)
    var recurrentBias: Tensor?
    if let bias = layer.bias {
      let own = try part(bias, d)
      all = try f.add(all, f.slice(own, axis: 0, from: 0, to: width))
      recurrentBias = try f.slice(own, axis: 0, from: width, to: 2 * width)
    }
    var inputs = [Tensor]()
    for row in try f.split(all, 0, sizes: [Int](repeating: 1, count: steps)) { inputs.append(try f.squeeze(row, [0])) }
    var peepholes = [Tensor]()
    if let p = layer.peepholes { peepholes = try f.split(part(p, d), 0, sizes: [Int](repeating: layer.hidden, count: 3)) }
    let count = layer.kind.activations.count
    return Direction(
      index: d, recurrent: try part(layer.r, d), recurrentBias: recurrentBias, peepholes: peepholes, inputs: inputs,
      activations: Array(layer.activations[d * count..<(d + 1) * count]))
  }

  private func apply(_ a: RecurrentActivation, _ x: Tensor) throws(EngineError) -> Tensor {
    try NNActivations.named(a.name, a.parameters, x, layer.node)
  }

  /// A gate's activation after clipping.
  private func gate(_ a: RecurrentActivation, _ x: Tensor) throws(EngineError) -> Tensor {
    guard let clip = layer.clip, clip > 0 else { return try apply(a, x) }
    return try apply(a, f.clamp(x, -clip, clip))
  }

  private func gates(_ x: Tensor, _ n: Int) throws(EngineError) -> [Tensor] {
    try f.split(x, 1, sizes: [Int](repeating: layer.hidden, count: n))
  }

  private func cell(_ d: Direction, _ x: Tensor, _ h: Tensor, _ c: Tensor) throws(EngineError) -> (h: Tensor, c: Tensor) {
    switch layer.kind {
    case .rnn:
      var sum = try f.add(x, f.matmul(h, d.recurrent, transposeB: true))
      if let bias = d.recurrentBias { sum = try f.add(sum, bias) }
      return (try gate(d.activations[0], sum), c)
    case .gru: return (try gru(d, x, h), c)
    case .lstm: return try lstm(d, x, h, c)
    }
  }

  private func lstm(_ d: Direction, _ x: Tensor, _ h: Tensor, _ c: Tensor) throws(EngineError) -> (h: Tensor, c: Tensor) {
    var sum = try f.add(x, f.matmul(h, d.recurrent, transposeB: true))
    if let bias = d.recurrentBias { sum = try f.add(sum, bias) }
    var (i, o, forget, candidate) = try { () throws(EngineError) in
      let g = try gates(sum, 4)
      return (g[0], g[1], g[2], g[3])
    }()
    if d.peepholes.count == 3 {
      i = try f.add(i, f.mul(d.peepholes[0], c))
      forget = try f.add(forget, f.mul(d.peepholes[2], c))
    }
    i = try gate(d.activations[0], i)
    forget = layer.couplesInput ? try f.sub(f.scalar(Float(1)), i) : try gate(d.activations[0], forget)
    candidate = try gate(d.activations[1], candidate)
    let cell = try f.add(f.mul(forget, c), f.mul(i, candidate))
    if d.peepholes.count == 3 { o = try f.add(o, f.mul(d.peepholes[1], cell)) }
    o = try gate(d.activations[0], o)
    return (try f.mul(o, apply(d.activations[2], cell)), cell)
  }

  private func gru(_ d: Direction, _ x: Tensor, _ h: Tensor) throws(EngineError) -> Tensor {
    let n = layer.hidden
    let inputs = try gates(x, 3)
    var biases: [Tensor] = []
    if let bias = d.recurrentBias { biases = try f.split(bias, 0, sizes: [n, n, n]) }
    let weights = try f.split(d.recurrent, 0, sizes: [n, n, n])
    func recurrent(_ i: Int, _ state: Tensor) throws(EngineError) -> Tensor {
      let product = try f.matmul(state, weights[i], transposeB: true)
      return biases.isEmpty ? product : try f.add(product, biases[i])
    }
    let z = try gate(d.activations[0], f.add(inputs[0], recurrent(0, h)))
    let r = try gate(d.activations[0], f.add(inputs[1], recurrent(1, h)))
    let past = layer.linearBeforeReset ? try f.mul(r, recurrent(2, h)) : try recurrent(2, f.mul(r, h))
    let candidate = try gate(d.activations[1], f.add(inputs[2], past))
    // (1 - z) candidate + z h
    return try f.add(candidate, f.mul(z, f.sub(h, candidate)))
  }
}
