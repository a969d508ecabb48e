import Graph

/// The arithmetic that all int8 and uint8 operators share: how a tensor's values stand for real numbers, and multiplication by a
/// real factor in integers.
///
/// uint8 values are computed as int8: a byte with its top bit flipped is the value less 128, and so is the zero point. One
/// implementation of every operator serves both types; ``Quantization/flip`` is what loads and stores have to add.

/// real = scale * (q - zero), with q and zero in int8's range.
public struct Quantization {
  public let scale: Double
  /// The zero point, less 128 for a uint8 tensor.
  public let zero: Int32
  /// 0 for int8; 0x80 for uint8: exclusive or with it turns a stored byte into an int8 and back.
  public let flip: UInt8

  public init(scale: Double, zero: Int32, flip: UInt8 = 0) {
    self.scale = scale
    self.zero = zero
    self.flip = flip
  }

  /// The value that stands for `real`: to nearest, halves away from zero, saturated. NaN counts as 0.
  @export(interface)
  public func quantized(_ real: Double) -> Int32 { nearest(real / scale) }

  /// The value that lies `steps` from the zero point, rounded and saturated likewise.
  @export(interface)
  public func nearest(_ steps: Double) -> Int32 {
    let q = roundHalfAway(steps) + Double(zero)
    return q >= 127 ? 127 : q <= -128 ? -128 : q == q ? Int32(q) : zero
  }

  /// The smallest and largest result after an activation (ActivationType none, RELU or RELU6; others limit nothing).
  public func range(after activation: Int) -> ClosedRange<Int32> {
    switch activation {
    case ActivationType.relu: return quantized(0)...127
    case ActivationType.relu6: return quantized(0)...quantized(6)
    default: return -128...127
    }
  }

  /// Values of both stand for the same real numbers.
  public func isLike(_ other: Quantization) -> Bool { scale == other.scale && zero == other.zero }

  /// The byte that stores q, which lies in int8's range.
  func byte(_ q: Int32) -> UInt8 { UInt8(truncatingIfNeeded: q) ^ flip }
}

/// Multiplication of integers by a real factor: the factor is multiplier * 2^(shift - 31), with 31 bits of multiplier.
public struct FixedMultiplier {
  /// 2^30 to 2^31 - 1 (negative for negative factors), or 0.
  public let multiplier: Int32
  /// The factor's binary exponent: to the left when positive. -31...30.
  public let shift: Int32

  /// Factors below 2^-32 are 0; those from 2^30 on saturate.
  @export(interface)
  public init(_ factor: Double) {
    let magnitude = factor.magnitude
    guard magnitude > 0, magnitude < 0x1p30 else {
      let isHuge = magnitude >= 0x1p30
      multiplier = isHuge ? (factor < 0 ? -Int32.max : Int32.max) : 0
      shift = isHuge ? 30 : 0
      return
    }
    // From the bits of the double: this is computed for every channel of a network when it is built. Subnormal numbers are below 2^-32.
    let bits = magnitude.bitPattern
    var exponent = Int32(truncatingIfNeeded: bits >> 52) - 1022
    var fraction = Int64(truncatingIfNeeded: (bits & (1 << 52 - 1) | 1 << 52) + 1 << 21) >> 22
    if fraction == 1 << 31 {
      fraction = 1 << 30
      exponent += 1
    }
    if exponent < -31 {
      multiplier = 0
      shift = 0
    } else {
      multiplier = Int32(truncatingIfNeeded: factor < 0 ? -fraction : fraction)
      shift = exponent
    }
  }

  public var leftShift: Int32 { max(shift, 0) }
  public var rightShift: Int32 { max(0 &- shift, 0) }

  /// x times the factor, rounded twice: to a whole number of 2^-shift (halves up), then to a whole number (halves away from 0).
  @inline(__always)
  public func callAsFunction(_ x: Int32) -> Int32 {
    roundingShiftRight(doublingHigh(x &<< leftShift, multiplier), rightShift)
  }
}

