import ConverterCore
import Graph

/// Attention and RotaryEmbedding of ONNX, spelled out as products and a softmax.
enum NNAttention {
  static let table: [String: ONNXOperator] = ["Attention": attention, "RotaryEmbedding": rotary]

  // MARK: Attention

  static func attention(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let queryHeads = try node.optionalInt("q_num_heads"), keyHeads = try node.optionalInt("kv_num_heads")
    let rank = try graph.rank(of: node.input(0, "Q"))
    let q = try heads(node.input(0, "Q"), queryHeads, f)
    var k = try heads(node.input(1, "K"), keyHeads, f), v = try heads(node.input(2, "V"), keyHeads, f)
    let past = node.optional(4)
    if let past { k = try f.concat([past, k], 2) }
    if let past = node.optional(5) { v = try f.concat([past, v], 2) }
    let (presentKey, presentValue) = (k, v)
    let qd = try graph.knownDims(of: q), kd = try graph.knownDims(of: k)
    guard qd.count == 4, kd.count == 4, qd[1] > 0, kd[1] > 0, qd[1] % kd[1] == 0, qd[1] <= 1 << 16, max(qd[2], 1) * max(kd[2], 1) <= 1 << 26
    else {
      throw EngineError(.formatError, "Q \(Shape(qd)) and K \(Shape(kd)) do not fit each other")
    }
    node.ignore("softmax_precision")
    let scale = try node.float("scale", 1 / Float(qd[3]).squareRoot())
    let softcap = try node.float("softcap", 0)
    let mode = try node.int("qk_matmul_output_mode", 0)
    let offset = past == nil ? 0 : kd[2] - (try graph.knownDims(of: node.input(1)))[rank == 3 ? 1 : 2]
    let bias = try bias(node, f, queries: qd[2], keys: kd[2], offset: offset)

    if qd[1] != kd[1] {
      // Each head of K and V serves several queries' heads, which follow each other.
      let copies = f.list((0..<qd[1]).map { $0 / (qd[1] / kd[1]) })
      k = try f.gather(k, copies, axis: 1)
      v = try f.gather(v, copies, axis: 1)
    }
    var logits = try f.matmul(f.mul(q, scale), k, transposeB: true)
    if softcap > 0 { logits = try f.mul(f.tanh(f.mul(logits, 1 / softcap)), softcap) }
    var biased = logits
    if let bias = bias.value { biased = try f.add(logits, bias) }
    var weights = try graph.add1(.softmax, ["axis": [-1]], [biased])
    if bias.canMaskRows, let value = bias.value {
      // A query that may see nothing gets nothing.
      let best = try f.reduce(value, ReduceNumber.max, [-1])
      weights = try f.choose(f.less(best, f.scalar(-Float.greatestFiniteMagnitude)), f.scalar(Float(0)), weights)
    }
    var y = try f.matmul(weights, v)
    if rank == 3 { y = try graph.reshape(graph.transpose(y, [0, 2, 1, 3]), [0, qd[2], -1]) }
    return [y, presentKey, presentValue, mode == 3 ? weights : mode == 2 ? biased : logits]
  }

  /// [B, S, heads d] as [B, heads, S, d].
  private static func heads(_ x: Tensor, _ count: Int?, _ f: Formula) throws(EngineError) -> Tensor {
    let dims = try f.graph.knownDims(of: x)
    if dims.count == 4 { return x }
    guard dims.count == 3, let count, count > 0, dims[2] % count == 0 else {
      throw EngineError(.formatError, "\(x) must have rank 4, or rank 3 with a number of heads that divides its last axis")
    }
    return try f.graph.transpose(f.graph.reshape(x, [dims[0], dims[1], count, dims[2] / count]), [0, 2, 1, 3])
  }

