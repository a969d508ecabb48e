import ConverterCore
import Graph

/// Operators on quantised tensors.
///
/// All of them become real numbers between a dequantisation and a quantisation; ``QuantizedGraph`` turns an operator that stands between
/// the two into the engine's int8 form.
enum QuantizedOperators {
  static let table: [String: ONNXOperator] = [
    "QuantizeLinear": quantizeLinear,
    "DequantizeLinear": dequantizeLinear,
    "DynamicQuantizeLinear": dynamicQuantizeLinear,
    "com.microsoft.QuantizeLinear": quantizeLinear,
    "com.microsoft.DequantizeLinear": dequantizeLinear,
    "QLinearConv": qlinearConv,
    "com.microsoft.QLinearConv": qlinearConv,
    "QLinearMatMul": qlinearMatMul,
    "ConvInteger": convInteger,
    "MatMulInteger": matMulInteger,
    "com.microsoft.QLinearAdd": { node throws(EngineError) in try binary(node, .addFusion) },
    "com.microsoft.QLinearMul": { node throws(EngineError) in try binary(node, .mulFusion) },
    "com.microsoft.QLinearSigmoid": { node throws(EngineError) in
      try unary(node) { (x) throws(EngineError) in try Formula(node).sigmoid(x) }
    },
    "com.microsoft.QLinearLeakyRelu": { node throws(EngineError) in
      let alpha = try node.float("alpha", 0.01)
      return try unary(node) { (x) throws(EngineError) in
        try Formula(node).activation(x, ActivationNumber.leakyRelu, alpha: alpha)
      }
    },
    "com.microsoft.QLinearGlobalAveragePool": { node throws(EngineError) in
      let isLast = try node.bool("channels_last", false)
      return try unary(node) { (x) throws(EngineError) in
        let rank = try node.graph.rank(of: x)
        guard rank >= 3 else { throw node.refuseRank(rank) }
        return try Formula(node).reduce(x, ReduceNumber.mean, isLast ? Array(1..<rank - 1) : Array(2..<rank))
      }
    },
    "com.microsoft.QLinearAveragePool": { node throws(EngineError) in
      try node.refuse(try node.bool("channels_last", false), "channels_last is not supported here")
      return try unary(node) { (x) throws(EngineError) in
        let inner = node.with(inputs: [x])
        let y = try NNPool.averagePool(inner)[0]
        node.adoptRead(of: inner)
        return y
      }
    },
    "com.microsoft.QLinearConcat": qlinearConcat,
    "com.microsoft.QLinearSoftmax": qlinearSoftmax,
    "com.microsoft.QGemm": qgemm,
  ]

  // MARK: casts

  private static func form(_ node: ONNXNode, _ first: Int, axis: Int, block: Int = 0) throws(EngineError) -> QuantizedForm {
    QuantizedForm(scale: try node.input(first, "scale"), zero: node.optional(first + 1), axis: axis, block: block)
  }

  static func quantizeLinear(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let form = try form(node, 1, axis: node.int("axis", 1), block: node.int("block_size", 0))
    node.ignore("saturate", "precision")
    let stated = try node.optionalType("output_dtype")
    let output = Int32(try node.int("output_dtype", 0))
    let code = node.scope.importer.fourBitType(of: node.optional(2)) ?? output
    let type = node.optional(2)?.type ?? stated ?? .uint8
    // Four-bit integers are held in eight bits.
    let limits: (low: Float, high: Float)? = code == 22 ? (-8, 7) : code == 21 ? (0, 15) : nil
    return [try form.quantize(node.input(0, "x"), type, limits: limits, Formula(node))]
  }

  static func dequantizeLinear(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let form = try form(node, 1, axis: node.int("axis", 1), block: node.int("block_size", 0))
    let type = try node.optionalType("output_dtype") ?? (form.scale.type == .float16 ? .float16 : .float32)
    let f = Formula(node)
    return [try f.cast(form.dequantize(node.input(0, "x"), f), type)]
  }

