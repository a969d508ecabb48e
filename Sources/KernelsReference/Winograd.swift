import CKernels

/// What Winograd's algorithm must compute: the convolution itself, tile by tile, with the packing of ordinary products.

/// `MSKernels.winograd_packed`.
func winogradPacked(_ inChannels: Int, _ outChannels: Int) -> Int {
  9 * inChannels * ((outChannels + panelColumns - 1) / panelColumns) * panelColumns
}

/// `MSKernels.winograd_pack`.
func winogradPack(
  _ packed: UnsafeMutablePointer<Float>, _ weights: UnsafePointer<Float>, _ inChannels: Int, _ outChannels: Int, _ first: Int,
  _ last: Int, _ scratch: UnsafeMutablePointer<Float>
) {
  gemmPackB(packed, weights, 9 * inChannels, outChannels, 1, 9 * inChannels, first, last)
}

/// `MSKernels.winograd`.
func winograd(
  _ c: UnsafePointer<MSConv>, _ tile0: Int, _ tile1: Int, _ panel0: Int, _ panel1: Int, _ scratch: UnsafeMutablePointer<Float>
) {
  let tilesX = (c.pointee.out_w + 3) / 4
  for tile in tile0..<max(tile0, tile1) {
    let x = tile % tilesX * 4, end = min(x + 4, c.pointee.out_w)
    for y in tile / tilesX * 4..<min(tile / tilesX * 4 + 4, c.pointee.out_h) {
      conv(c, y * c.pointee.out_w + x, y * c.pointee.out_w + end, panel0, panel1, scratch)
    }
  }
}
