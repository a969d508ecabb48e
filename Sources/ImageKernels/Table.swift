import CImage

// The same sources are compiled once per instruction set. Loops are plain ones over pixels with constant numbers of channels, which
// the compiler turns into vectors; arithmetic is never fused, so every instruction set gives the same bits.

#if AVX2
/// Fills the table with the kernels for x86-64-v3.
@c @implementation public func mskernels_image_avx2(_ table: UnsafeMutablePointer<MSImageKernels>!) { fill(table) }
#else
/// Fills the table with the kernels that every processor of the architecture runs.
@c @implementation public func mskernels_image_baseline(_ table: UnsafeMutablePointer<MSImageKernels>!) { fill(table) }
#endif

@inline(always) private func fill(_ table: UnsafeMutablePointer<MSImageKernels>) {
  table.pointee.bilinear_row = bilinearRow
  table.pointee.bilinear_column = bilinearColumn
  table.pointee.bicubic_row = bicubicRow
  table.pointee.bicubic_column = bicubicColumn
  table.pointee.accumulate_u8 = accumulate
  table.pointee.accumulate_f32 = accumulate
  table.pointee.weigh_column = weighColumn
  table.pointee.weigh_row = weighRow
  table.pointee.halve = halve
  table.pointee.halve_f32 = halve
  table.pointee.round_u8 = roundToBytes
  table.pointee.gather = gather
  table.pointee.reverse = reverse
  table.pointee.turn = turn
  table.pointee.gray = gray
  table.pointee.reorder = reorder
  table.pointee.from_nv = fromNV
  table.pointee.luma = luma
  table.pointee.chroma = chroma
  table.pointee.normalize_hwc = normalizeInterleaved
  table.pointee.normalize_chw = normalizePlanar
  table.pointee.warp_row = warpRow
  table.pointee.covers = covers
  table.pointee.blend_u8 = blend
  table.pointee.blend_f32 = blend
}

typealias Bytes = UnsafePointer<UInt8>
typealias MutableBytes = UnsafeMutablePointer<UInt8>
typealias Floats = UnsafePointer<Float>
typealias MutableFloats = UnsafeMutablePointer<Float>

/// Rounded to the nearest integer, ties to even, and limited to a byte. 1.5 * 2^23 leaves no bits for fractions.
@inline(always) func byte(_ x: Float) -> UInt8 {
  // Not min and max: these compare in the way that one instruction does, and NaN becomes 0.
  let low = x > 0 ? x : 0
  let limited = low < 255 ? low : 255
  return UInt8(truncatingIfNeeded: (limited + 12_582_912).bitPattern)
}

@inline(always) func byte(_ x: Int32) -> UInt8 {
  let low = x > 0 ? x : 0
  return UInt8(truncatingIfNeeded: low < 255 ? low : 255)
}