  /// Parameters from the values: scale (max - min) / 255 with 0 inside the range, values uint8.
  static func dynamicQuantizeLinear(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0, "x")
    func extreme(_ mode: Int) throws(EngineError) -> Tensor {
      try graph.add1(.reduceFusion, ["keep_dims": false, "mode": .number(mode)], [graph.reshape(x, [-1]), f.list([0])])
    }
    let high = try f.maximum(extreme(ReduceNumber.max), f.scalar(Float(0)))
    let low = try f.minimum(extreme(ReduceNumber.min), f.scalar(Float(0)))
    let scale = try f.mul(f.sub(high, low), 1 / 255)
    // A tensor of zeros has the scale 0; any other number serves for what is divided by it.
    let divisor = try f.maximum(scale, f.scalar(Float.leastNormalMagnitude))
    let zero = try f.clamp(f.roundToEven(f.div(f.unary(.neg, low), divisor)), 0, 255)
    let y = try f.clamp(f.add(f.roundToEven(f.div(x, divisor)), zero), 0, 255)
    return [try f.cast(y, .uint8), scale, try f.cast(zero, .uint8)]
  }

  // MARK: products

  static func qlinearConv(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let xForm = try form(node, 1, axis: 1), wForm = try form(node, 4, axis: 0), yForm = try form(node, 6, axis: 1)
    let isLast = try node.bool("channels_last", false)
    try node.refuse(isLast, "channels_last is not supported here")
    let x = try xForm.dequantize(node.input(0, "x"), f)
    let w = try wForm.dequantize(node.input(3, "w"), f)
    var bias: Tensor?
    if let b = node.optional(8) { bias = try f.mul(f.cast(b, .float32), flat(f, f.mul(xForm.scale, wForm.scale))) }
    let y = try NNConvolution.convolution(node, x, w, bias)
    return [try yForm.quantize(y, node.optional(7)?.type ?? .uint8, f)]
  }

  /// A vector or a single number, the latter of rank 0.
  private static func flat(_ f: Formula, _ x: Tensor) throws(EngineError) -> Tensor {
    try f.graph.knownDims(of: x).reduce(1, *) == 1 ? try f.graph.reshape(x, []) : x
  }

  static func qlinearMatMul(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let a = try form(node, 1, axis: -2).dequantize(node.input(0, "a"), f)
    let b = try form(node, 4, axis: -1).dequantize(node.input(3, "b"), f)
    return [try form(node, 6, axis: -1).quantize(f.matmul(a, b), node.optional(7)?.type ?? .uint8, f)]
  }

  /// Integers as real numbers, less their zero point.
  private static func centered(_ q: Tensor, _ zero: Tensor?, axis: Int, _ f: Formula) throws(EngineError) -> Tensor {
    try QuantizedForm(scale: f.graph.constant(floats: [1], dims: []), zero: zero, axis: axis).plain(q, f)
  }

  /// Sums of products of integers below 2^24 are exact as real numbers; larger ones are rounded to 24 bits.
  static func convInteger(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let x = try centered(node.input(0, "x"), node.optional(2), axis: 1, f)
    let w = try centered(node.input(1, "w"), node.optional(3), axis: 0, f)
    return [try f.cast(f.unary(.round, NNConvolution.convolution(node, x, w, nil)), .int32)]
  }

  static func matMulInteger(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let a = try centered(node.input(0, "A"), node.optional(2), axis: -2, f)
    let b = try centered(node.input(1, "B"), node.optional(3), axis: -1, f)
    return [try f.cast(f.unary(.round, f.matmul(a, b)), .int32)]
  }

  // MARK: com.microsoft

  private static func binary(_ node: ONNXNode, _ kind: OperatorKind) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let a = try form(node, 1, axis: 1).dequantize(node.input(0, "A"), f), b = try form(node, 4, axis: 1).dequantize(node.input(3, "B"), f)
    let y = try node.graph.add1(kind, [:], [a, b])
    return [try form(node, 6, axis: 1).quantize(y, node.input(0).type, f)]
  }

  private static func unary(
    _ node: ONNXNode, _ body: (Tensor) throws(EngineError) -> Tensor
  ) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let x = try form(node, 1, axis: 1).dequantize(node.input(0, "X"), f)
    return [try form(node, 3, axis: 1).quantize(body(x), node.input(0).type, f)]
  }

  static func qlinearSoftmax(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph
    let axis = try graph.axis(node.int("axis", -1), of: node.input(0, "X"))
    let version = try node.int("opset", 13), rank = try graph.rank(of: node.input(0))
    // Until version 13 everything from the axis on was one vector.
    try node.refuse(version < 13 && axis != rank - 1, "a softmax over the axes from \(axis) on is not supported here")
    return try unary(node) { (x) throws(EngineError) in try graph.add1(.softmax, ["axis": .list([axis])], [x]) }
  }

  /// alpha A B + C, C being integers in steps of the products; a real result when there is no scale for it.
  static func qgemm(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let swapsA = try node.bool("transA", false), swapsB = try node.bool("transB", false), alpha = try node.float("alpha", 1)
    let aForm = try form(node, 1, axis: 0), bForm = try form(node, 4, axis: swapsB ? 0 : 1)
    let a = try aForm.dequantize(node.input(0, "A"), f), b = try bForm.dequantize(node.input(3, "B"), f)
    var bias: Tensor?
    if let c = node.optional(6) { bias = try f.mul(f.cast(c, .float32), flat(f, f.mul(aForm.scale, bForm.scale))) }
    var y: Tensor
    if let bias, node.graph.dims(of: bias)?.count == 1, alpha == 1 {
      y = try f.matmul(a, b, transposeA: swapsA, transposeB: swapsB, bias: bias)
    } else {
      y = try f.mul(f.matmul(a, b, transposeA: swapsA, transposeB: swapsB), alpha)
      // C is in steps of alpha times the products.
      if let bias { y = try f.add(y, f.mul(bias, alpha)) }
    }
    guard node.optional(7) != nil else { return [y] }
    let type = try node.input(0).type
    return [try form(node, 7, axis: 1).quantize(y, type, f)]
  }

  static func qlinearConcat(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    var parts = [Tensor]()
    guard node.inputs.count >= 5, node.inputs.count % 3 == 2 else {
      throw EngineError(.formatError, "there are \(node.inputs.count) operands; 2 and then 3 for each tensor are needed")
    }
    for i in stride(from: 2, to: node.inputs.count, by: 3) {
      parts.append(try form(node, i + 1, axis: 1).dequantize(node.input(i), f))
    }
    let axis = try node.graph.axis(node.int("axis"), of: parts[0])
    return [try form(node, 0, axis: 1).quantize(f.concat(parts, axis), node.input(2).type, f)]
  }
}

extension QuantizedForm {
  /// ``dequantize(_:_:)`` without the format's cast.
  func plain(_ q: Tensor, _ f: Formula) throws(EngineError) -> Tensor {
    let real = try f.cast(q, .float32)
    guard let zero else { return real }
    return try f.sub(real, shaped(zero, over: q, f))
  }
}
