import CImage
import CMindSpore
import CSystem
import Graph

/// Which elements of a row (or rows of a picture) make each one of the destination, with which weights; `count` of them each.
struct Taps: ~Copyable {
  let count: Int
  private let scratch: Scratch
  private let outputs: Int

  /// - Parameter unit: what the indices count: elements of a pixel, or 1 for rows
  init(_ rule: Rule, from: Int, to: Int, unit: Int) throws(EngineError) {
    let inverse = Double(to) / Double(from), scale = 1 / inverse
    switch rule {
    case .linear, .areaGrowing: count = 2
    case .cubic: count = 4
    case .area: count = Int(scale.rounded(.up)) + 1
    }
    outputs = to
    scratch = try Scratch(bytes: to * count * 8)
    for x in 0..<to {
      let index = self.index + x * count, weight = self.weight + x * count
      switch rule {
      case .linear:
        let place = (Double(x) + 0.5) * scale - 0.5
        Taps.linear(Float(place - place.rounded(.down)), Int(place.rounded(.down)), from, index, weight)
      case .areaGrowing:
        let near = Int((Double(x) * scale).rounded(.down))
        let fraction = Float(Double(x + 1) - Double(near + 1) * inverse)
        Taps.linear(fraction <= 0 ? 0 : fraction - fraction.rounded(.down), near, from, index, weight)
      case .cubic:
        let place = (Double(x) + 0.5) * scale - 0.5
        Taps.cubic(Float(place - place.rounded(.down)), Int(place.rounded(.down)), from, index, weight)
      case .area:
        Taps.area(Double(x) * scale, Double(x + 1) * scale, count, from, index, weight)
      }
      for t in 0..<count { index[t] *= Int32(unit) }
    }
  }

  enum Rule { case linear, cubic, area, areaGrowing }

  var index: UnsafeMutablePointer<Int32> { scratch.base.assumingMemoryBound(to: Int32.self) }
  var weight: UnsafeMutablePointer<Float> { (scratch.base + outputs * count * 4).assumingMemoryBound(to: Float.self) }

  private static func linear(_ fraction: Float, _ near: Int, _ size: Int, _ index: UnsafeMutablePointer<Int32>, _ weight: UnsafeMutablePointer<Float>) {
    let isInside = near >= 0 && near < size - 1
    let near = min(max(near, 0), size - 1), far = isInside ? fraction : 0
    (index[0], index[1]) = (Int32(near), Int32(min(near + 1, size - 1)))
    (weight[0], weight[1]) = (1 - far, far)
  }

  private static func cubic(_ f: Float, _ near: Int, _ size: Int, _ index: UnsafeMutablePointer<Int32>, _ weight: UnsafeMutablePointer<Float>) {
    let a: Float = -0.75
    // Distances 1 + f and f from the pixels to the left, 1 - f to the next.
    weight[0] = ((a * (f + 1) - 5 * a) * (f + 1) + 8 * a) * (f + 1) - 4 * a
    weight[1] = ((a + 2) * f - (a + 3)) * f * f + 1
    let g = 1 - f
    weight[2] = ((a + 2) * g - (a + 3)) * g * g + 1
    weight[3] = 1 - weight[0] - weight[1] - weight[2]
    for t in 0..<4 { index[t] = Int32(min(max(near - 1 + t, 0), size - 1)) }
  }

  private static func area(
    _ start: Double, _ end: Double, _ count: Int, _ size: Int, _ index: UnsafeMutablePointer<Int32>, _ weight: UnsafeMutablePointer<Float>
  ) {
    let first = Int(start.rounded(.down)), end = min(end, Double(size))
    for t in 0..<count {
      let pixel = first + t
      let covered = min(end, Double(pixel + 1)) - max(start, Double(pixel))
      index[t] = Int32(min(pixel, size - 1))
      // What rounding alone lets a neighbour cover is nothing.
      weight[t] = covered > 1e-6 ? Float(covered / (end - start)) : 0
    }
  }
}
