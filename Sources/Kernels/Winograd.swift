import CKernels

/// Convolution 3 x 3 with stride 1 by Winograd's minimal filtering F(4 x 4, 3 x 3): 36 multiplications per tile of 16 outputs and
/// input channel where the direct algorithm has 144. Matrices for the points 0, 1, -1, 2, -2 and infinity: Lavin and Gray, "Fast
/// Algorithms for Convolutional Neural Networks", 2016.
///
/// Input tiles of 6 x 6 pixels are transformed to 36 values per channel; for each of the 36, the values of all tiles are a matrix
/// that is multiplied with the transformed weights; the products are transformed back to 4 x 4 outputs. A tile's outputs do not
/// depend on the tiles that are computed with it.

/// Values of a transformed tile.
private let positions = 36
/// Outputs of a tile along one axis, and pixels that they depend on.
private let tileOutputs = 4, tilePixels = 6

private typealias Six = (Vec, Vec, Vec, Vec, Vec, Vec)

/// B^T d
@inline(always) private func inputTransform(_ d: Six) -> Six {
  let four: Vec = splat(4.0), minusFour: Vec = splat(-4.0), minusFive: Vec = splat(-5.0)
  let even = multiplyAdd(minusFour, d.2, d.4), odd = multiplyAdd(minusFour, d.1, d.3)
  let even2 = d.4 - d.2, odd2 = (d.3 - d.1) + (d.3 - d.1)
  return (
    multiplyAdd(four, d.0, multiplyAdd(minusFive, d.2, d.4)), even + odd, even - odd, even2 + odd2, even2 - odd2,
    multiplyAdd(four, d.1, multiplyAdd(minusFive, d.3, d.5))
  )
}

/// G g
@inline(always) private func weightTransform(_ g0: Vec, _ g1: Vec, _ g2: Vec) -> Six {
  let sixth = splat(Float(-1) / 6), twentyFourth = splat(Float(1) / 24)
  let outer = g0 + g2, outer4 = multiplyAdd(splat(4.0), g2, g0), twice = g1 + g1
  return (
    g0 * splat(0.25), (outer + g1) * sixth, (outer - g1) * sixth, (outer4 + twice) * twentyFourth, (outer4 - twice) * twentyFourth, g2
  )
}

/// A^T m
@inline(always) private func outputTransform(_ m: Six) -> (Vec, Vec, Vec, Vec) {
  let sum = m.1 + m.2, difference = m.1 - m.2, sum2 = m.3 + m.4, difference2 = m.3 - m.4
  return (
    m.0 + sum + sum2, multiplyAdd(splat(2.0), difference2, difference), multiplyAdd(splat(4.0), sum2, sum),
    multiplyAdd(splat(8.0), difference2, difference) + m.5
  )
}

/// `MSKernels.winograd_packed`.
func winogradPacked(_ inChannels: Int, _ outChannels: Int) -> Int {
  positions &* inChannels &* ((outChannels &+ panelColumns &- 1) / panelColumns) &* panelColumns
}

/// `MSKernels.winograd_pack`: [position][panel][input channel][column of the panel].
func winogradPack(
  _ packed: MutableFloats, _ weights: Floats, _ inChannels: Int, _ outChannels: Int, _ first: Int, _ last: Int,
  _ scratch: MutableFloats
) {
  let panels = (outChannels &+ panelColumns &- 1) / panelColumns
  // Of a position's transformed weights, in scratch: [column of the panel][input channel of one vector].
  let plane = panelColumns &* width
  for panel in Swift.min(first, last)..<last {
    let columns = Swift.min(panelColumns, outChannels &- panel &* panelColumns)
    fillZero(scratch, positions &* plane)
    var channel = 0
    while channel < inChannels {
      let count = Swift.min(width, inChannels &- channel)
      for column in 0..<columns {
        let source = weights + ((panel &* panelColumns &+ column) &* 9 &* inChannels &+ channel)
        transformWeights(source, inChannels, SomeLanes(count), scratch + column &* width, plane)
      }
      for position in 0..<positions {
        let target = packed + ((position &* panels &+ panel) &* inChannels &+ channel) &* panelColumns
        transpose(words(scratch + position &* plane), width, words(target), panelColumns, panelColumns, count)
      }
      channel &+= count
    }
  }
}

