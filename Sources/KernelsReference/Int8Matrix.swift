import CKernels

/// Fills the table of the 8-bit matrix kernels with plain scalar loops.
@c @implementation public func mskernels_int8_reference(_ table: UnsafeMutablePointer<MSInt8MatrixKernels>) {
  let name: StaticString = "reference"
  table.pointee.name = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
  table.pointee.vector_lanes = 1
  table.pointee.rows = 1
  table.pointee.columns = Int32(int8PanelColumns)
  table.pointee.channel_block = 1
  table.pointee.x_shift = 0
  // Weights stay as they are, so that the terms of weight zero points are tested with this table.
  table.pointee.packs_zero = 0
  table.pointee.takes_padded_runs = 0
  table.pointee.packed_bytes = int8PackedBytes
  table.pointee.pack = int8Pack
  table.pointee.conv_scratch = { _ in 0 }
  table.pointee.conv = int8Conv
  table.pointee.depthwise_bytes = int8DepthwiseBytes
  table.pointee.depthwise_pack = int8DepthwisePack
  table.pointee.depthwise_scratch = { _ in 0 }
  table.pointee.depthwise = int8Depthwise
  table.pointee.finish = int8Finish
}

/// Columns of a packed panel. Not 1, so that tests of code that handles panels mean something with this table too.
private let int8PanelColumns = 4

private func int8PackedBytes(_ k: Int, _ n: Int) -> Int { (n + int8PanelColumns - 1) / int8PanelColumns * int8PanelColumns * k }

private func int8Position(_ row: Int, _ column: Int, _ k: Int) -> Int {
  column / int8PanelColumns * int8PanelColumns * k + row * int8PanelColumns + column % int8PanelColumns
}

/// `MSInt8MatrixKernels.pack`.
private func int8Pack(
  _ packed: UnsafeMutableRawPointer, _ sums: UnsafeMutablePointer<Int32>, _ b: UnsafePointer<Int8>, _ flip: Int32,
  _ zero: UnsafePointer<Int32>?, _ k: Int, _ n: Int, _ rowStride: Int, _ colStride: Int, _ first: Int, _ last: Int
) {
  let target = packed.assumingMemoryBound(to: Int8.self)
  for column in (first * int8PanelColumns)..<max(first, last) * int8PanelColumns {
    var sum: Int32 = 0
    for row in 0..<k {
      let w = column < n ? b[row * rowStride + column * colStride] ^ Int8(truncatingIfNeeded: flip) : 0
      target[int8Position(row, column, k)] = w
      sum &+= Int32(w)
    }
    if column < n { sums[column] = sum }
  }
}

/// `MSInt8MatrixKernels.conv`.
private func int8Conv(
  _ c: UnsafePointer<MSInt8Conv>, _ row0: Int, _ row1: Int, _ panel0: Int, _ panel1: Int, _ scratch: UnsafeMutableRawPointer
) {
  let l = c.pointee
  let weights = l.weights.assumingMemoryBound(to: Int8.self)
  let depth = Int(l.kernel_h) * Int(l.kernel_w) * l.in_channels
  for row in row0..<max(row0, row1) {
    let top = row / l.out_w * Int(l.stride_h) - Int(l.pad_top)
    let left = row % l.out_w * Int(l.stride_w) - Int(l.pad_left)
    for column in (panel0 * int8PanelColumns)..<max(panel0 * int8PanelColumns, min(panel1 * int8PanelColumns, l.out_channels)) {
      var sum: Int32 = 0, values: Int32 = 0
      for ky in 0..<Int(l.kernel_h) {
        for kx in 0..<Int(l.kernel_w) {
          let iy = top + ky * Int(l.dilation_h), ix = left + kx * Int(l.dilation_w)
          let isInside = iy >= 0 && iy < l.in_h && ix >= 0 && ix < l.in_w
          let k = (ky * Int(l.kernel_w) + kx) * l.in_channels
          for channel in 0..<l.in_channels {
            var x = l.x_zero
            if isInside { x = Int32(l.x[(iy * l.in_w + ix) * l.pixel_stride + channel] ^ Int8(truncatingIfNeeded: l.flip)) }
            sum &+= x &* Int32(weights[int8Position(k + channel, column, depth)])
            values &+= x
          }
        }
      }
      if let zero = l.output.weight_zero { sum &-= zero[column] &* values }
      int8Store(sum &+ l.output.offset[column], l.output, row, column, column)
    }
  }
}

/// `MSInt8MatrixKernels.depthwise_bytes`: per channel offset, multiplier (or scale), shift (or bias), then the weights.
private func int8DepthwiseBytes(_ taps: Int, _ channels: Int) -> Int { channels * (taps + 3) * 4 }

