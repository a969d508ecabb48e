import CKernels
import CSystem
import Graph
import System

/// ResizeMethod and CoordinateTransformMode numbers of the format.
enum ResizeMethod {
  static let linear = 0, nearest = 1, cubic = 2
}
enum CoordinateMode {
  static let asymmetric = 0, alignCorners = 1, halfPixel = 2
}

// Attributes: 1 method (0), 2 new_height (0), 3 new_width (0), 5 coordinate_transform_mode (0), 6 cubic_coeff (0). Not read, as
// in the original: format, preserve_aspect_ratio, exclude_outside, extrapolation_value, nearest_mode.

/// Resize of NHWC images. Inputs: x [, size], the size being int32 [h, w], int32 or float32 for four dimensions (sizes or
/// scales), float32 [scale h, scale w], or one int32 zoom factor. Linear and cubic take float32; nearest any type whose
/// elements have 1, 2, 4 or 8 bytes.
class ResizeOperator: Operator {
  private let method: Int
  final let coordinates: Int
  private let cubicCoefficient: Float
  /// For every output row, then every output column: the positions of the `taps` source rows or columns, and their weights.
  private var positions: Buffer? = nil
  private var weights: Buffer? = nil
  private var taps: Int { method == ResizeMethod.nearest ? 1 : method == ResizeMethod.linear ? 2 : 4 }

  override init(_ node: Node) throws(EngineError) {
    let attributes = node.attributes
    method = attributes.int(1, 0)
    coordinates = attributes.int(5, 0)
    cubicCoefficient = attributes.float(6, 0)
    try super.init(node)
    try requireInputs(1...2)
    try requireOutputs(1...1)
    guard method >= 0 && method <= 2 else {
      throw EngineError(.notSupported, "resize method \(method); 0 (LINEAR), 1 (NEAREST) and 2 (CUBIC) are accepted")
    }
    guard coordinates >= 0 && coordinates <= 2 else {
      throw EngineError(
        .notSupported,
        "coordinate mode \(coordinates); 0 (ASYMMETRIC), 1 (ALIGN_CORNERS) and 2 (HALF_PIXEL) are accepted")
    }
    if method != ResizeMethod.nearest {
      try requireElements()
    } else if inputs[0].type.size == 0 {
      try requireType(0, .float32, .float16, .int32, .int64, .int16, .int8, .uint8, .bool)
    }
  }

  /// Checks the type of an input that is blended; subclasses take others.
  func requireElements() throws(EngineError) { try requireType(0, .float32) }

  /// Height and width of the result.
  private func size() throws(EngineError) -> (h: Int, w: Int) {
    let x = inputs[0].shape
    if inputs.count == 1 { return (node.attributes.int(2, 0), node.attributes.int(3, 0)) }
    let t = inputs[1], n = t.count
    if !t.hasKnownValue { throw EngineError.deferred }
    // Four entries stand for the dimensions in the order that the tensor's own format names.
    let h = n == 4 ? (t.format == .nchw ? 2 : 1) : 0, w = h + 1
    if t.type == .int32 || t.type == .int64 {
      let values = try requireIntegers(1)
      if n == 2 || n == 4 { return (values[h], values[w]) }
      if n == 1 && values[0] > 0 && values[0] < 1 << 20 {
        return (x[1] + (x[1] - 1) * (values[0] - 1), x[2] + (x[2] - 1) * (values[0] - 1))
      }
    } else if (t.type == .float32 || t.type == .float16) && (n == 2 || n == 4), let data = t.data {
      func scale(_ i: Int) -> Float {
        if t.type == .float32 { return data.loadUnaligned(fromByteOffset: i * 4, as: Float.self) }
        return halfToFloat(data.loadUnaligned(fromByteOffset: i * 2, as: UInt16.self))
      }
      let height = (Float(x[1]) * scale(h)).rounded(), width = (Float(x[2]) * scale(w)).rounded()
      if height >= 0 && height < 0x1p30 && width >= 0 && width < 0x1p30 { return (Int(height), Int(width)) }
    }
    throw EngineError(
      .inferError,
      "the size (\(t)) must be 2 or 4 sizes of int32, 2 or 4 scales of float32, or one int32 zoom factor")
  }

