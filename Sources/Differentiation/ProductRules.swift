import ConverterCore
import Graph

/// Convolutions and matrix products.
enum ProductRules {
  static let table: [(OperatorKind, GradientRule)] = [
    (.conv2DFusion, convolution), (.conv2dTransposeFusion, transposedConvolution), (.fullConnection, fullConnection), (.matMulFusion, matrixProduct),
  ]

  // MARK: convolutions

  /// The attributes that a convolution and its gradients share.
  private static func window(_ s: GradientScope) throws(EngineError) -> [String: AttributeValue] {
    let node = s.node, w = node.inputs[1].shape
    guard w.rank == 4 else { throw EngineError(.inferError, "the weights (\(node.inputs[1])) must have four dimensions") }
    func list(_ name: String, _ fallback: [Int]) -> [Int] {
      let values = node.attributes.ints(Attributes.id(node.kind, name))
      return values.isEmpty ? fallback : values
    }
    let a = node.attributes
    func number(_ name: String) -> Int { a.int(Attributes.id(node.kind, name)) }
    var group = number("group")
    // Some files have 0 for a depthwise convolution.
    if group == 0 { group = s.x.shape.rank == 4 && w[3] > 0 && s.x.shape[3] == w[3] * w[0] ? w[0] : 1 }
    return [
      "format": 1, "kernel_size": .list([w[1], w[2]]), "stride": .list(list("stride", [1, 1])), "dilation": .list(list("dilation", [1, 1])),
      "pad_mode": .number(number("pad_mode")), "pad_list": .list(list("pad_list", [0, 0, 0, 0])), "group": .number(group),
      "in_channel": .number(number("in_channel")), "out_channel": .number(number("out_channel")), "activation_type": 0,
    ]
  }

  private static func bias(_ s: GradientScope, _ i: Int) throws(EngineError) {
    if s.wants(i) { try s.give(i, try s.add(.biasAddGrad, [:], [try s.dy()])) }
  }

  private static func convolution(_ s: GradientScope) throws(EngineError) {
    let dy = try s.dy(), w = s.node.inputs[1], attributes = try window(s)
    if s.wants(0) { try s.give(0, try s.add(.conv2DBackpropInputFusion, attributes, [dy, w, try s.tape.shape(of: s.x)])) }
    if s.wants(1) { try s.give(1, try s.add(.conv2DBackpropFilterFusion, attributes, [dy, s.x, s.ints("weights", w.shape.dims)])) }
    try bias(s, 2)
  }

  /// The gradient of what a transposed convolution reads is a convolution with the same weights.
  private static func transposedConvolution(_ s: GradientScope) throws(EngineError) {
    let dy = try s.dy(), w = s.node.inputs[1], attributes = try window(s)
    if s.wants(0) {
      let d = try s.add(.conv2DFusion, attributes, [dy, w])
      if d.shape.isKnown && s.x.shape.isKnown && d.shape.dims != s.x.shape.dims {
        throw s.refuse("the gradient's window does not lie as that of the node; its padding is not supported")
      }
      try s.give(0, d)
    }
    if s.wants(1) { try s.give(1, try s.add(.deConv2DGradFilter, attributes, [dy, s.x, s.ints("weights", w.shape.dims)])) }
    try bias(s, 2)
  }

  // MARK: matrix products

  private static func multiply(_ s: GradientScope, _ a: Tensor, _ b: Tensor, turnA: Bool = false, turnB: Bool = false) throws(EngineError) -> Tensor {
    try s.add(.matMulFusion, ["transpose_a": .bool(turnA), "transpose_b": .bool(turnB), "activation_type": 0], [a, b])
  }

  private static func fullConnection(_ s: GradientScope) throws(EngineError) {
    let w = s.node.inputs[1]
    guard w.shape.rank == 2, w.shape.isKnown else { throw EngineError(.inferError, "the weights (\(w)) must be a matrix") }
    let dy = try s.matrix(try s.dy(), w.shape[0])
    if s.wants(0) {
      let d = try multiply(s, dy, w)
      try s.give(0, s.x.shape.rank == 2 && s.x.shape.isKnown && s.x.shape[1] == w.shape[1] ? d : try s.reshaped(d, like: s.x))
    }
    if s.wants(1) { try s.give(1, try multiply(s, dy, try rows(s, w.shape[1]), turnA: true)) }
    if s.wants(2) { try s.give(2, try s.add(.biasAddGrad, [:], [dy])) }
  }

  /// The input as a matrix. One of two dimensions may still have others than the product.
  private static func rows(_ s: GradientScope, _ columns: Int) throws(EngineError) -> Tensor {
    if s.x.shape.rank == 2 && s.x.shape[1] == columns { return s.x }
    return try s.add(.reshape, [:], [s.x, s.ints("rows", [-1, columns])])
  }

  private static func matrixProduct(_ s: GradientScope) throws(EngineError) {
    let dy = try s.dy(), a = s.x, b = s.node.inputs[1]
    let turnsA = s.node.attributes.bool(0), turnsB = s.node.attributes.bool(1)
    guard a.shape.rank >= 2, b.shape.rank >= 2 else { throw s.refuse("the gradient of a product with a vector (\(a), \(b)) is not supported") }
    if s.wants(0) {
      let d = try turnsA ? multiply(s, b, dy, turnA: turnsB, turnB: true) : multiply(s, dy, b, turnB: !turnsB)
      try s.give(0, try batch(s, d, 0, other: b))
    }
    if s.wants(1) {
      if b.shape.rank == 2 && a.shape.rank > 2 && !turnsA {
        // All rows of all matrices are one matrix.
        try s.known(a, a.shape.rank - 1..<a.shape.rank)
        try s.known(b, 0..<2)
        let x = try s.matrix(a, a.shape.dims[a.shape.rank - 1]), d = try s.matrix(dy, b.shape[turnsB ? 0 : 1])
        try s.give(1, turnsB ? try multiply(s, d, x, turnA: true) : try multiply(s, x, d, turnA: true))
      } else {
        let d = try turnsB ? multiply(s, dy, a, turnA: true, turnB: turnsA) : multiply(s, a, dy, turnA: !turnsA)
        try s.give(1, try batch(s, d, 1, other: a))
      }
    }
    if s.wants(2) { try s.give(2, try s.add(.biasAddGrad, [:], [dy])) }
  }

  /// The sum of the matrices of a batch along which input `i` was repeated.
  private static func batch(_ s: GradientScope, _ d: Tensor, _ i: Int, other: Tensor) throws(EngineError) -> Tensor {
    if other.shape.rank == 2 { return d }
    let own = s.node.inputs[i].shape
    if own.rank == other.shape.rank && own.isKnown && other.shape.isKnown && own.dims.dropLast(2) == other.shape.dims.dropLast(2) { return d }
    return try s.summed(d, i, whole: d)
  }
}