/// G g G^T for a vector of input channels; position after position, `plane` floats apart.
@inline(never)
private func transformWeights(_ source: Floats, _ inChannels: Int, _ lanes: SomeLanes, _ target: MutableFloats, _ plane: Int) {
  var rows = InlineArray<18, Vec>(repeating: .zero)  // [6][3]
  for x in 0..<3 {
    let t = weightTransform(
      lanes.load(source + x &* inChannels), lanes.load(source + (3 &+ x) &* inChannels), lanes.load(source + (6 &+ x) &* inChannels))
    (rows[x], rows[3 &+ x], rows[6 &+ x], rows[9 &+ x], rows[12 &+ x], rows[15 &+ x]) = t
  }
  for y in 0..<6 {
    let t = weightTransform(rows[y &* 3], rows[y &* 3 &+ 1], rows[y &* 3 &+ 2])
    let row = target + y &* 6 &* plane
    store(t.0, row)
    store(t.1, row + plane)
    store(t.2, row + 2 &* plane)
    store(t.3, row + 3 &* plane)
    store(t.4, row + 4 &* plane)
    store(t.5, row + 5 &* plane)
  }
}

/// `MSKernels.winograd_scratch`: transformed input of all tiles, and their products for one panel.
func winogradScratch(_ c: UnsafePointer<MSConv>, _ tiles: Int) -> Int {
  positions &* tiles &* (c.pointee.in_channels &+ panelColumns) &+ width
}

/// `MSKernels.winograd`.
func winograd(_ c: UnsafePointer<MSConv>, _ tile0: Int, _ tile1: Int, _ panel0: Int, _ panel1: Int, _ scratch: MutableFloats) {
  let layer = WinogradLayer(c.pointee)
  let tiles = tile1 &- tile0
  if tiles <= 0 || panel0 >= panel1 { return }
  for t in 0..<tiles { layer.transformInput(tile0 &+ t, scratch + t &* layer.inChannels, tiles &* layer.inChannels) }
  let products = scratch + positions &* tiles &* layer.inChannels
  for panel in panel0..<panel1 {
    // The multiplication addresses columns of the whole matrix; here they are the panel's alone.
    layer.multiply(panel, tiles, scratch, products)
    for t in 0..<tiles { layer.transformOutput(tile0 &+ t, panel, products + t &* panelColumns, tiles &* panelColumns) }
  }
}

private struct WinogradLayer {
  let conv: MSConv
  let inChannels: Int, outChannels: Int, panels: Int, tilesX: Int
  let padTop: Int, padLeft: Int
  let activation: Activation

  @inline(always) init(_ c: MSConv) {
    conv = c
    inChannels = c.in_channels
    outChannels = c.out_channels
    panels = (c.out_channels &+ panelColumns &- 1) / panelColumns
    tilesX = (c.out_w &+ tileOutputs &- 1) / tileOutputs
    padTop = Int(c.pad_top)
    padLeft = Int(c.pad_left)
    activation = Activation(c.activation, c.alpha, c.beta)
  }

  /// B^T d B for every channel of a tile; position after position, `plane` floats apart.
  @inline(never) func transformInput(_ tile: Int, _ target: MutableFloats, _ plane: Int) {
    let top = tile / tilesX &* tileOutputs &- padTop, left = tile % tilesX &* tileOutputs &- padLeft
    let inside = top >= 0 && left >= 0 && top &+ tilePixels <= conv.in_h && left &+ tilePixels <= conv.in_w
    var channel = 0
    while channel &+ width <= inChannels {
      pixels(top, left, inside, channel, AllLanes(), target + channel, plane)
      channel &+= width
    }
    if channel < inChannels {
      pixels(top, left, inside, channel, SomeLanes(inChannels &- channel), target + channel, plane)
    }
  }

  @inline(always) private func pixels<L: Lanes>(
    _ top: Int, _ left: Int, _ inside: Bool, _ channel: Int, _ lanes: L, _ target: MutableFloats, _ plane: Int
  ) {
    let pixelStride = conv.pixel_stride, lineStride = conv.in_w &* pixelStride
    let source = conv.x + (top &* lineStride &+ left &* pixelStride &+ channel)
    var columns = InlineArray<36, Vec>(repeating: .zero)  // [6][6] after the transform along y
    for x in 0..<6 {
      var d: Six = (.zero, .zero, .zero, .zero, .zero, .zero)
      let column = source + x &* pixelStride
      if inside {
        d = (
          lanes.load(column), lanes.load(column + lineStride), lanes.load(column + 2 &* lineStride),
          lanes.load(column + 3 &* lineStride), lanes.load(column + 4 &* lineStride), lanes.load(column + 5 &* lineStride)
        )
      } else if left &+ x >= 0 && left &+ x < conv.in_w {
        if isRow(top) { d.0 = lanes.load(column) }
        if isRow(top &+ 1) { d.1 = lanes.load(column + lineStride) }
        if isRow(top &+ 2) { d.2 = lanes.load(column + 2 &* lineStride) }
        if isRow(top &+ 3) { d.3 = lanes.load(column + 3 &* lineStride) }
        if isRow(top &+ 4) { d.4 = lanes.load(column + 4 &* lineStride) }
        if isRow(top &+ 5) { d.5 = lanes.load(column + 5 &* lineStride) }
      }
      let t = inputTransform(d)
      (columns[x], columns[6 &+ x], columns[12 &+ x], columns[18 &+ x], columns[24 &+ x], columns[30 &+ x]) = t
    }
    for y in 0..<6 {
      let r = y &* 6
      let t = inputTransform((columns[r], columns[r &+ 1], columns[r &+ 2], columns[r &+ 3], columns[r &+ 4], columns[r &+ 5]))
      let row = target + r &* plane
      lanes.store(t.0, row)
      lanes.store(t.1, row + plane)
      lanes.store(t.2, row + 2 &* plane)
      lanes.store(t.3, row + 3 &* plane)
      lanes.store(t.4, row + 4 &* plane)
      lanes.store(t.5, row + 5 &* plane)
    }
  }