  /// The value of an IEEE binary16.
  private func halfToFloat(_ bits: UInt16) -> Float {
    let exponent = Int(bits >> 10) & 31, fraction = Float(bits & 1023) / 1024
    let magnitude: Float
    switch exponent {
    case 0: magnitude = ldexpf(fraction, -14)
    case 31: magnitude = fraction == 0 ? .infinity : .nan
    default: magnitude = ldexpf(1 + fraction, Int32(exponent - 15))
    }
    return bits & 0x8000 == 0 ? magnitude : -magnitude
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 4...4)
    let x = inputs[0].shape
    guard x[1] > 0 && x[2] > 0 && x[1] <= 1 << 30 && x[2] <= 1 << 30 else {
      throw EngineError(.inferError, "input 0 (\(inputs[0])) has no image to resize")
    }
    let (h, w) = try size()
    guard h > 0 && w > 0 && h <= 1 << 30 && w <= 1 << 30 else {
      throw EngineError(.inferError, "the size \(h) x \(w) is impossible")
    }
    try setOutput(0, inputs[0].type, [x[0], h, w, x[3]])
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    positions = nil
    weights = nil
    workspaceBytes = 0
    if outputs[0].count == 0 { return }
    let x = inputs[0].shape, y = outputs[0].shape
    let entries = (y[1] + y[2]) * taps
    let p = try floatBuffer(entries), f = try floatBuffer(entries)
    fill(p.base.assumingMemoryBound(to: Int32.self), f.floats, x[1], y[1])
    fill(p.base.assumingMemoryBound(to: Int32.self) + y[1] * taps, f.floats + y[1] * taps, x[2], y[2])
    positions = p
    weights = f
    if method != ResizeMethod.nearest { workspaceBytes = context.threads * x[2] * x[3] * 4 }
  }

  /// Source coordinate of output position i, in the original's float arithmetic.
  private func coordinate(_ i: Int, _ size: Int, _ out: Int) -> Float {
    switch coordinates {
    case CoordinateMode.alignCorners:
      return out == 1 || size == 1 ? 0 : Float(i) / (Float(out - 1) / Float(size - 1))
    case CoordinateMode.halfPixel: return max((Float(i) + 0.5) / (Float(out) / Float(size)) - 0.5, 0)
    default: return Float(i) / (Float(out) / Float(size))
    }
  }

  private func fill(_ p: UnsafeMutablePointer<Int32>, _ f: UnsafeMutablePointer<Float>, _ size: Int, _ out: Int) {
    func inside(_ i: Int) -> Int32 { Int32(min(max(i, 0), size - 1)) }
    for i in 0..<out {
      let c = coordinate(i, size, out)
      let low = Int(c.rounded(.down)), t = c - Float(low)
      switch method {
      case ResizeMethod.nearest:
        p[i] = inside(coordinates == CoordinateMode.alignCorners ? Int(c.rounded()) : low)
        f[i] = 1
      case ResizeMethod.linear:
        (p[2 * i], p[2 * i + 1]) = (inside(low), inside(low + 1))
        (f[2 * i], f[2 * i + 1]) = (1 - t, t)
      default:
        for k in 0..<4 {
          p[4 * i + k] = inside(low - 1 + k)
          f[4 * i + k] = cubic(abs(t - Float(k - 1)))
        }
      }
    }
  }

  /// Weight of a tap at distance d.
  private func cubic(_ d: Float) -> Float {
    let a = cubicCoefficient
    if d <= 1 { return ((a + 2) * d - (a + 3)) * d * d + 1 }
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0
  }

  /// Everything a row of the result needs.
  private struct Geometry {
    let rowPositions: UnsafePointer<Int32>, columnPositions: UnsafePointer<Int32>
    let rowWeights: UnsafePointer<Float>, columnWeights: UnsafePointer<Float>
    let inH: Int, inW: Int, outH: Int, outW: Int, channels: Int
  }

  /// Output rows by source row and column, moved as elements of type E.
  private struct NearestJob<E>: ParallelJob {
    let g: Geometry
    let x: UnsafePointer<E>, y: UnsafeMutablePointer<E>
    func run(_ index: Int, worker: Int) {
      let (image, row) = index.quotientAndRemainder(dividingBy: g.outH)
      let source = x + (image * g.inH + Int(g.rowPositions[row])) * g.inW * g.channels
      var result = y + index * g.outW * g.channels
      for column in 0..<g.outW {
        let pixel = source + Int(g.columnPositions[column]) * g.channels
        if g.channels * MemoryLayout<E>.size >= 32 {
          memcpy(result, pixel, g.channels * MemoryLayout<E>.size)
        } else {
          for c in 0..<g.channels { result[c] = pixel[c] }
        }
        result += g.channels
      }
    }
  }

  /// Output rows from `taps` source rows, first down the columns into the worker's scratch row, then along it.
  private struct BlendJob: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let g: Geometry
    let isCubic: Bool
    let x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>

    func run(_ index: Int, worker: Int) {
      let (image, row) = index.quotientAndRemainder(dividingBy: g.outH)
      let length = g.inW * g.channels
      let base = x + image * g.inH * length
      let result = y + index * g.outW * g.channels
      let line = scratch + worker * length
      if isCubic {
        let p = g.rowPositions + 4 * row, f = g.rowWeights + 4 * row
        let (a, b, c, d) = (base + Int(p[0]) * length, base + Int(p[1]) * length, base + Int(p[2]) * length, base + Int(p[3]) * length)
        for i in 0..<length { line[i] = f[0] * a[i] + f[1] * b[i] + f[2] * c[i] + f[3] * d[i] }
        along4(UnsafePointer(line), result)
        return
      }
      let upper = base + Int(g.rowPositions[2 * row]) * length, lower = base + Int(g.rowPositions[2 * row + 1]) * length
      let t = g.rowWeights[2 * row + 1]
      if t == 0 {
        along2(upper, result)
      } else {
        kernels.pointee.lerp(upper, lower, t, line, length)
        along2(UnsafePointer(line), result)
      }
    }

    private func along2(_ line: UnsafePointer<Float>, _ result: UnsafeMutablePointer<Float>) {
      let channels = g.channels
      for column in 0..<g.outW {
        let a = line + Int(g.columnPositions[2 * column]) * channels, b = line + Int(g.columnPositions[2 * column + 1]) * channels
        let y = result + column * channels
        if channels >= 8 {
          kernels.pointee.lerp(a, b, g.columnWeights[2 * column + 1], y, channels)
        } else {
          let (u, v) = (g.columnWeights[2 * column], g.columnWeights[2 * column + 1])
          for c in 0..<channels { y[c] = u * a[c] + v * b[c] }
        }
      }
    }

    private func along4(_ line: UnsafePointer<Float>, _ result: UnsafeMutablePointer<Float>) {
      let channels = g.channels
      for column in 0..<g.outW {
        let p = g.columnPositions + 4 * column, f = g.columnWeights + 4 * column, y = result + column * channels
        let (i0, i1, i2, i3) = (Int(p[0]) * channels, Int(p[1]) * channels, Int(p[2]) * channels, Int(p[3]) * channels)
        for c in 0..<channels { y[c] = f[0] * line[i0 + c] + f[1] * line[i1 + c] + f[2] * line[i2 + c] + f[3] * line[i3 + c] }
      }
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard outputs[0].count > 0, let positions, let weights else { return }
    let x = inputs[0].shape, y = outputs[0].shape
    let p = UnsafePointer(positions.base.assumingMemoryBound(to: Int32.self)), f = UnsafePointer(weights.floats)
    let g = Geometry(
      rowPositions: p, columnPositions: p + y[1] * taps, rowWeights: f, columnWeights: f + y[1] * taps, inH: x[1], inW: x[2],
      outH: y[1], outW: y[2], channels: x[3])
    let rows = y[0] * y[1]
    if method != ResizeMethod.nearest {
      let job = BlendJob(
        kernels: context.kernels, g: g, isCubic: method == ResizeMethod.cubic, x: UnsafePointer(inputs[0].floats),
        y: outputs[0].floats, scratch: scratch(context))
      context.parallel(rows, job)
      return
    }
    switch inputs[0].type.size {
    case 1: context.parallel(rows, nearest(g, UInt8.self))
    case 2: context.parallel(rows, nearest(g, UInt16.self))
    case 4: context.parallel(rows, nearest(g, UInt32.self))
    default: context.parallel(rows, nearest(g, UInt64.self))
    }
  }

  private func nearest<E>(_ g: Geometry, _: E.Type) -> NearestJob<E> {
    NearestJob<E>(g: g, x: UnsafePointer(inputs[0].pointer(E.self)), y: outputs[0].pointer(E.self))
  }
}