/// `MSInt8MatrixKernels.depthwise_pack`.
private func int8DepthwisePack(
  _ packed: UnsafeMutableRawPointer, _ weights: UnsafePointer<Int8>, _ flip: Int32, _ zero: UnsafePointer<Int32>?, _ taps: Int,
  _ channels: Int, _ xZero: Int32, _ output: UnsafePointer<MSInt8Output>
) {
  let out = output.pointee
  let target = packed.assumingMemoryBound(to: Int32.self)
  for c in 0..<channels {
    let place = target + c * (taps + 3)
    var sum: Int32 = 0
    for t in 0..<taps {
      let w = Int32(weights[c * taps + t] ^ Int8(truncatingIfNeeded: flip)) - (zero.map { $0[c] } ?? 0)
      place[3 + t] = w
      sum &+= w
    }
    place[0] = out.offset[c] &- xZero &* sum
    if out.kind == Int32(MS_INT8_FLOAT.rawValue) {
      place[1] = Int32(bitPattern: (out.scale.map { $0[c] } ?? 1).bitPattern)
      place[2] = Int32(bitPattern: (out.bias.map { $0[c] } ?? 0).bitPattern)
    } else {
      place[1] = out.multiplier.map { $0[c] } ?? 0
      place[2] = out.shift.map { $0[c] } ?? 0
    }
  }
}

/// `MSInt8MatrixKernels.depthwise`.
private func int8Depthwise(
  _ d: UnsafePointer<MSInt8Depthwise>, _ y0: Int, _ y1: Int, _ c0: Int, _ c1: Int, _ scratch: UnsafeMutableRawPointer
) {
  let l = d.pointee
  let taps = Int(l.kernel_h) * Int(l.kernel_w)
  for oy in y0..<max(y0, y1) {
    for ox in 0..<l.out_w {
      for channel in c0..<max(c0, c1) {
        let packed = l.weights.assumingMemoryBound(to: Int32.self) + channel * (taps + 3)
        var sum = packed[0]
        for ky in 0..<Int(l.kernel_h) {
          for kx in 0..<Int(l.kernel_w) {
            let iy = oy * Int(l.stride_h) - Int(l.pad_top) + ky * Int(l.dilation_h)
            let ix = ox * Int(l.stride_w) - Int(l.pad_left) + kx * Int(l.dilation_w)
            var x = l.x_zero
            if iy >= 0 && iy < l.in_h && ix >= 0 && ix < l.in_w {
              x = Int32(l.x[(iy * l.in_w + ix) * l.channels + channel] ^ Int8(truncatingIfNeeded: l.flip))
            }
            sum &+= x &* packed[3 + ky * Int(l.kernel_w) + kx]
          }
        }
        let place = (oy * l.out_w + ox) * l.channels + channel
        if l.output.kind == Int32(MS_INT8_FLOAT.rawValue) {
          let y = Float(sum) * Float(bitPattern: UInt32(bitPattern: packed[1])) + Float(bitPattern: UInt32(bitPattern: packed[2]))
          l.output.y.assumingMemoryBound(to: Float.self)[place] = min(max(y, l.output.float_lo), l.output.float_hi)
        } else {
          l.output.y.assumingMemoryBound(to: Int8.self)[place] = int8Requantized(sum, packed[1], packed[2], l.output)
        }
      }
    }
  }
}

/// `MSInt8MatrixKernels.finish`.
private func int8Finish(
  _ sums: UnsafePointer<Int32>, _ rowStride: Int, _ rows: Int, _ n: Int, _ row: Int, _ output: UnsafePointer<MSInt8Output>
) {
  for r in 0..<rows {
    for c in 0..<n { int8Store(sums[r * rowStride + c] &+ output.pointee.offset[c], output.pointee, row + r, c, c) }
  }
}

private func int8Store(_ sum: Int32, _ output: MSInt8Output, _ row: Int, _ column: Int, _ channel: Int) {
  let place = row * output.ldc + column
  switch output.kind {
  case Int32(MS_INT8_QUANTIZED.rawValue):
    guard let multiplier = output.multiplier, let shift = output.shift else { return }
    output.y.assumingMemoryBound(to: Int8.self)[place] = int8Requantized(sum, multiplier[channel], shift[channel], output)
  case Int32(MS_INT8_FLOAT.rawValue):
    let y = Float(sum) * (output.scale.map { $0[channel] } ?? 1) + (output.bias.map { $0[channel] } ?? 0)
    output.y.assumingMemoryBound(to: Float.self)[place] = min(max(y, output.float_lo), output.float_hi)
  default: output.y.assumingMemoryBound(to: Int32.self)[place] = sum
  }
}

/// The saturating rounding doubling high product, then the rounding division by a power of two.
private func int8Requantized(_ sum: Int32, _ multiplier: Int32, _ shift: Int32, _ output: MSInt8Output) -> Int8 {
  let product = Int64(shift > 0 ? sum &<< shift : sum) * Int64(multiplier)
  let high = (product + (product >= 0 ? 1 << 30 : 1 - (1 << 30))) / (1 << 31)
  var value = high
  if shift < 0 {
    let n = Int64(-shift)
    if output.upward != 0 {
      value = (high + (1 << (n - 1))) >> n
    } else {
      let mask = (Int64(1) << n) - 1
      value = (high >> n) + ((high & mask) > (mask >> 1) + (high < 0 ? 1 : 0) ? 1 : 0)
    }
  }
  let clamped = min(max(value + Int64(output.zero), Int64(output.lo)), Int64(output.hi))
  return Int8(truncatingIfNeeded: clamped) ^ Int8(truncatingIfNeeded: output.flip)
}
