import ConverterCore
import Graph
import System

/// Scale and zero point as QuantizeLinear and its relatives have them: real = scale (q - zero), for the whole tensor, for each entry
/// of an axis, or for blocks of entries along it.
struct QuantizedForm {
  let scale: Tensor
  /// nil: 0.
  let zero: Tensor?
  var axis = 1
  /// Entries of the axis that share a scale; 0: no blocks.
  var block = 0

  /// The format's parameters for values of `dims`; nil when the model computes them, or has them for blocks.
  func parameters(_ dims: [Int], _ graph: GraphBuilder) -> [QuantParam]? {
    guard block == 0, scale.isConstant, zero?.isConstant ?? true, let scales = try? graph.floats(scale, "scale") else { return nil }
    let zeros = zero?.knownIntegers() ?? [Int](repeating: 0, count: scales.count)
    guard zeros.count == scales.count, !scales.isEmpty else { return nil }
    if scales.count > 1 {
      guard let a = place(dims.count), dims[a] == scales.count, scale.shape.rank == 1 else { return nil }
    }
    var result = [QuantParam]()
    for (s, z) in zip(scales, zeros) {
      guard s > 0, s.isFinite, abs(z) <= 1 << 16 else { return nil }
      result.append(QuantParam(scale: Double(s), zeroPoint: Int32(clamping: z), bits: 8, varianceCorrection: 1, meanCorrection: 0))
    }
    return result
  }

  private func place(_ rank: Int) -> Int? {
    let a = axis < 0 ? axis + rank : axis
    return a >= 0 && a < rank ? a : nil
  }

  /// Scale or zero point so shaped that it broadcasts to `x`, as float32.
  func shaped(_ parameter: Tensor, over x: Tensor, _ f: Formula) throws(EngineError) -> Tensor {
    let graph = f.graph
    let value = try f.cast(parameter, .float32)
    let dims = try graph.knownDims(of: parameter), rank = try graph.rank(of: x)
    if dims.reduce(1, *) == 1 && (dims.isEmpty || rank > 0) && block == 0 { return try graph.reshape(value, []) }
    guard let a = place(rank) else { throw EngineError(.formatError, "axis \(axis) lies outside the rank \(rank)") }
    if block > 0 {
      let size = try graph.knownDims(of: x)[a]
      guard dims.count == rank, (size + block - 1) / block == dims[a] else {
        throw EngineError(
          .formatError, "a scale or zero point of the shape \(Shape(dims)) does not cover \(size) entries of axis \(a) out of \(rank) by blocks of \(block)")
      }
      guard size <= 1 << 24 else { throw EngineError(.notSupported, "\(size) entries of axis \(a) are too many for blocks") }
      return try f.gather(value, f.list((0..<size).map { $0 / block }), axis: a)
    }
    guard dims.count == 1 else { throw EngineError(.formatError, "a scale of the shape \(Shape(dims)) has neither one value nor one for each entry of an axis") }
    return try graph.reshape(value, [Int](repeating: 1, count: a) + [dims[0]] + [Int](repeating: 1, count: rank - 1 - a))
  }

  // MARK: quantising

  static func limits(_ type: DataType) -> (low: Float, high: Float)? {
    switch type {
    case .int8: return (-128, 127)
    case .uint8: return (0, 255)
    case .int16: return (-32768, 32767)
    case .uint16: return (0, 65535)
    default: return nil
    }
  }