  @inline(always) private func isRow(_ y: Int) -> Bool { y >= 0 && y < conv.in_h }

  /// The products of all positions for one panel of output channels: [position][tile][column of the panel].
  @inline(never) func multiply(_ panel: Int, _ tiles: Int, _ input: Floats, _ products: MutableFloats) {
    for position in 0..<positions {
      let product = Product(
        lda: inChannels, k: inChannels, n: outChannels, b: conv.weights + position &* panels &* inChannels &* panelColumns,
        c: products + (position &* tiles &- panel) &* panelColumns, ldc: panelColumns, bias: nil, residual: nil, ldr: 0,
        activation: Activation(Int32(bitPattern: MS_UNARY_IDENTITY.rawValue), 0, 0))
      product.block(input + position &* tiles &* inChannels, row: 0, rows: tiles, panel, panel &+ 1)
    }
  }

  /// A^T m A for a tile and the channels of one panel, then bias, residual and activation.
  @inline(never) func transformOutput(_ tile: Int, _ panel: Int, _ products: Floats, _ plane: Int) {
    let channel = panel &* panelColumns
    let columns = Swift.min(panelColumns, outChannels &- channel)
    var c = 0
    while c < columns {
      if c &+ width <= columns {
        outputs(tile, channel &+ c, AllLanes(), products + c, plane)
      } else {
        outputs(tile, channel &+ c, SomeLanes(columns &- c), products + c, plane)
      }
      c &+= width
    }
    if activation.needsPass {
      let y0 = tile / tilesX &* tileOutputs, x0 = tile % tilesX &* tileOutputs
      for y in y0..<Swift.min(y0 &+ tileOutputs, conv.out_h) {
        for x in x0..<Swift.min(x0 &+ tileOutputs, conv.out_w) {
          activation.finish(conv.y + ((y &* conv.out_w &+ x) &* conv.ldc &+ channel), columns)
        }
      }
    }
  }

  @inline(always) private func outputs<L: Lanes>(_ tile: Int, _ channel: Int, _ lanes: L, _ products: Floats, _ plane: Int) {
    let y0 = tile / tilesX &* tileOutputs, x0 = tile % tilesX &* tileOutputs
    var rows = InlineArray<24, Vec>(repeating: .zero)  // [4][6] after the transform along y
    for x in 0..<6 {
      let m = products + x &* plane
      let t = outputTransform((
        lanes.load(m), lanes.load(m + 6 &* plane), lanes.load(m + 12 &* plane), lanes.load(m + 18 &* plane),
        lanes.load(m + 24 &* plane), lanes.load(m + 30 &* plane)
      ))
      (rows[x], rows[6 &+ x], rows[12 &+ x], rows[18 &+ x]) = t
    }
    var shift = Vec.zero
    if let bias = conv.bias { shift = lanes.load(bias + channel) }
    for y in 0..<Swift.min(tileOutputs, conv.out_h &- y0) {
      let r = y &* 6
      let t = outputTransform((rows[r], rows[r &+ 1], rows[r &+ 2], rows[r &+ 3], rows[r &+ 4], rows[r &+ 5]))
      let pixel = (y0 &+ y) &* conv.out_w &+ x0
      put(t.0 + shift, pixel, channel, lanes)
      if x0 &+ 1 < conv.out_w { put(t.1 + shift, pixel &+ 1, channel, lanes) }
      if x0 &+ 2 < conv.out_w { put(t.2 + shift, pixel &+ 2, channel, lanes) }
      if x0 &+ 3 < conv.out_w { put(t.3 + shift, pixel &+ 3, channel, lanes) }
    }
  }

  @inline(always) private func put<L: Lanes>(_ value: Vec, _ pixel: Int, _ channel: Int, _ lanes: L) {
    var value = value
    if let residual = conv.residual { value = value + lanes.load(residual + (pixel &* conv.ldr &+ channel)) }
    lanes.store(clamp(value, splat(activation.lo), splat(activation.hi)), conv.y + (pixel &* conv.ldc &+ channel))
  }
}
