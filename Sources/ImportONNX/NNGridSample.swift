import ConverterCore
import Graph

/// GridSample with any number of axes and cubic weights: a sum over the pixels around each point, gathered one after the other.
struct GridSampler {
  enum Method: Int {
    case nearest = 1
    case linear = 2
    case cubic = 4
    /// Pixels along each axis.
    var taps: Int { rawValue }
  }
  let f: Formula
  let method: Method
  let padding: String
  let aligned: Bool
  private static let axisLimit = 3

  /// The image x [N, C, ...] at the points of grid [N, ..., axes], whose coordinates are in -1...1, the last axis's first.
  func sampled(_ x: Tensor, _ grid: Tensor) throws(EngineError) -> Tensor {
    let graph = f.graph
    let dims = try graph.rank(of: x) > 2 ? graph.dims(of: x) ?? [] : []
    let size = Array(dims.dropFirst(2))
    guard !size.isEmpty, size.count <= Self.axisLimit, try graph.rank(of: grid) == dims.count, dims[1...].allSatisfy({ $0 > 0 }),
      let pixels = Shape(size).checkedCount, pixels < 1 << 30
    else {
      throw EngineError(.inferError, "X must have one to \(Self.axisLimit) axes of known size, and the grid as many: found \(x) and \(grid)")
    }
    let n = size.count, strides = Shape(size).strides
    let flat = try graph.reshape(graph.transpose(f.float(x), [0] + (2..<(n + 2)) + [1]), [-1, dims[1]])
    let points = try f.float(grid)
    let images = try f.mul(f.counting(f.squeezedToScalar(f.dims(x, 0..<1))), f.scalar(pixels))
    // What each choice of pixels so far has: its place in the flat image, and its weight.
    var choices: [(place: Tensor, weight: Tensor?)] = [(try graph.reshape(images, [-1] + [Int](repeating: 1, count: n + 1)), nil)]
    for axis in 0..<n {
      let coordinate = try f.slice(points, axis: n + 1, from: n - 1 - axis, to: n - axis)
      let taps = try pixelsAround(coordinate, size[axis])
      var next = [(place: Tensor, weight: Tensor?)]()
      for choice in choices {
        for tap in taps {
          let place = try f.add(choice.place, f.mul(f.int(tap.pixel), f.scalar(strides[axis])))
          var weight = choice.weight ?? tap.weight
          if let a = choice.weight, let b = tap.weight { weight = try f.mul(a, b) }
          next.append((place, weight))
        }
      }
      choices = next
    }
    var sum: Tensor?
    for choice in choices {
      var value = try f.gather(flat, f.squeeze(choice.place, [n + 1]), axis: 0)
      if let weight = choice.weight { value = try f.mul(value, weight) }
      sum = try sum.map { t throws(EngineError) in try f.add(t, value) } ?? value
    }
    guard let sum else { throw EngineError(.formatError, "\(x) has no pixels") }
    return try f.cast(graph.transpose(sum, [0, n + 1] + (1...n)), x.type)
  }

  /// The pixels along one axis that a point is made of, and their weights; nil is 1.
  private func pixelsAround(_ coordinate: Tensor, _ size: Int) throws(EngineError) -> [(pixel: Tensor, weight: Tensor?)] {
    let last = Float(size - 1)
    var at = try f.add(f.mul(coordinate, (aligned ? last : Float(size)) / 2), last / 2)
    if method == .nearest { at = try f.roundToEven(at) }
    let (low, high): (Float, Float) = aligned ? (0, last) : (-0.5, last + 0.5)
    switch padding {
    case "reflection": at = try reflected(at, low, high)
    case "border":
      let isOutside = try f.graph.add1(.logicalOr, [:], [f.less(at, f.scalar(low)), f.greater(at, f.scalar(high))])
      at = try f.choose(isOutside, bounded(at, last), at)
    default: break
    }
    let first = method == .nearest ? at : try f.unary(.floor, at)
    var weights: [Tensor?] = [nil]
    if method != .nearest {
      let t = try f.sub(at, first), rest = try f.sub(f.scalar(Float(1)), t)
      weights = method == .linear ? [rest, t] : [try far(t), try near(t), try near(rest), try far(rest)]
    }
    var taps = [(pixel: Tensor, weight: Tensor?)]()
    for (i, given) in weights.enumerated() {
      let pixel = try f.add(first, Float(method == .cubic ? i - 1 : i))
      var weight = given
      if padding == "zeros" {
        let isInside = try f.float(
          f.graph.add1(.logicalAnd, [:], [f.greater(pixel, f.scalar(Float(-0.5))), f.less(pixel, f.scalar(last + 0.5))]))
        weight = try given.map { t throws(EngineError) in try f.mul(t, isInside) } ?? isInside
      }
      taps.append((try bounded(padding == "reflection" ? reflected(pixel, low, high) : pixel, last), weight))
    }
    return taps
  }

  private func bounded(_ x: Tensor, _ last: Float) throws(EngineError) -> Tensor {
    try f.minimum(f.maximum(x, f.scalar(Float(0))), f.scalar(last))
  }

  /// x mirrored at both ends until it lies between them.
  private func reflected(_ x: Tensor, _ low: Float, _ high: Float) throws(EngineError) -> Tensor {
    let range = high - low
    if range == 0 { return try f.mul(x, 0) }
    let distance = try f.unary(.abs, f.add(x, -low))
    let turns = try f.unary(.floor, f.mul(distance, 1 / (2 * range)))
    let rest = try f.sub(distance, f.mul(turns, 2 * range))
    return try f.sub(f.scalar(high), f.unary(.abs, f.add(rest, -range)))
  }

  /// Weight of a pixel at the distance t <= 1, by the cubic convolution with a = -0.75: ((a + 2) t - (a + 3)) t^2 + 1.
  private func near(_ t: Tensor) throws(EngineError) -> Tensor {
    try f.add(f.mul(f.add(f.mul(t, 1.25), -2.25), f.unary(.square, t)), 1)
  }

  /// Weight of a pixel at the distance 1 + t: a (u^3 - 5 u^2 + 8 u - 4) for u = 1 + t, which is a t (t - 1)^2.
  private func far(_ t: Tensor) throws(EngineError) -> Tensor {
    try f.mul(f.mul(t, f.unary(.square, f.add(t, -1))), -0.75)
  }
}
