import CKernels

#if AVX512
/// Fills the table with the AVX-512 kernels (x86-64-v4).
@c @implementation public func mskernels_avx512(_ table: UnsafeMutablePointer<MSKernels>) { fill(table, "avx512") }
#elseif AVX2
/// Fills the table with the AVX2 and FMA kernels (x86-64-v3).
@c @implementation public func mskernels_avx2(_ table: UnsafeMutablePointer<MSKernels>) { fill(table, "avx2") }
#elseif arch(arm64)
/// Fills the table with the kernels every processor of the architecture runs: NEON.
@c @implementation public func mskernels_baseline(_ table: UnsafeMutablePointer<MSKernels>) { fill(table, "neon") }
#else
/// Fills the table with the kernels every processor of the architecture runs: SSE2.
@c @implementation public func mskernels_baseline(_ table: UnsafeMutablePointer<MSKernels>) { fill(table, "sse") }
#endif

/// Every entry, in the order of the header.
@inline(always) private func fill(_ table: UnsafeMutablePointer<MSKernels>, _ name: StaticString) {
  table.pointee.name = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
  table.pointee.vector_width = Int32(truncatingIfNeeded: width)
  table.pointee.gemm_mr = Int32(truncatingIfNeeded: tileRows)
  table.pointee.gemm_nr = Int32(truncatingIfNeeded: panelColumns)

  table.pointee.gemm_pack_b = gemmPackB
  table.pointee.gemm_pack_b_f16 = gemmPackBHalf
  table.pointee.gemm = gemm

  table.pointee.conv_scratch = convScratch
  table.pointee.conv = conv
  table.pointee.winograd_packed = winogradPacked
  table.pointee.winograd_pack = winogradPack
  table.pointee.winograd_scratch = winogradScratch
  table.pointee.winograd = winograd
  table.pointee.depthwise = depthwise
  table.pointee.pool = pool

  table.pointee.unary = unary
  table.pointee.binary = binary
  table.pointee.compare_f32 = compareFloats
  table.pointee.compare_i32 = compareInt32s
  table.pointee.scale_bias = scaleBias
  table.pointee.prelu = prelu

  table.pointee.reduce_rows = reduceRows
  table.pointee.reduce_columns = reduceColumns
  table.pointee.softmax = softmax
  table.pointee.softmax_strided = softmaxStrided
  table.pointee.layer_norm = layerNorm

  table.pointee.lstm_step = lstmStep

  table.pointee.transpose_32 = transpose
  table.pointee.f16_to_f32 = widen
  table.pointee.f32_to_f16 = narrow
  table.pointee.u8_to_f32 = widen
  table.pointee.i8_to_f32 = widen
  table.pointee.i32_to_f32 = widen
  table.pointee.lerp = lerp

  table.pointee.unary_grad = unaryGrad
  table.pointee.dot_columns = dotColumns
  table.pointee.adam = adam
  table.pointee.momentum = momentum
  table.pointee.pool_grad = poolGrad
  table.pointee.conv_gather = convGather
  table.pointee.conv_scatter = convScatter
  table.pointee.depthwise_input_grad = depthwiseInputGrad
  table.pointee.depthwise_weight_grad = depthwiseWeightGrad

  table.pointee.int8.map = mapBytes
  table.pointee.int8.dequantize = dequantize
  table.pointee.int8.quantize = quantize
  table.pointee.int8.add = addBytes
  table.pointee.int8.mul = multiplyBytes
  table.pointee.int8.sum_columns = sumColumns
  table.pointee.int8.sum = sumBytes
  table.pointee.int8.max_columns = maxColumns
  table.pointee.int8.requantize = requantize
  table.pointee.int8.bilinear = bilinearBytes
  table.pointee.int8.softmax = softmaxBytes
}
