import CKernels

/// Fills the table with plain scalar loops: slow, exact to the last few bits, and what every other table is compared with.
@c @implementation public func mskernels_reference(_ table: UnsafeMutablePointer<MSKernels>) { fill(table, "reference") }

/// Every entry, in the order of the header.
private func fill(_ table: UnsafeMutablePointer<MSKernels>, _ name: StaticString) {
  table.pointee.name = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
  table.pointee.vector_width = 1
  table.pointee.gemm_mr = 1
  table.pointee.gemm_nr = Int32(panelColumns)

  table.pointee.gemm_pack_b = gemmPackB
  table.pointee.gemm_pack_b_f16 = gemmPackBHalf
  table.pointee.gemm = gemm

  table.pointee.conv_scratch = convScratch
  table.pointee.conv = conv
  table.pointee.winograd_packed = winogradPacked
  table.pointee.winograd_pack = winogradPack
  table.pointee.winograd_scratch = { _, _ in 0 }
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
