import CKernels

/// Matrix multiplication and convolution, one output at a time, accumulated in double precision.

/// Columns of a packed panel. Not 1, so that tests of code that handles panels mean something with this table too.
let panelColumns = 4

/// `MSKernels.gemm_pack_b`.
func gemmPackB(
  _ packed: UnsafeMutablePointer<Float>, _ b: UnsafePointer<Float>, _ k: Int, _ n: Int, _ rowStride: Int,
  _ colStride: Int, _ first: Int, _ last: Int
) {
  for column in (first * panelColumns)..<max(first, last) * panelColumns {
    for row in 0..<k {
      packed[position(row, column, k)] = column < n ? b[row * rowStride + column * colStride] : 0
    }
  }
}

/// `MSKernels.gemm_pack_b_f16`.
func gemmPackBHalf(
  _ packed: UnsafeMutablePointer<Float>, _ b: UnsafePointer<UInt16>, _ k: Int, _ n: Int, _ rowStride: Int,
  _ colStride: Int, _ first: Int, _ last: Int
) {
  for column in (first * panelColumns)..<max(first, last) * panelColumns {
    for row in 0..<k {
      packed[position(row, column, k)] = column < n ? floatFromHalf(b[row * rowStride + column * colStride]) : 0
    }
  }
}

/// Where element (row, column) lies among the packed panels.
private func position(_ row: Int, _ column: Int, _ k: Int) -> Int {
  column / panelColumns * panelColumns * k + row * panelColumns + column % panelColumns
}

/// `MSKernels.gemm`.
func gemm(_ g: UnsafePointer<MSGemm>, _ row0: Int, _ row1: Int, _ panel0: Int, _ panel1: Int) {
  let m = g.pointee
  for row in row0..<max(row0, row1) {
    for column in (panel0 * panelColumns)..<max(panel0 * panelColumns, min(panel1 * panelColumns, m.n)) {
      var sum = 0.0
      for k in 0..<m.k { sum += Double(m.a[row * m.lda + k]) * Double(m.b[position(k, column, m.k)]) }
      if let bias = m.bias { sum += Double(bias[column]) }
      if let residual = m.residual { sum += Double(residual[row * m.ldr + column]) }
      m.c[row * m.ldc + column] = activated(m.activation, Float(sum), m.alpha, m.beta)
    }
  }
}

/// `MSKernels.conv_scratch`: nothing is gathered here.
func convScratch(_ c: UnsafePointer<MSConv>) -> Int { 0 }

/// `MSKernels.conv`.
func conv(
  _ c: UnsafePointer<MSConv>, _ row0: Int, _ row1: Int, _ panel0: Int, _ panel1: Int,
  _ scratch: UnsafeMutablePointer<Float>
) {
  let l = c.pointee
  let depth = Int(l.kernel_h) * Int(l.kernel_w) * l.in_channels
  for row in row0..<max(row0, row1) {
    let top = row / l.out_w * Int(l.stride_h) - Int(l.pad_top)
    let left = row % l.out_w * Int(l.stride_w) - Int(l.pad_left)
    for column in (panel0 * panelColumns)..<max(panel0 * panelColumns, min(panel1 * panelColumns, l.out_channels)) {
      var sum = 0.0
      for ky in 0..<Int(l.kernel_h) {
        for kx in 0..<Int(l.kernel_w) {
          let iy = top + ky * Int(l.dilation_h), ix = left + kx * Int(l.dilation_w)
          if iy < 0 || iy >= l.in_h || ix < 0 || ix >= l.in_w { continue }
          let pixel = l.x + (iy * l.in_w + ix) * l.pixel_stride
          let k = (ky * Int(l.kernel_w) + kx) * l.in_channels
          for channel in 0..<l.in_channels {
            sum += Double(pixel[channel]) * Double(l.weights[position(k + channel, column, depth)])
          }
        }
      }
      if let bias = l.bias { sum += Double(bias[column]) }
      if let residual = l.residual { sum += Double(residual[row * l.ldr + column]) }
      l.y[row * l.ldc + column] = activated(l.activation, Float(sum), l.alpha, l.beta)
    }
  }
}

/// `MSKernels.depthwise`.
func depthwise(_ d: UnsafePointer<MSDepthwise>, _ y0: Int, _ y1: Int, _ c0: Int, _ c1: Int) {
  let l = d.pointee
  for oy in y0..<max(y0, y1) {
    for ox in 0..<l.out_w {
      for channel in c0..<max(c0, c1) {
        var sum = 0.0
        for ky in 0..<Int(l.kernel_h) {
          for kx in 0..<Int(l.kernel_w) {
            let iy = oy * Int(l.stride_h) - Int(l.pad_top) + ky * Int(l.dilation_h)
            let ix = ox * Int(l.stride_w) - Int(l.pad_left) + kx * Int(l.dilation_w)
            if iy < 0 || iy >= l.in_h || ix < 0 || ix >= l.in_w { continue }
            let weight = l.weights[(ky * Int(l.kernel_w) + kx) * l.channels + channel]
            sum += Double(l.x[(iy * l.in_w + ix) * l.channels + channel]) * Double(weight)
          }
        }
        if let bias = l.bias { sum += Double(bias[channel]) }
        l.y[(oy * l.out_w + ox) * l.channels + channel] = activated(l.activation, Float(sum), l.alpha, l.beta)
      }
    }
  }
}

/// `MSKernels.pool`.
func pool(_ p: UnsafePointer<MSPool>, _ y0: Int, _ y1: Int) {
  let l = p.pointee
  for oy in y0..<max(y0, y1) {
    for ox in 0..<l.out_w {
      for channel in 0..<l.channels {
        var sum = 0.0, count = 0.0
        var peak = -Float.greatestFiniteMagnitude
        for ky in 0..<Int(l.kernel_h) {
          for kx in 0..<Int(l.kernel_w) {
            let iy = oy * Int(l.stride_h) - Int(l.pad_top) + ky, ix = ox * Int(l.stride_w) - Int(l.pad_left) + kx
            if iy < 0 || iy >= l.in_h || ix < 0 || ix >= l.in_w { continue }
            let value = l.x[(iy * l.in_w + ix) * l.channels + channel]
            sum += Double(value)
            count += 1
            peak = larger(peak, value)
          }
        }
        let result = l.average == 0 ? peak : count == 0 ? 0 : Float(sum / count)
        l.y[(oy * l.out_w + ox) * l.channels + channel] = activated(l.activation, result, l.alpha, l.beta)
      }
    }
  }
}
