import CKernels

#if VNNI
/// Fills the table with the kernels for AVX-512 with byte dot products.
@c @implementation public func mskernels_int8_vnni(_ table: UnsafeMutablePointer<MSInt8MatrixKernels>) { fill(table, "vnni") }
#elseif AVX2
/// Fills the table with the AVX2 kernels.
@c @implementation public func mskernels_int8_avx2(_ table: UnsafeMutablePointer<MSInt8MatrixKernels>) { fill(table, "avx2") }
#elseif DOT
/// Fills the table with the kernels for NEON with byte dot products.
@c @implementation public func mskernels_int8_dot(_ table: UnsafeMutablePointer<MSInt8MatrixKernels>) { fill(table, "neondot") }
#elseif arch(arm64)
/// Fills the table with the kernels every processor of the architecture runs: NEON.
@c @implementation public func mskernels_int8_baseline(_ table: UnsafeMutablePointer<MSInt8MatrixKernels>) { fill(table, "neon") }
#else
/// Fills the table with the kernels every processor of the architecture runs: SSE2.
@c @implementation public func mskernels_int8_baseline(_ table: UnsafeMutablePointer<MSInt8MatrixKernels>) { fill(table, "sse") }
#endif

/// Every entry, in the order of the header.
@inline(always) private func fill(_ table: UnsafeMutablePointer<MSInt8MatrixKernels>, _ name: StaticString) {
  table.pointee.name = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
  table.pointee.vector_lanes = Int32(truncatingIfNeeded: lanes)
  table.pointee.rows = Int32(truncatingIfNeeded: tileRows)
  table.pointee.columns = Int32(truncatingIfNeeded: panelColumns)
  table.pointee.channel_block = Int32(truncatingIfNeeded: channelBlock)
  #if VNNI
  table.pointee.x_shift = 128
  #else
  table.pointee.x_shift = 0
  #endif
  #if VNNI || DOT
  table.pointee.packs_zero = 0
  #else
  table.pointee.packs_zero = 1
  #endif

  #if VNNI
  table.pointee.takes_padded_runs = 1
  #else
  table.pointee.takes_padded_runs = 0
  #endif

  table.pointee.packed_bytes = packedBytes
  table.pointee.pack = pack
  table.pointee.conv_scratch = convScratch
  table.pointee.conv = conv

  table.pointee.depthwise_bytes = depthwiseBytes
  table.pointee.depthwise_pack = depthwisePack
  table.pointee.depthwise_scratch = depthwiseScratch
  table.pointee.depthwise = depthwise
  table.pointee.finish = finish
}
