import CKernels
import CSystem

/// Kernels on quantised bytes, value by value, in 64-bit integers.

private func signed(_ byte: UInt8, _ flip: UInt8) -> Int64 { Int64(Int8(bitPattern: byte ^ flip)) }

private func byte(_ value: Int64, _ low: Int32, _ high: Int32, _ flip: UInt8) -> UInt8 {
  UInt8(truncatingIfNeeded: max(Int64(low), min(value, Int64(high)))) ^ flip
}

/// v times a real factor: see the header.
private func scaled(_ v: Int64, _ s: MSQuantScale) -> Int64 {
  let shifted = Int64(Int32(truncatingIfNeeded: v) &<< max(s.shift, 0))
  let product = (shifted * Int64(s.multiplier) + (1 << 30)) >> 31
  if s.shift >= 0 { return product }
  let unit = Int64(1) << Int64(-s.shift)
  // Halves away from zero.
  return product >= 0 ? (product + unit / 2) / unit : -((-product + unit / 2) / unit)
}

private func store(_ v: Int64, _ o: MSQuantOutput) -> UInt8 {
  byte(Int64(Int32(truncatingIfNeeded: scaled(v, o.scale) + Int64(o.zero))), o.low, o.high, o.flip)
}

/// `MSInt8Kernels.map`
func mapBytes(_ x: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<UInt8>, _ n: Int, _ table: UnsafePointer<UInt8>) {
  for i in 0..<n { y[i] = table[Int(x[i])] }
}

/// `MSInt8Kernels.dequantize`
func dequantize(
  _ x: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>, _ n: Int, _ scale: Float, _ zero: Int32, _ flip: UInt8
) {
  for i in 0..<n { y[i] = scale * Float(signed(x[i], flip) - Int64(zero)) }
}

/// `MSInt8Kernels.quantize`
func quantize(
  _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<UInt8>, _ n: Int, _ scale: Float, _ zero: Int32, _ flip: UInt8
) {
  for i in 0..<n {
    let v = x[i] / scale
    let bounded = v > -400 ? min(v, 400) : -400
    y[i] = byte(Int64(roundf(bounded)) + Int64(zero), -128, 127, flip)
  }
}

/// `MSInt8Kernels.add`
func addBytes(
  _ a: UnsafePointer<MSQuantOperand>, _ b: UnsafePointer<MSQuantOperand>, _ o: UnsafePointer<MSQuantOutput>,
  _ y: UnsafeMutablePointer<UInt8>, _ n: Int
) {
  func term(_ p: MSQuantOperand, _ i: Int) -> Int64 {
    scaled((signed(p.x[i * p.step], p.flip) - Int64(p.zero)) << 20, p.scale)
  }
  // A repeated operand may lie in y.
  let (firstA, firstB) = n > 0 ? (term(a.pointee, 0), term(b.pointee, 0)) : (0, 0)
  for i in 0..<n {
    let p = a.pointee.step == 0 ? firstA : term(a.pointee, i), q = b.pointee.step == 0 ? firstB : term(b.pointee, i)
    y[i] = store(p + q, o.pointee)
  }
}

/// `MSInt8Kernels.mul`
func multiplyBytes(
  _ a: UnsafePointer<MSQuantOperand>, _ b: UnsafePointer<MSQuantOperand>, _ o: UnsafePointer<MSQuantOutput>,
  _ y: UnsafeMutablePointer<UInt8>, _ n: Int
) {
  func value(_ p: MSQuantOperand, _ i: Int) -> Int64 { signed(p.x[i * p.step], p.flip) - Int64(p.zero) }
  let (firstA, firstB) = n > 0 ? (value(a.pointee, 0), value(b.pointee, 0)) : (0, 0)
  for i in 0..<n {
    let p = a.pointee.step == 0 ? firstA : value(a.pointee, i), q = b.pointee.step == 0 ? firstB : value(b.pointee, i)
    y[i] = store(p * q, o.pointee)
  }
}

/// `MSInt8Kernels.sum_columns`
func sumColumns(
  _ x: UnsafePointer<UInt8>, _ sum: UnsafeMutablePointer<Int32>, _ rows: Int, _ columns: Int, _ stride: Int, _ flip: UInt8
) {
  for r in 0..<rows {
    for c in 0..<columns { sum[c] &+= Int32(signed(x[r * stride + c], flip)) }
  }
}

/// `MSInt8Kernels.sum`
func sumBytes(_ x: UnsafePointer<UInt8>, _ n: Int, _ flip: UInt8) -> Int64 {
  var total: Int64 = 0
  for i in 0..<n { total += signed(x[i], flip) }
  return total
}

/// `MSInt8Kernels.max_columns`
func maxColumns(
  _ x: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<UInt8>, _ rows: Int, _ columns: Int, _ stride: Int, _ flip: UInt8
) {
  for r in 0..<rows {
    for c in 0..<columns where signed(x[r * stride + c], flip) > signed(y[c], flip) { y[c] = x[r * stride + c] }
  }
}

/// `MSInt8Kernels.requantize`
func requantize(
  _ x: UnsafePointer<Int32>, _ offset: Int32, _ y: UnsafeMutablePointer<UInt8>, _ n: Int, _ o: UnsafePointer<MSQuantOutput>
) {
  for i in 0..<n { y[i] = store(Int64(x[i] &+ offset), o.pointee) }
}

/// `MSInt8Kernels.bilinear`
func bilinearBytes(
  _ x: UnsafePointer<UnsafePointer<UInt8>>, _ w: UnsafePointer<Int32>, _ y: UnsafeMutablePointer<UInt8>, _ n: Int, _ flip: UInt8
) {
  for i in 0..<n {
    var sum: Int64 = 0
    for k in 0..<4 { sum += Int64(w[k]) * signed(x[k][i], flip) }
    y[i] = byte((sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20), -128, 127, flip)
  }
}

/// `MSInt8Kernels.softmax`
func softmaxBytes(
  _ s: UnsafePointer<MSQuantSoftmax>, _ x: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<UInt8>, _ n: Int, _ stride: Int
) {
  let p = s.pointee
  var largest: Int64 = -128
  for i in 0..<n { largest = max(largest, signed(x[i * stride], p.flip)) }
  func exponential(_ i: Int) -> Float { p.exp[Int(255 - largest + signed(x[i * stride], p.flip))] }
  var sum: Float = 0
  for i in 0..<n { sum += exponential(i) }
  let factor = 1 / (sum * p.output_scale)
  for i in 0..<n {
    let v = exponential(i) * factor
    let q = v < 512 ? Int64(roundf(v)) : 512
    y[i * stride] = byte(q + Int64(p.output_zero), -128, 127, p.output_flip)
  }
}