  /// x as values of `type`. Constant parameters make it the format's cast (halves go away from zero there, as in all of its int8
  /// arithmetic); others are spelled out.
  func quantize(_ x: Tensor, _ type: DataType, limits wanted: (low: Float, high: Float)? = nil, _ f: Formula) throws(EngineError) -> Tensor {
    let graph = f.graph
    let real = try f.cast(x, .float32)
    if wanted == nil, type == .int8 || type == .uint8, let dims = graph.dims(of: x), let parameters = parameters(dims, graph) {
      let a = parameters.count > 1 ? place(dims.count) ?? 0 : 0
      let node = graph.node(
        .quantDTypeCast,
        ["src_t": .number(Int(DataType.float32.rawValue)), "dst_t": .number(Int(type.rawValue)), "axis": .number(a)], [real], 1)
      node.outputs[0].quantParams = parameters
      return try graph.add(node)[0]
    }
    guard let limits = wanted ?? QuantizedForm.limits(type) else {
      throw EngineError(.notSupported, "quantises to \(type.name); int8, uint8, int16 and uint16 are accepted")
    }
    var y = try f.roundToEven(f.div(real, shaped(scale, over: x, f)))
    if let zero { y = try f.add(y, shaped(zero, over: x, f)) }
    return try f.cast(f.clamp(y, limits.low, limits.high), type)
  }

  /// The real numbers that `q` stands for.
  func dequantize(_ q: Tensor, _ f: Formula) throws(EngineError) -> Tensor {
    let graph = f.graph
    if let dims = graph.dims(of: q), let parameters = parameters(dims, graph) {
      let a = parameters.count > 1 ? place(dims.count) ?? 0 : 0
      if q.isConstant, let real = try constant(q, parameters, a, graph) { return real }
      if QuantizedForm.same(q.quantParams, parameters) {
        return try graph.add1(
          .quantDTypeCast,
          ["src_t": .number(Int(q.type.rawValue)), "dst_t": .number(Int(DataType.float32.rawValue)), "axis": .number(a)], [q])
      }
    }
    var y = try f.cast(q, .float32)
    if let zero { y = try f.sub(y, shaped(zero, over: q, f)) }
    return try f.mul(y, shaped(scale, over: q, f))
  }

  static func same(_ a: [QuantParam], _ b: [QuantParam]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { $0.scale == $1.scale && $0.zeroPoint == $1.zeroPoint }
  }

  /// A constant's real numbers. They keep the parameters, from which ``QuantizedGraph`` gets the integers back.
  private func constant(
    _ q: Tensor, _ parameters: [QuantParam], _ axis: Int, _ graph: GraphBuilder
  ) throws(EngineError) -> Tensor? {
    guard let data = q.data, let count = q.shape.checkedCount, q.type == .int8 || q.type == .uint8 || q.type == .int32 else { return nil }
    guard graph.model.budget.take(count * 4) else { return nil }
    guard let buffer = Buffer(count: max(count, 1) * 4) else {
      throw EngineError(.outOfMemory, "no memory for the real numbers of \(q)")
    }
    let inner = parameters.count > 1 ? q.shape.dims[(axis + 1)...].reduce(1, *) : 1
    let real = buffer.base.assumingMemoryBound(to: Float.self)
    let scales = parameters.map { Float($0.scale) }, zeros = parameters.map { Int($0.zeroPoint) }
    for i in 0..<count {
      let value: Int
      switch q.type {
      case .int8: value = Int(data.load(fromByteOffset: i, as: Int8.self))
      case .uint8: value = Int(data.load(fromByteOffset: i, as: UInt8.self))
      default: value = Int(data.loadUnaligned(fromByteOffset: 4 * i, as: Int32.self))
      }
      let p = parameters.count > 1 ? i / max(inner, 1) % parameters.count : 0
      real[i] = Float(value - zeros[p]) * scales[p]
    }
    let tensor = try graph.constant(
      "\(q.name)/real", .float32, q.shape.dims, bytes: UnsafeRawBufferPointer(start: buffer.base, count: count * 4), owner: buffer,
      isComputed: true)
    if q.type != .int32 {
      // uint8 weights become int8 ones.
      let shift: Int32 = q.type == .uint8 ? 128 : 0
      tensor.quantParams = parameters.map { p in
        var moved = p
        moved.zeroPoint -= shift
        return moved
      }
    }
    return tensor
  }
}
