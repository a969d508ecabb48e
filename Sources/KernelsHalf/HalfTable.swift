import CKernels

/// Fills the table with the half-precision arithmetic of this build: bfloat16 pairs on x86-64, float16 on aarch64.
@c @implementation public func mskernels_half(_ table: UnsafeMutablePointer<MSHalfKernels>) {
  table.pointee.arithmetic = Int32(bitPattern: arithmetic.rawValue)
  table.pointee.gemm_mr = Int32(truncatingIfNeeded: halfRows)
  table.pointee.gemm_nr = Int32(truncatingIfNeeded: halfColumns)
  table.pointee.depth_step = Int32(truncatingIfNeeded: depthStep)
  table.pointee.gemm_pack_b = halfPackB
  table.pointee.gemm_scratch = halfGemmScratch
  table.pointee.conv_scratch = halfConvScratch
  table.pointee.gemm = halfGemm
  table.pointee.conv = halfConv
}
