import CKernels

/// Convolution as a matrix product whose A rows are gathered block by block into a scratch buffer.

/// Floats the gathered block may take: 128 KB, half of what gemm allows itself, since the image passes the cache too.
private let gatherFloats = 32_768

/// Rows gathered at once. Two tiles at least, so that the weights are not read again for every tile; twenty at most, so
/// that shallow kernels (27 values in a first layer) stay in the first-level cache.
@inline(always) private func gatheredRows(_ k: Int) -> Int {
  let tiles = Swift.max(2, gatherFloats / Swift.max(k, 1) / tileRows)
  return Swift.min(tiles, 20) &* tileRows
}

/// `MSKernels.conv_scratch`.
func convScratch(_ c: UnsafePointer<MSConv>) -> Int {
  let k = depth(c)
  return gatheredRows(k) &* k &+ width
}

/// `MSKernels.conv`.
func conv(
  _ c: UnsafePointer<MSConv>, _ row0: Int, _ row1: Int, _ panel0: Int, _ panel1: Int, _ scratch: MutableFloats
) {
  let conv = c.pointee
  let k = depth(c)
  let product = Product(
    lda: k, k: k, n: conv.out_channels, b: conv.weights, c: conv.y, ldc: conv.ldc, bias: conv.bias,
    residual: conv.residual, ldr: conv.ldr, activation: Activation(conv.activation, conv.alpha, conv.beta))
  let limit = gatheredRows(k)
  let gather = Gather(conv)
  var row = row0
  while row < row1 {
    let rows = Swift.min(limit, row1 &- row)
    gather.rows(row, row &+ rows, scratch, k)
    product.block(scratch, row: row, rows: rows, panel0, panel1)
    row &+= rows
  }
}
