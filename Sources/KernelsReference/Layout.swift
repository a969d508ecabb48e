/// Transposition and binary16, by the book.

/// `MSKernels.transpose_32`.
func transpose(
  _ x: UnsafePointer<UInt32>, _ xStride: Int, _ y: UnsafeMutablePointer<UInt32>, _ yStride: Int, _ rows: Int,
  _ columns: Int
) {
  for r in 0..<rows {
    for c in 0..<columns { y[c * yStride + r] = x[r * xStride + c] }
  }
}

/// The value of a binary16 number: (-1)^s 2^(e - 15) 1.f, subnormals 2^-14 0.f.
func floatFromHalf(_ h: UInt16) -> Float {
  let exponent = Int(h >> 10) & 31, fraction = Float(h & 0x3ff) / 1024
  let sign: Float = h & 0x8000 == 0 ? 1 : -1
  switch exponent {
  case 0: return sign * fraction * 0x1p-14
  case 31: return fraction == 0 ? sign * .infinity : .nan
  default: return sign * (1 + fraction) * Float(sign: .plus, exponent: exponent - 15, significand: 1)
  }
}

/// The binary16 number nearest to x, even on ties.
func halfFromFloat(_ x: Float) -> UInt16 {
  let sign: UInt16 = x.sign == .minus ? 0x8000 : 0
  if x.isNaN { return sign | 0x7e00 }
  let magnitude = Double(x.magnitude)
  // From 65520, halfway between the largest number and the next power of two, rounding gives infinity.
  if magnitude >= 65520 { return sign | 0x7c00 }
  // Bit patterns count up through the numbers: units of the last place, plus the exponent's share.
  let exponent = magnitude < 0x1p-14 ? -14 : Int(magnitude.exponent)
  let units = (magnitude * Double(sign: .plus, exponent: 10 - exponent, significand: 1)).rounded(.toNearestOrEven)
  return sign | UInt16(Int(units) + (exponent + 14) * 1024)
}

/// `MSKernels.f16_to_f32`.
func widen(_ x: UnsafePointer<UInt16>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  for i in 0..<n { y[i] = floatFromHalf(x[i]) }
}

/// `MSKernels.u8_to_f32`.
func widen(_ x: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  for i in 0..<n { y[i] = Float(x[i]) }
}

/// `MSKernels.i8_to_f32`.
func widen(_ x: UnsafePointer<Int8>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  for i in 0..<n { y[i] = Float(x[i]) }
}

/// `MSKernels.i32_to_f32`.
func widen(_ x: UnsafePointer<Int32>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  for i in 0..<n { y[i] = Float(x[i]) }
}

/// `MSKernels.f32_to_f16`.
func narrow(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<UInt16>, _ n: Int) {
  for i in 0..<n { y[i] = halfFromFloat(x[i]) }
}
