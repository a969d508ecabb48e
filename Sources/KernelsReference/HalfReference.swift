import CKernels

/// The half-precision table as plain loops: operands rounded to 16 bits, products and sums in double precision.

/// A 16-bit number format.
private protocol Format16 {
  static func round(_ x: Float) -> UInt16
  static func value(_ bits: UInt16) -> Float
}

/// The upper half of a float, rounded to nearest even; subnormal numbers are zero, as the instructions have it.
private enum BFloat16Format: Format16 {
  static func round(_ x: Float) -> UInt16 {
    let bits = x.bitPattern
    if x.isNaN { return UInt16(bits >> 16) | 0x40 }
    if x.isSubnormal { return UInt16(bits >> 31) << 15 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ (bits >> 16) & 1) >> 16)
  }
  static func value(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }
}

private enum Float16Format: Format16 {
  static func round(_ x: Float) -> UInt16 { halfFromFloat(x) }
  static func value(_ bits: UInt16) -> Float { floatFromHalf(bits) }
}

/// `MSHalfKernels.gemm_pack_b`.
private func packB<F: Format16>(
  _: F.Type, _ packed: UnsafeMutablePointer<UInt16>, _ b: UnsafeRawPointer, _ fromHalf: Int32, _ k: Int, _ n: Int,
  _ rowStride: Int, _ colStride: Int, _ first: Int, _ last: Int
) {
  for column in (first * panelColumns)..<max(first, last) * panelColumns {
    for row in 0..<k {
      var value: Float = 0
      if column < n {
        let at = row * rowStride + column * colStride
        value = fromHalf != 0 ? floatFromHalf(b.assumingMemoryBound(to: UInt16.self)[at]) : b.assumingMemoryBound(to: Float.self)[at]
      }
      packed[column / panelColumns * panelColumns * k + row * panelColumns + column % panelColumns] = F.round(value)
    }
  }
}

/// The product of element (row, column), where `a` gives row elements as floats.
private func element<F: Format16>(_: F.Type, _ m: MSGemm, _ row: Int, _ column: Int, _ a: (Int) -> Float) {
  let b = UnsafeRawPointer(m.b).assumingMemoryBound(to: UInt16.self)
  let panel = b + column / panelColumns * panelColumns * m.k + column % panelColumns
  var sum = 0.0
  for k in 0..<m.k { sum += Double(F.value(F.round(a(k)))) * Double(F.value(panel[k * panelColumns])) }
  if let bias = m.bias { sum += Double(bias[column]) }
  if let residual = m.residual { sum += Double(residual[row * m.ldr + column]) }
  m.c[row * m.ldc + column] = activated(m.activation, Float(sum), m.alpha, m.beta)
}

/// `MSHalfKernels.gemm`.
private func gemm<F: Format16>(_ format: F.Type, _ g: UnsafePointer<MSGemm>, _ row0: Int, _ row1: Int, _ panel0: Int, _ panel1: Int) {
  let m = g.pointee
  for row in row0..<max(row0, row1) {
    for column in (panel0 * panelColumns)..<max(panel0 * panelColumns, min(panel1 * panelColumns, m.n)) {
      element(format, m, row, column) { m.a[row * m.lda + $0] }
    }
  }
}

/// `MSHalfKernels.conv`.
private func conv<F: Format16>(_ format: F.Type, _ c: UnsafePointer<MSConv>, _ row0: Int, _ row1: Int, _ panel0: Int, _ panel1: Int) {
  let l = c.pointee
  let kernelW = Int(l.kernel_w), depth = Int(l.kernel_h) * kernelW * l.in_channels
  let m = MSGemm(
    a: l.x, lda: 0, b: l.weights, c: l.y, ldc: l.ldc, m: 0, n: l.out_channels, k: depth, bias: l.bias, residual: l.residual,
    ldr: l.ldr, activation: l.activation, alpha: l.alpha, beta: l.beta)
  for row in row0..<max(row0, row1) {
    let top = row / l.out_w * Int(l.stride_h) - Int(l.pad_top), left = row % l.out_w * Int(l.stride_w) - Int(l.pad_left)
    for column in (panel0 * panelColumns)..<max(panel0 * panelColumns, min(panel1 * panelColumns, l.out_channels)) {
      element(format, m, row, column) { k in
        let tap = k / l.in_channels
        let iy = top + tap / kernelW * Int(l.dilation_h), ix = left + tap % kernelW * Int(l.dilation_w)
        if iy < 0 || iy >= l.in_h || ix < 0 || ix >= l.in_w { return 0 }
        return l.x[(iy * l.in_w + ix) * l.pixel_stride + k % l.in_channels]
      }
    }
  }
}

/// Fills the table for one of the two formats.
@c @implementation public func mskernels_half_reference(_ table: UnsafeMutablePointer<MSHalfKernels>, _ arithmetic: Int32) {
  table.pointee.arithmetic = arithmetic
  table.pointee.gemm_mr = 1
  table.pointee.gemm_nr = Int32(panelColumns)
  table.pointee.depth_step = 1
  table.pointee.gemm_scratch = { _ in 0 }
  table.pointee.conv_scratch = { _ in 0 }
  if arithmetic == Int32(bitPattern: MSHALF_BFLOAT16.rawValue) {
    table.pointee.gemm_pack_b = { packB(BFloat16Format.self, $0, $1, $2, $3, $4, $5, $6, $7, $8) }
    table.pointee.gemm = { g, r0, r1, p0, p1, _ in gemm(BFloat16Format.self, g, r0, r1, p0, p1) }
    table.pointee.conv = { c, r0, r1, p0, p1, _ in conv(BFloat16Format.self, c, r0, r1, p0, p1) }
  } else {
    table.pointee.gemm_pack_b = { packB(Float16Format.self, $0, $1, $2, $3, $4, $5, $6, $7, $8) }
    table.pointee.gemm = { g, r0, r1, p0, p1, _ in gemm(Float16Format.self, g, r0, r1, p0, p1) }
    table.pointee.conv = { c, r0, r1, p0, p1, _ in conv(Float16Format.self, c, r0, r1, p0, p1) }
  }
}