  /// What is added to the logits: 0 where a query sees a key, minus infinity where it does not. `offset`: keys before the first query.
  private static func bias(
    _ node: ONNXNode, _ f: Formula, queries: Int, keys: Int, offset: Int
  ) throws(EngineError) -> (value: Tensor?, canMaskRows: Bool) {
    let graph = node.graph
    let isCausal = try node.bool("is_causal", false)
    let left = try node.int("left_window_size", -1), right = try node.int("right_window_size", -1)
    var value: Tensor?, canMaskRows = false
    func add(_ more: Tensor) throws(EngineError) {
      if let before = value { value = try f.add(before, more) } else { value = more }
    }
    func seen(_ condition: Tensor) throws(EngineError) -> Tensor {
      try f.choose(condition, f.scalar(Float(0)), f.scalar(-Float.infinity))
    }
    let lengths = try node.optional(6).map { (t) throws(EngineError) in try graph.reshape(f.cast(t, .int32), [-1, 1, 1, 1]) }
    if var mask = node.optional(3) {
      canMaskRows = true
      if mask.type == .bool { mask = try seen(mask) }
      let dims = try graph.knownDims(of: mask)
      if let last = dims.last, last < keys, last > 1 || keys > 1 {
        var pads = [[Int]](repeating: [0, 0], count: dims.count)
        pads[dims.count - 1] = [0, keys - last]
        mask = try f.pad(mask, pads, value: -.infinity)
      }
      try add(mask)
    }
    if isCausal || left >= 0 || right >= 0 {
      // Query less key, from which the number of keys before the first query is still missing.
      let distances = (0..<queries).flatMap { i in (0..<keys).map { i - $0 } }
      func allowed(_ d: Int) -> Bool { (!isCausal || d >= 0) && (left < 0 || d <= left) && (right < 0 || -d <= right) }
      if let lengths {
        canMaskRows = true
        let d = try f.add(graph.constant(ints: distances, dims: [1, 1, queries, keys]), f.add(lengths, f.scalar(-queries)))
        if isCausal { try add(seen(graph.add1(.greaterEqual, [:], [d, f.scalar(0)]))) }
        if left >= 0 { try add(seen(graph.add1(.lessEqual, [:], [d, f.scalar(left)]))) }
        if right >= 0 { try add(seen(graph.add1(.greaterEqual, [:], [d, f.scalar(-right)]))) }
      } else {
        canMaskRows = canMaskRows || left >= 0 || right >= 0 || offset < 0
        try add(graph.constant(floats: distances.map { allowed($0 + offset) ? 0 : -.infinity }, dims: [queries, keys]))
      }
    }
    if let lengths {
      canMaskRows = true
      try add(seen(f.less(graph.constant(ints: Array(0..<keys), dims: [1, 1, 1, keys]), lengths)))
    }
    return (value, canMaskRows)
  }

  // MARK: RotaryEmbedding

  static func rotary(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let source = try node.input(0, "X")
    let dims = try graph.knownDims(of: source)
    let interleaved = try node.bool("interleaved", false)
    let count = try node.int("num_heads", 0), stated = try node.int("rotary_embedding_dim", 0)
    // To [batch, positions, heads, size].
    var x = source
    if dims.count == 3 {
      guard count > 0, dims[2] % count == 0 else { throw EngineError(.formatError, "num_heads \(count) does not divide \(dims[2])") }
      x = try graph.reshape(x, [dims[0], dims[1], count, dims[2] / count])
    } else {
      guard dims.count == 4 else { throw node.refuseRank(dims.count) }
      x = try graph.transpose(x, [0, 2, 1, 3])
    }
    let shape = try graph.knownDims(of: x)
    let size = stated > 0 ? stated : shape[3]
    guard size <= shape[3], size % 2 == 0, size > 0 else { throw EngineError(.formatError, "rotary_embedding_dim is \(size) for heads of \(shape[3])") }
    func cache(_ i: Int) throws(EngineError) -> Tensor {
      var table = try node.input(i)
      if let positions = node.optional(3) { table = try f.gather(table, f.cast(positions, .int32), axis: 0) }
      return try f.unsqueeze(table, [try graph.rank(of: table) - 1])
    }
    let (cos, sin) = (try cache(1), try cache(2))
    let rotated = size == shape[3] ? x : try f.slice(x, axis: 3, from: 0, to: size)
    let a, b: Tensor
    if interleaved {
      a = try f.slice(rotated, axis: 3, from: 0, to: Formula.end, step: 2)
      b = try f.slice(rotated, axis: 3, from: 1, to: Formula.end, step: 2)
    } else {
      a = try f.slice(rotated, axis: 3, from: 0, to: size / 2)
      b = try f.slice(rotated, axis: 3, from: size / 2, to: size)
    }
    let real = try f.sub(f.mul(cos, a), f.mul(sin, b)), imaginary = try f.add(f.mul(sin, a), f.mul(cos, b))
    var y: Tensor
    if interleaved {
      y = try graph.reshape(f.concat([f.unsqueeze(real, [4]), f.unsqueeze(imaginary, [4])], 4), [shape[0], shape[1], shape[2], size])
    } else {
      y = try f.concat([real, imaginary], 3)
    }
    if size < shape[3] { y = try f.concat([y, f.slice(x, axis: 3, from: size, to: Formula.end)], 3) }
    return [dims.count == 3 ? try graph.reshape(y, dims) : try graph.transpose(y, [0, 2, 1, 3])]
  }
}
