import ConverterCore
import Graph
import System

/// Quantised values in other forms.
extension SubgraphImporter {
  /// A QuantDTypeCast: to float32 (from what the input's parameters say), or to the 8-bit type with `params`.
  func cast(_ x: Tensor, to type: DataType, params: [QuantParam]) throws(EngineError) -> Tensor {
    let node = graph.node(
      .quantDTypeCast, ["src_t": .number(Int(x.type.rawValue)), "dst_t": .number(Int(type.rawValue)), "axis": 0], [x], 1)
    node.outputs[0].quantParams = params
    let result = try graph.add(node)[0]
    if type != .float32 { result.quantParams = params }
    return result
  }

  /// float32 as a quantised tensor of the file is computed: int8, or float32 for 16-bit ones.
  func quantised(_ x: Tensor, as index: Int) throws(EngineError) -> Tensor {
    guard source.tensors[index].isByteQuantised, x.type == .float32, let params = try quantParams(index, shifted: true) else { return x }
    return try cast(x, to: .int8, params: params)
  }

  /// scale (q - zero point) of a 16-bit graph input.
  func real(of16Bit x: Tensor, _ p: QuantParam) throws(EngineError) -> Tensor {
    var y = try graph.add1(.cast, [:], [x, graph.constant(ints: [Int(DataType.float32.rawValue)], dims: [])])
    if p.zeroPoint != 0 { y = try graph.add1(.subFusion, [:], [y, graph.constant(floats: [Float(p.zeroPoint)], dims: [])]) }
    return try graph.add1(.mulFusion, [:], [y, graph.constant(floats: [Float(p.scale)], dims: [])])
  }

  /// The 16-bit values that stand for a graph output.
  func stored16Bit(_ x: Tensor, _ p: QuantParam) throws(EngineError) -> Tensor {
    var y = try graph.add1(.divFusion, [:], [x, graph.constant(floats: [Float(p.scale)], dims: [])])
    y = try graph.add1(.round, [:], [y])
    if p.zeroPoint != 0 { y = try graph.add1(.addFusion, [:], [y, graph.constant(floats: [Float(p.zeroPoint)], dims: [])]) }
    y = try graph.add1(.activation, ["activation_type": 16, "min_val": -32768.0, "max_val": 32767.0], [y])
    return try graph.add1(.cast, [:], [y, graph.constant(ints: [Int(DataType.int16.rawValue)], dims: [])])
  }

  /// uint8 bytes less 128.
  func shiftedBytes(_ t: Tensor, _ name: String) throws(EngineError) -> Tensor {
    guard let data = t.data, let buffer = Buffer(count: max(1, t.count)) else {
      throw EngineError(.outOfMemory, "no memory for constant \"\(name)\"")
    }
    for i in 0..<t.count {
      buffer.base.storeBytes(of: data.load(fromByteOffset: i, as: UInt8.self) ^ 0x80, toByteOffset: i, as: UInt8.self)
    }
    return try graph.constant(name, .int8, t.shape.dims, bytes: buffer.prefix(t.count), owner: buffer)
  }

  /// The real numbers of a constant of integers.
  func dequantised(_ t: Tensor, _ q: TFLiteQuantization) throws(EngineError) -> Tensor {
    let count = t.count
    guard let data = t.data, let buffer = Buffer(count: max(1, 4 * count)) else {
      throw EngineError(.outOfMemory, "no memory for constant \"\(t.name)\"")
    }
    let dims = t.shape.dims, perChannel = q.scales.count > 1
    let inner = perChannel ? Shape(Array(dims[(q.axis + 1)...])).count : max(count, 1)
    let y = buffer.base.assumingMemoryBound(to: Float.self)
    func fill<T: FixedWidthInteger>(_ type: T.Type) {
      let x = data.assumingMemoryBound(to: T.self)
      var start = 0, channel = 0
      while start < count {
        let scale = q.scales[channel], zero = Int64(clamping: q.zeroPoints[q.zeroPoints.count == 1 ? 0 : channel])
        for i in start..<min(start + inner, count) { y[i] = Float(Int64(x[i]) &- zero) * scale }
        start += inner
        channel = channel + 1 == q.scales.count ? 0 : channel + 1
      }
    }
    switch t.type {
    case .int8: fill(Int8.self)
    case .uint8: fill(UInt8.self)
    case .int16: fill(Int16.self)
    case .int32: fill(Int32.self)
    default: throw EngineError(.notSupported, "constant \(t) is quantised, which its type cannot be")
    }
    return try graph.constant(t.name, .float32, dims, bytes: buffer.prefix(4 * count), owner: buffer)
  }
}
