import Graph

/// Reading of operands that say where data go: shapes, axes, indices.
extension Operator {
  /// The integers of input `index`, saturated to Int32's range as the original's are, so that sums of them cannot overflow.
  func requireSmallIntegers(_ index: Int) throws(EngineError) -> [Int] {
    var values = try requireIntegers(index)
    var i = 0
    while i < values.count {
      values[i] = max(min(values[i], Int(Int32.max)), Int(Int32.min))
      i += 1
    }
    return values
  }

  /// The first integer of input `index`.
  func requireScalar(_ index: Int) throws(EngineError) -> Int {
    let values = try requireSmallIntegers(index)
    guard let first = values.first else {
      throw EngineError(.inferError, "input \(index) (\(inputs[index])) must hold a number")
    }
    return first
  }

  /// Input `index` has elements of a size that can be moved.
  func requireFixedSize(_ index: Int) throws(EngineError) {
    if inputs[index].type.size == 0 || inputs[index].type == .string {
      throw EngineError(.notSupported, "input \(index) (\(inputs[index])) must have numbers as elements")
    }
  }

  /// Input `index` holds indices.
  func requireIndices(_ index: Int) throws(EngineError) { try requireType(index, .int32, .int64) }

  /// Both inputs have the same type.
  func requireSameType(_ a: Int, _ b: Int) throws(EngineError) {
    if inputs[a].type != inputs[b].type {
      throw EngineError(
        .notSupported, "inputs \(a) (\(inputs[a])) and \(b) (\(inputs[b])) must have the same element type")
    }
  }
}

/// The elements of an int32, int64 or float32 tensor, at run time, as integers.
struct IndexList {
  private let data: UnsafeRawPointer
  private let type: DataType

  /// The tensor has data and one of the three types.
  init(_ tensor: Tensor) {
    data = UnsafeRawPointer(tensor.data.unsafelyUnwrapped)
    type = tensor.type
  }

  @inline(__always)
  subscript(_ i: Int) -> Int {
    if type == .int32 { return Int(data.loadUnaligned(fromByteOffset: i * 4, as: Int32.self)) }
    if type == .int64 { return Int(data.loadUnaligned(fromByteOffset: i * 8, as: Int64.self)) }
    return saturated(Double(data.loadUnaligned(fromByteOffset: i * 4, as: Float.self)), Int.self)
  }

  /// Element `i` as a position on an axis of `limit` entries, counted from the end when negative; nil outside.
  @inline(__always)
  func position(_ i: Int, limit: Int) -> Int? {
    let v = self[i]
    let p = v < 0 ? v &+ limit : v
    return p >= 0 && p < limit ? p : nil
  }
}

extension Shape {
  /// Product of the dimensions in `range`. A shape without elements may have other dimensions whose product overflows; the
  /// result means nothing then, and nobody uses it.
  func span(_ range: Range<Int>) -> Int {
    var n = 1
    for i in range { n = n &* dims[i] }
    return n
  }

  /// Row-major strides in elements, with the same freedom as ``span(_:)``.
  var steps: [Int] {
    var s = [Int](repeating: 1, count: rank)
    var i = rank - 2
    while i >= 0 {
      s[i] = s[i + 1] &* dims[i + 1]
      i -= 1
    }
    return s
  }
}

extension Tensor {
  /// The bits of element `i` of a tensor with data, zero-extended.
  func bits(_ i: Int) -> UInt64 {
    let p = UnsafeRawPointer(data.unsafelyUnwrapped)
    switch type.size {
    case 1: return UInt64(p.load(fromByteOffset: i, as: UInt8.self))
    case 2: return UInt64(p.loadUnaligned(fromByteOffset: i * 2, as: UInt16.self))
    case 4: return UInt64(p.loadUnaligned(fromByteOffset: i * 4, as: UInt32.self))
    default: return p.loadUnaligned(fromByteOffset: i * 8, as: UInt64.self)
    }
  }
}

extension DataType {
  /// The bits of `value` as an element of this type, saturated; nil for types that cannot hold a number.
  func bits(of value: Double) -> UInt64? {
    switch self {
    case .float32: return UInt64(Float(value).bitPattern)
    case .float64: return value.bitPattern
    case .float16: return UInt64(halfBits(Float(value)))
    case .bool: return value != 0 ? 1 : 0
    case .int8: return UInt64(UInt8(bitPattern: saturated(value, Int8.self)))
    case .uint8: return UInt64(saturated(value, UInt8.self))
    case .int16: return UInt64(UInt16(bitPattern: saturated(value, Int16.self)))
    case .uint16: return UInt64(saturated(value, UInt16.self))
    case .int32: return UInt64(UInt32(bitPattern: saturated(value, Int32.self)))
    case .uint32: return UInt64(saturated(value, UInt32.self))
    case .int64: return UInt64(bitPattern: saturated(value, Int64.self))
    case .uint64: return saturated(value, UInt64.self)
    case .unknown, .string, .tensorList: return nil
    }
  }
}

/// `value` truncated to the type's range; 0 for NaN (what the conversion instructions of 64-bit ARM give).
@inline(__always)
func saturated<T: FixedWidthInteger>(_ value: Double, _ type: T.Type) -> T {
  // The bounds as doubles; T.max rounds up for 64-bit types, so values equal to it saturate too.
  if value >= Double(T.max) { return T.max }
  if value <= Double(T.min) { return T.min }
  return value == value ? T(value) : 0
}

/// IEEE binary16 to float32.
@inline(__always)
func floatFromHalf(_ h: UInt16) -> Float {
  let sign = UInt32(h & 0x8000) << 16
  let magnitude = UInt32(h & 0x7fff)
  if magnitude >= 0x7c00 { return Float(bitPattern: sign | 0x7f80_0000 | (magnitude & 0x3ff) << 13) }
  if magnitude >= 0x400 { return Float(bitPattern: sign | ((magnitude << 13) + 0x3800_0000)) }
  // Subnormal: a multiple of 2^-24.
  let value = Float(magnitude) * Float(bitPattern: 0x3380_0000)
  return sign == 0 ? value : -value
}

/// float32 to IEEE binary16, to nearest even; overflow gives infinity.
func halfBits(_ value: Float) -> UInt16 {
  let bits = value.bitPattern
  let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
  let magnitude = bits & 0x7fff_ffff
  if magnitude > 0x7f80_0000 { return sign | 0x7e00 }
  if magnitude >= 0x4780_0000 { return sign | 0x7c00 }
  if magnitude < 0x3880_0000 {
    // Subnormal: adding 0.5 leaves a multiple of 2^-24 in the low bits, rounded by the addition.
    let shifted = Float(bitPattern: magnitude) + 0.5
    return sign | UInt16(truncatingIfNeeded: shifted.bitPattern &- 0x3f00_0000)
  }
  let rounded = magnitude &+ 0xfff &+ (magnitude >> 13 & 1)
  return sign | UInt16(truncatingIfNeeded: (rounded &- 0x3800_0000) >> 13)
}