/// a * b / 2^31 to nearest, halves up; the one product that does not fit saturates.
@inline(__always)
public func doublingHigh(_ a: Int32, _ b: Int32) -> Int32 {
  Int32(clamping: (Int64(a) &* Int64(b) &+ 1 << 30) &>> 31)
}

/// x / 2^n to nearest, halves away from zero; n is 0...31.
@inline(__always)
public func roundingShiftRight(_ x: Int32, _ n: Int32) -> Int32 {
  let mask = Int32(truncatingIfNeeded: (Int64(1) &<< Int64(n)) &- 1)
  let threshold = (mask &>> 1) &+ (x < 0 ? 1 : 0)
  return (x &>> n) &+ (x & mask > threshold ? 1 : 0)
}

/// To the nearest whole number, halves away from zero. Values beyond 2^62 are returned as they are.
@inline(__always)
func roundHalfAway(_ value: Double) -> Double {
  if !(value > -4.6e18 && value < 4.6e18) { return value }
  let whole = Double(Int64(value))
  let rest = value - whole
  return rest >= 0.5 ? whole + 1 : rest <= -0.5 ? whole - 1 : whole
}

extension DataType {
  /// The values may be quantised: int8 or uint8.
  public var isByteInteger: Bool { self == .int8 || self == .uint8 }
}

extension Tensor {
  /// Stands for real numbers: int8 or uint8 with quantization parameters.
  public var isQuantized: Bool { type.isByteInteger && !quantParams.isEmpty }
}

extension Operator {
  /// How input `index` stands for real numbers.
  @export(interface)
  public func requireQuantization(input index: Int) throws(EngineError) -> Quantization {
    try quantization(of: inputs[index], "input", index)
  }

  /// How output `index` stands for real numbers. Its type may not be set yet: it is `type`.
  @export(interface)
  public func requireQuantization(output index: Int, type: DataType) throws(EngineError) -> Quantization {
    outputs[index].type = type
    return try quantization(of: outputs[index], "output", index)
  }

  /// As ``requireQuantization(output:type:)``; an output without parameters has those of `source`.
  func quantization(output index: Int, type: DataType, like source: Quantization) throws(EngineError) -> Quantization {
    if outputs[index].quantParams.isEmpty && source.flip == (type == .uint8 ? 0x80 : 0) { return source }
    return try requireQuantization(output: index, type: type)
  }

  @inline(never)
  private func quantization(of tensor: Tensor, _ role: StaticString, _ index: Int) throws(EngineError) -> Quantization {
    guard tensor.type.isByteInteger else {
      throw EngineError(.notSupported, "\(role) \(index) (\(tensor)) must be int8 or uint8")
    }
    guard tensor.quantParams.count == 1, let p = tensor.quantParams.first else {
      throw EngineError(
        .notSupported,
        "\(role) \(index) (\(tensor)) has \(tensor.quantParams.count) quantization parameters; one for the whole tensor is needed")
    }
    return try quantization(of: tensor, p, tensor.type)
  }

  /// What one of a tensor's quantization parameters says of values of `type` (int8 or uint8).
  @export(interface)
  public func quantization(of tensor: Tensor, _ p: QuantParam, _ type: DataType) throws(EngineError) -> Quantization {
    let isUnsigned = type == .uint8
    let zero = Int(p.zeroPoint) - (isUnsigned ? 128 : 0)
    guard p.scale > 0 && p.scale < .infinity && zero >= -128 && zero <= 127 else {
      throw EngineError(
        .notSupported,
        "\(tensor) has quantization parameters out of range: a positive scale and a zero point (here \(p.zeroPoint)) inside the range of \(type.name) are needed")
    }
    return Quantization(scale: p.scale, zero: Int32(zero), flip: isUnsigned ? 0x80 : 0)
  }
}
