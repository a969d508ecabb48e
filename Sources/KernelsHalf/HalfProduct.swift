import CKernels

/// Products and convolutions over blocks of rounded rows.

#if BF16
/// Pairs of bfloat16 numbers take the place of floats: the tiles of `Gemm.swift`, with pairs along k.
@inline(always) var halfColumns: Int { panelColumns }
let halfRows = tileRows
#else
@inline(always) var halfColumns: Int { 16 }
let halfRows = 8
#endif

/// Numbers that a block of rounded rows may have: 128 KB.
private let blockWords = 65_536

/// Rows that are rounded at once. Two tiles at least, so that the weights are not read again for every tile; twenty at most, so
/// that shallow blocks stay in the first-level cache.
@inline(always) private func blockRows(_ depth: Int) -> Int {
  Swift.min(Swift.max(2, blockWords / Swift.max(depth, 1) / halfRows), 20) &* halfRows
}

/// A block, and a vector that the last run of a gathered row may spill into.
@inline(always) private func scratchBytes(_ k: Int) -> Int {
  let depth = steps(k)
  return (blockRows(depth) &* depth &+ 32) &* 2
}

/// `MSHalfKernels.gemm_scratch`.
func halfGemmScratch(_ k: Int) -> Int { scratchBytes(k) }

/// `MSHalfKernels.conv_scratch`.
func halfConvScratch(_ c: UnsafePointer<MSConv>) -> Int { scratchBytes(depth(c)) }

/// The multiplication of a block of rounded rows.
@inline(always) private func multiply(_ m: MSGemm, _ block: Words, _ depth: Int, _ row: Int, _ rows: Int, _ panel0: Int, _ panel1: Int) {
  let activation = Activation(m.activation, m.alpha, m.beta)
  #if BF16
  let product = Product(
    lda: depth / 2, k: depth / 2, n: m.n, b: m.b, c: m.c, ldc: m.ldc, bias: m.bias, residual: m.residual, ldr: m.ldr,
    activation: activation)
  product.block(UnsafeRawPointer(block).assumingMemoryBound(to: Float.self), row: row, rows: rows, panel0, panel1)
  #else
  let product = HalfProduct(
    k: depth, n: m.n, b: UnsafeRawPointer(m.b).assumingMemoryBound(to: UInt16.self), c: m.c, ldc: m.ldc, bias: m.bias,
    residual: m.residual, ldr: m.ldr, activation: activation)
  product.block(block, row, rows, panel0, panel1)
  #endif
}

/// `MSHalfKernels.gemm`.
func halfGemm(
  _ g: UnsafePointer<MSGemm>, _ row0: Int, _ row1: Int, _ panel0: Int, _ panel1: Int, _ scratch: UnsafeMutableRawPointer
) {
  let m = g.pointee
  let depth = steps(m.k), limit = blockRows(depth)
  let words = scratch.assumingMemoryBound(to: UInt16.self)
  var row = row0
  while row < row1 {
    let rows = Swift.min(limit, row1 &- row)
    for r in 0..<rows {
      roundRow(m.a + (row &+ r) &* m.lda, words + r &* depth, m.k)
      for i in m.k..<depth { words[r &* depth &+ i] = 0 }
    }
    multiply(m, words, depth, row, rows, panel0, panel1)
    row &+= rows
  }
}

/// `MSHalfKernels.conv`.
func halfConv(
  _ c: UnsafePointer<MSConv>, _ row0: Int, _ row1: Int, _ panel0: Int, _ panel1: Int, _ scratch: UnsafeMutableRawPointer
) {
  let conv = c.pointee
  let k = depth(c), depth = steps(k), limit = blockRows(depth)
  let words = scratch.assumingMemoryBound(to: UInt16.self)
  let product = MSGemm(
    a: conv.x, lda: 0, b: conv.weights, c: conv.y, ldc: conv.ldc, m: 0, n: conv.out_channels, k: k, bias: conv.bias,
    residual: conv.residual, ldr: conv.ldr, activation: conv.activation, alpha: conv.alpha, beta: conv.beta)
  let gather = Gather(conv)
  var row = row0
  while row < row1 {
    let rows = Swift.min(limit, row1 &- row)
    gather.rows(row, row &+ rows, words, depth)
    multiply(product, words, depth, row, rows, panel0, panel1)
    row &+= rows
  }
}
