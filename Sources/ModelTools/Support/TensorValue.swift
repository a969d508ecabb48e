import Graph
import KernelSelection

/// A tensor's elements in memory of their own, row-major.
struct TensorValue {
  var type: DataType
  var dims: [Int]
  /// How integers stand for real numbers; empty: they stand for themselves.
  var quantParams: [QuantParam] = []
  var bytes: [UInt8]

  var count: Int { type.size > 0 ? bytes.count / type.size : 0 }

  /// What `tensor` holds now; nil when it has no elements in memory (lists, handles).
  init?(_ tensor: Tensor) {
    guard tensor.type.size > 0, let count = tensor.shape.checkedCount else { return nil }
    type = tensor.type
    dims = tensor.shape.dims
    quantParams = tensor.quantParams
    guard count > 0 else {
      bytes = []
      return
    }
    guard let data = tensor.data else { return nil }
    bytes = [UInt8](UnsafeRawBufferPointer(start: data, count: tensor.byteCount))
  }

  init(type: DataType, dims: [Int], bytes: [UInt8]) {
    self.type = type
    self.dims = dims
    self.bytes = bytes
  }

  /// The elements as real numbers; quantised ones as what they stand for.
  func reals() -> [Double] {
    var out = numbers()
    guard quantParams.count == 1, let p = quantParams.first, type.size <= 2 || type == .int32, type != .bool, type != .float16 else {
      return out
    }
    for i in out.indices { out[i] = (out[i] - Double(p.zeroPoint)) * p.scale }
    return out
  }

  private func numbers() -> [Double] {
    func read<T>(_ type: T.Type, _ convert: (T) -> Double) -> [Double] {
      let size = MemoryLayout<T>.size
      return bytes.withUnsafeBytes { raw in
        (0..<raw.count / size).map { convert(raw.loadUnaligned(fromByteOffset: size * $0, as: T.self)) }
      }
    }
    switch type {
    case .float32: return read(Float.self) { Double($0) }
    case .float64: return read(Double.self) { $0 }
    case .float16:
      var values = [Float](repeating: 0, count: count)
      bytes.withUnsafeBytes { raw in
        guard let base = raw.baseAddress else { return }
        Kernels.active.pointee.f16_to_f32(base.assumingMemoryBound(to: UInt16.self), &values, raw.count / 2)
      }
      return values.map { Double($0) }
    case .int8: return read(Int8.self) { Double($0) }
    case .uint8, .bool, .string: return read(UInt8.self) { Double($0) }
    case .int16: return read(Int16.self) { Double($0) }
    case .uint16: return read(UInt16.self) { Double($0) }
    case .int32: return read(Int32.self) { Double($0) }
    case .uint32: return read(UInt32.self) { Double($0) }
    case .int64: return read(Int64.self) { Double($0) }
    case .uint64: return read(UInt64.self) { Double($0) }
    case .unknown, .tensorList: return []
    }
  }

  /// The same real numbers as another tensor's type holds them: integers are rounded and clamped.
  func converted(to type: DataType, quantParams target: [QuantParam]) -> TensorValue {
    if type == self.type && (quantParams.isEmpty || target.isEmpty || Self.same(quantParams, target)) { return self }
    var values = target.isEmpty && !Self.isFloat(type) ? numbers() : reals()
    if let p = target.first, target.count == 1, !Self.isFloat(type) {
      for i in values.indices { values[i] = (values[i] / p.scale).rounded() + Double(p.zeroPoint) }
    }
    return TensorValue(type: type, dims: dims, bytes: Self.encoded(values, type))
  }

  private static func same(_ a: [QuantParam], _ b: [QuantParam]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { $0.scale == $1.scale && $0.zeroPoint == $1.zeroPoint }
  }

  private static func isFloat(_ type: DataType) -> Bool { type == .float32 || type == .float16 || type == .float64 }

  /// The elements of a type, from numbers that are rounded and clamped to it.
  static func encoded(_ values: [Double], _ type: DataType) -> [UInt8] {
    func write<T>(_ convert: (Double) -> T) -> [UInt8] {
      let elements = values.map(convert)
      return elements.withUnsafeBytes { [UInt8]($0) }
    }
    func integer<T: FixedWidthInteger>(_ type: T.Type) -> [UInt8] {
      write { (v: Double) -> T in
        if v.isNaN { return 0 }
        let r = v.rounded()
        return r <= Double(T.min) ? T.min : r >= Double(T.max) ? T.max : T(r)
      }
    }
    switch type {
    case .float32: return write { Float($0) }
    case .float64: return write { $0 }
    case .float16:
      let floats = values.map { Float($0) }
      var halves = [UInt16](repeating: 0, count: floats.count)
      Kernels.active.pointee.f32_to_f16(floats, &halves, floats.count)
      return halves.withUnsafeBytes { [UInt8]($0) }
    case .bool: return values.map { $0 != 0 ? 1 : 0 }
    case .int8: return integer(Int8.self)
    case .uint8, .string: return integer(UInt8.self)
    case .int16: return integer(Int16.self)
    case .uint16: return integer(UInt16.self)
    case .int32: return integer(Int32.self)
    case .uint32: return integer(UInt32.self)
    case .int64: return integer(Int64.self)
    case .uint64: return integer(UInt64.self)
    case .unknown, .tensorList: return []
    }
  }

  /// The elements with their axes in another order: axis i of the result is axis `order[i]`.
  func transposed(_ order: [Int]) -> TensorValue {
    let size = type.size
    let strides = Shape(dims).strides
    let newDims = order.map { dims[$0] }
    var out = [UInt8](repeating: 0, count: bytes.count)
    var index = [Int](repeating: 0, count: dims.count)
    let steps = order.map { strides[$0] * size }
    bytes.withUnsafeBytes { source in
      out.withUnsafeMutableBytes { target in
        var from = 0
        var to = 0
        while to < target.count {
          for b in 0..<size { target[to + b] = source[from + b] }
          to += size
          var axis = newDims.count - 1
          while axis >= 0 {
            index[axis] += 1
            from += steps[axis]
            if index[axis] < newDims[axis] { break }
            from -= steps[axis] * newDims[axis]
            index[axis] = 0
            axis -= 1
          }
          if axis < 0 { break }
        }
      }
    }
    var value = TensorValue(type: type, dims: newDims, bytes: out)
    value.quantParams = quantParams
    return value
  }
}
