/// One axis that is resampled.
struct ResizeAxis {
  let axis: Int
  let size: Int
  let out: Int
  /// Entries of the result for one of the source; out / size but for a fraction.
  let scale: Double
}

/// The attributes of ONNX Resize, and the positions and weights that follow from them (formulas: the operator's specification).
struct ResizeRules {
  /// Raw values: ResizeMethod of the format.
  enum Method: Int { case linear = 0, nearest = 1, cubic = 2 }
  var method = Method.nearest
  var coordinates = "half_pixel"
  var nearest = "round_prefer_floor"
  var coefficient = -0.75
  var excludesOutside = false
  var antialias = false
  var extrapolation: Float = 0
  /// The part of each axis that is taken, 0...1, with tf_crop_and_resize.
  var region: [Int: (start: Double, end: Double)] = [:]

  /// Where entry `i` of the result lies in the source.
  func coordinate(_ a: ResizeAxis, _ i: Int) -> Double {
    let at = Double(i), size = Double(a.size)
    // The specification counts the fraction that rounding down has cut off here.
    let length = a.scale * size
    switch coordinates {
    case "asymmetric": return at / a.scale
    case "align_corners": return length == 1 || a.out == 1 ? 0 : at * (size - 1) / (length - 1)
    case "pytorch_half_pixel": return length == 1 || a.out == 1 ? 0 : (at + 0.5) / a.scale - 0.5
    case "tf_half_pixel_for_nn": return (at + 0.5) / a.scale
    case "half_pixel_symmetric":
      let offset = size / 2 * (1 - Double(a.out) / length)
      return offset + (at + 0.5) / a.scale - 0.5
    case "tf_crop_and_resize":
      let r = region[a.axis] ?? (0, 1)
      if a.out == 1 { return (r.end - r.start) * (size - 1) / 2 + r.start * (size - 1) }
      return at * (r.end - r.start) * (size - 1) / (length - 1) + r.start * (size - 1)
    default: return (at + 0.5) / a.scale - 0.5
    }
  }

  private func inside(_ p: Int, _ a: ResizeAxis) -> Int { min(max(p, 0), a.size - 1) }

  /// A coordinate as an integer; those far outside do not overflow.
  private func floor(_ x: Double) -> Int { Int(max(min(x.rounded(.down), 1e9), -1e9)) }

  func nearestIndex(_ a: ResizeAxis, _ i: Int) -> Int {
    let x = coordinate(a, i), low = floor(x), rest = x - x.rounded(.down)
    switch nearest {
    case "floor": return inside(low, a)
    case "ceil": return inside(rest == 0 ? low : low + 1, a)
    case "round_prefer_ceil": return inside(rest < 0.5 ? low : low + 1, a)
    default: return inside(rest <= 0.5 ? low : low + 1, a)
    }
  }

  /// The kernel at a distance.
  private func weight(_ distance: Double) -> Double {
    let d = abs(distance), c = coefficient
    if method == .linear { return max(1 - d, 0) }
    if d <= 1 { return ((c + 2) * d - (c + 3)) * d * d + 1 }
    return d < 2 ? ((c * d - 5 * c) * d + 8 * c) * d - 4 * c : 0
  }

  /// The result's entries as sums of the source's: [out, size].
  func matrix(_ a: ResizeAxis) -> [Float] {
    var matrix = [Float](repeating: 0, count: a.out * a.size)
    let squeeze = antialias ? min(a.scale, 1) : 1
    let reach = (method == .linear ? 1 : 2) / squeeze
    for i in 0..<a.out {
      let x = max(min(coordinate(a, i), Double(a.size) + reach), -1 - reach)
      var row = [Double](repeating: 0, count: a.size)
      var sum = 0.0
      for p in floor(x - reach)...floor(x + reach) + 1 {
        let isOutside = p < 0 || p >= a.size
        let w = weight((Double(p) - x) * squeeze)
        if isOutside && excludesOutside { continue }
        row[inside(p, a)] += w
        sum += w
      }
      let divides = (excludesOutside || antialias) && sum != 0
      for p in 0..<a.size { matrix[i * a.size + p] = Float(divides ? row[p] / sum : row[p]) }
    }
    return matrix
  }

  // MARK: the format's operator

  /// The CoordinateTransformMode with which the format's operator takes the same entries (0 asymmetric, 1 align corners, 2 half pixel);
  /// nil when none does.
  func primitiveMode(_ axes: [ResizeAxis]) -> Int? {
    if antialias || excludesOutside || !region.isEmpty { return nil }
    for mode in coordinates == "align_corners" ? [1, 0, 2] : coordinates == "asymmetric" ? [0, 2, 1] : [2, 0, 1] {
      if axes.allSatisfy({ a in (0..<a.out).allSatisfy { agrees(a, $0, mode) } }) { return mode }
    }
    return nil
  }

  private func agrees(_ a: ResizeAxis, _ i: Int, _ mode: Int) -> Bool {
    let at = primitiveCoordinate(a, i, mode)
    switch method {
    case .nearest:
      // Positions so near to the next entry that rounding errors decide do not count as agreeing.
      let exact = mode == 1 ? at.rounded() : at.rounded(.down)
      let shifted = mode == 1 ? (at + 1e-5).rounded() : (at + 1e-5).rounded(.down)
      return inside(floor(exact), a) == nearestIndex(a, i) && inside(floor(shifted), a) == nearestIndex(a, i)
    case .linear: return abs(at - max(min(coordinate(a, i), Double(a.size - 1)), 0)) < 1e-5 || at > Double(a.size - 1) && coordinate(a, i) >= Double(a.size - 1)
    case .cubic: return abs(at - coordinate(a, i)) < 1e-5
    }
  }

  private func primitiveCoordinate(_ a: ResizeAxis, _ i: Int, _ mode: Int) -> Double {
    let at = Double(i), size = Double(a.size), out = Double(a.out)
    switch mode {
    case 1: return a.out == 1 || a.size == 1 ? 0 : at * (size - 1) / (out - 1)
    case 2: return max((at + 0.5) * size / out - 0.5, 0)
    default: return at * size / out
    }
  }

  /// The same for images of any size. `scales`: nil when sizes are given, with which the format's operator computes as ONNX does.
  func openMode(scales: [Double]?) -> Int? {
    if antialias || excludesOutside || !region.isEmpty { return nil }
    let isWhole = scales?.allSatisfy { $0 >= 1 && $0 == $0.rounded() } ?? false
    switch (method, coordinates) {
    case (.nearest, "asymmetric"): return nearest == "floor" || isWhole && nearest == "floor" ? 0 : nil
    case (.nearest, "align_corners"): return nearest == "round_prefer_ceil" && scales == nil ? 1 : nil
    case (.nearest, "half_pixel"), (.nearest, "pytorch_half_pixel"), (.nearest, "half_pixel_symmetric"):
      // Whole factors: the middle of each copy is nearest to the entry it copies.
      return isWhole && nearest.hasPrefix("round") ? 0 : nil
    case (_, "asymmetric"): return scales == nil || isWhole ? 0 : nil
    case (_, "align_corners"): return scales == nil || isWhole ? 1 : nil
    case (.linear, "half_pixel"), (.linear, "pytorch_half_pixel"), (.linear, "half_pixel_symmetric"):
      return scales == nil || isWhole ? 2 : nil
    default: return nil
    }
  }
}
