import CKernels
import CSystem

/// Gradients and optimiser steps in double precision.

private func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

private func derivative(_ op: Int32, _ s: Double, _ a: Double, _ b: Double) -> Double {
  switch MSUnaryGrad(rawValue: UInt32(bitPattern: op)) {
  case MS_GRAD_LEAKY_RELU: return s > 0 ? 1 : a
  case MS_GRAD_SIGMOID: return s * (1 - s)
  case MS_GRAD_TANH: return 1 - s * s
  case MS_GRAD_HSWISH: return s >= 3 ? 1 : s <= -3 ? 0 : (2 * s + 3) / 6
  case MS_GRAD_HSIGMOID: return s > -3 && s < 3 ? 1 / 6 : 0
  case MS_GRAD_ELU: return s > 0 ? a : s + b
  case MS_GRAD_SWISH: return logistic(s) * (1 + s * (1 - logistic(s)))
  case MS_GRAD_GELU: return 0.5 * (1 + erf(s * 0.70710678118654752)) + s * exp(-s * s / 2) * 0.39894228040143268
  case MS_GRAD_GELU_TANH:
    let t = tanh(0.79788456 * s + 0.035677408 * s * s * s)
    return 0.5 * (1 + t) + 0.5 * s * (1 - t * t) * (0.79788456 + 3 * 0.035677408 * s * s)
  case MS_GRAD_SOFTPLUS: return logistic(s)
  case MS_GRAD_ABS: return s > 0 ? 1 : s < 0 ? -1 : 0
  case MS_GRAD_SOFTSIGN: return 1 / ((1 + fabs(s)) * (1 + fabs(s)))
  default: return s > a && s < b ? 1 : 0
  }
}

/// `MSKernels.unary_grad`.
func unaryGrad(
  _ op: Int32, _ dy: UnsafePointer<Float>, _ s: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ n: Int, _ a: Float, _ b: Float
) {
  for i in 0..<n { dx[i] = Float(Double(dy[i]) * derivative(op, Double(s[i]), Double(a), Double(b))) }
}

/// `MSKernels.dot_columns`.
func dotColumns(
  _ a: UnsafePointer<Float>, _ a0: UnsafePointer<Float>?, _ b: UnsafePointer<Float>, _ b0: UnsafePointer<Float>?,
  _ y: UnsafeMutablePointer<Float>, _ rows: Int, _ columns: Int, _ stride: Int
) {
  for c in 0..<columns {
    let p = Double(a0?[c] ?? 0), q = Double(b0?[c] ?? 0)
    var total = 0.0
    for r in 0..<rows { total += (Double(a[r * stride + c]) - p) * (Double(b[r * stride + c]) - q) }
    y[c] = Float(total)
  }
}

/// `MSKernels.adam`.
func adam(
  _ w: UnsafeMutablePointer<Float>, _ m: UnsafeMutablePointer<Float>, _ v: UnsafeMutablePointer<Float>, _ g: UnsafePointer<Float>,
  _ n: Int, _ p: UnsafePointer<MSAdam>
) {
  let a = p.pointee
  let share1 = 1 - Double(a.beta1), share2 = 1 - Double(a.beta2)
  for i in 0..<n {
    let d = Double(g[i])
    let first = Double(m[i]) + share1 * (d - Double(m[i])), second = Double(v[i]) + share2 * (d * d - Double(v[i]))
    m[i] = Float(first)
    v[i] = Float(second)
    let s = a.nesterov != 0 ? Double(a.beta1) * first + share1 * d : first
    w[i] = Float(Double(w[i]) - Double(a.rate) * (s / (sqrt(second) + Double(a.epsilon)) + Double(a.decay) * Double(w[i])))
  }
}

/// `MSKernels.momentum`.
func momentum(
  _ w: UnsafeMutablePointer<Float>, _ accumulator: UnsafeMutablePointer<Float>?, _ g: UnsafePointer<Float>, _ n: Int,
  _ p: UnsafePointer<MSMomentum>
) {
  let a = p.pointee
  for i in 0..<n {
    let d = Double(g[i]) + Double(a.decay) * Double(w[i])
    var s = d
    if let accumulator {
      let sum = Double(a.momentum) * Double(accumulator[i]) + Double(a.share) * d
      accumulator[i] = Float(sum)
      s = a.nesterov != 0 ? d + Double(a.momentum) * sum : sum
    }
    w[i] = Float(Double(w[i]) - Double(a.rate) * s)
  }
}

/// `MSKernels.pool_grad`.
func poolGrad(_ p: UnsafePointer<MSPoolGrad>, _ y0: Int, _ y1: Int, _ c0: Int, _ c1: Int) {
  let l = p.pointee
  for oy in y0..<max(y0, y1) {
    for ox in 0..<l.out_w {
      for c in c0..<max(c0, c1) {
        var taps = [Int](), best = -1
        for ky in 0..<Int(l.kernel_h) {
          for kx in 0..<Int(l.kernel_w) {
            let y = oy * Int(l.stride_h) - Int(l.pad_top) + ky, x = ox * Int(l.stride_w) - Int(l.pad_left) + kx
            if y < 0 || y >= l.in_h || x < 0 || x >= l.in_w { continue }
            let at = (y * l.in_w + x) * l.channels + c
            taps.append(at)
            if best < 0 || l.x[at] > l.x[best] { best = at }
          }
        }
        if best < 0 { continue }
        let dy = l.dy[(oy * l.out_w + ox) * l.channels + c]
        if l.average == 0 { l.dx[best] += dy } else { for at in taps { l.dx[at] += dy / Float(taps.count) } }
      }
    }
  }
}

/// `MSKernels.conv_gather`.
func convGather(_ c: UnsafePointer<MSConv>, _ row0: Int, _ row1: Int, _ rows: UnsafeMutablePointer<Float>) {
  let l = c.pointee
  var target = rows
  for row in row0..<max(row0, row1) {
    for ky in 0..<Int(l.kernel_h) {
      for kx in 0..<Int(l.kernel_w) {
        let y = row / l.out_w * Int(l.stride_h) - Int(l.pad_top) + ky * Int(l.dilation_h)
        let x = row % l.out_w * Int(l.stride_w) - Int(l.pad_left) + kx * Int(l.dilation_w)
        let inside = y >= 0 && y < l.in_h && x >= 0 && x < l.in_w
        for channel in 0..<l.in_channels {
          target.pointee = inside ? l.x[(y * l.in_w + x) * l.pixel_stride + channel] : 0
          target += 1
        }
      }
    }
  }
}

/// `MSKernels.conv_scatter`.
func convScatter(
  _ c: UnsafePointer<MSConv>, _ values: UnsafePointer<Float>, _ image: UnsafeMutablePointer<Float>, _ oy0: Int, _ oy1: Int, _ y0: Int,
  _ y1: Int
) {
  let l = c.pointee
  var source = values
  for oy in oy0..<max(oy0, oy1) {
    for ox in 0..<l.out_w {
      for ky in 0..<Int(l.kernel_h) {
        for kx in 0..<Int(l.kernel_w) {
          let y = oy * Int(l.stride_h) - Int(l.pad_top) + ky * Int(l.dilation_h)
          let x = ox * Int(l.stride_w) - Int(l.pad_left) + kx * Int(l.dilation_w)
          let inside = y >= y0 && y < y1 && x >= 0 && x < l.in_w
          for channel in 0..<l.in_channels {
            if inside { image[(y * l.in_w + x) * l.pixel_stride + channel] += source.pointee }
            source += 1
          }
        }
      }
    }
  }
}

/// Calls `body(output element, input pixel's element, weight element)` for every product of a depthwise convolution's channels.
private func forEachProduct(_ l: MSDepthwise, _ c0: Int, _ c1: Int, _ body: (Int, Int, Int) -> Void) {
  for oy in 0..<l.out_h {
    for ox in 0..<l.out_w {
      for ky in 0..<Int(l.kernel_h) {
        for kx in 0..<Int(l.kernel_w) {
          let y = oy * Int(l.stride_h) - Int(l.pad_top) + ky * Int(l.dilation_h)
          let x = ox * Int(l.stride_w) - Int(l.pad_left) + kx * Int(l.dilation_w)
          if y < 0 || y >= l.in_h || x < 0 || x >= l.in_w { continue }
          for c in c0..<max(c0, c1) {
            body((oy * l.out_w + ox) * l.channels + c, (y * l.in_w + x) * l.channels + c, (ky * Int(l.kernel_w) + kx) * l.channels + c)
          }
        }
      }
    }
  }
}

/// `MSKernels.depthwise_input_grad`.
func depthwiseInputGrad(_ d: UnsafePointer<MSDepthwise>, _ dx: UnsafeMutablePointer<Float>, _ y0: Int, _ y1: Int) {
  let l = d.pointee, row = l.in_w * l.channels
  for i in y0 * row..<max(y0, y1) * row { dx[i] = 0 }
  forEachProduct(l, 0, l.channels) { o, i, w in
    if i / max(row, 1) >= y0 && i / max(row, 1) < y1 { dx[i] += l.y[o] * l.weights[w] }
  }
}

/// `MSKernels.depthwise_weight_grad`.
func depthwiseWeightGrad(_ d: UnsafePointer<MSDepthwise>, _ dw: UnsafeMutablePointer<Float>, _ c0: Int, _ c1: Int) {
  let l = d.pointee
  forEachProduct(l, c0, c1) { o, i, w in dw[w] += l.y[o] * l.x[i] }
}
