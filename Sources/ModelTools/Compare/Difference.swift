import Graph

/// How far two tensors are from each other.
struct Difference {
  /// Largest difference of two elements; infinite when one of them is not a number and the other is.
  var maximum = 0.0
  /// Largest magnitude of the reference.
  var peak = 0.0
  /// Of the angle between both as vectors; 1 for two vectors of zeros.
  var cosine = 1.0
  /// How the candidate's axes were ordered to match: "", or "NHWC for NCHW" and the like.
  var layout = ""

  /// The largest difference relative to the peak; the difference itself where the reference is zero.
  var relative: Double { peak > 0 ? maximum / peak : maximum }

  /// Compares values of one tensor in two models, whose layouts may differ; of several ways to bring them together the best
  /// counts. nil when the shapes do not go together.
  static func between(_ reference: TensorValue, _ candidate: TensorValue) -> Difference? {
    guard reference.count == candidate.count else { return nil }
    let expected = reference.reals()
    var best: Difference?
    for (order, name) in Layouts.orders(from: candidate.dims, to: reference.dims) {
      let value = order.isEmpty ? candidate : candidate.transposed(order)
      var difference = measure(expected, value.reals())
      difference.layout = name
      if best.map({ difference.maximum < $0.maximum }) ?? true { best = difference }
      if difference.maximum == 0 { break }
    }
    return best
  }

  /// The difference when only the values count and not their places: what is left of a tensor whose order another constant has
  /// taken over (a reshape whose reader's weights were turned instead).
  static func ofSorted(_ reference: TensorValue, _ candidate: TensorValue) -> Difference? {
    guard reference.count == candidate.count, reference.count > 1 else { return nil }
    var difference = measure(reference.reals().sorted(), candidate.reals().sorted())
    difference.layout = "other order"
    return difference
  }

  private static func measure(_ a: [Double], _ b: [Double]) -> Difference {
    var out = Difference()
    var product = 0.0, first = 0.0, second = 0.0
    for i in 0..<min(a.count, b.count) {
      let x = a[i], y = b[i]
      if x == y || (x.isNaN && y.isNaN) {
        if !x.isFinite { continue }
      } else {
        let d = abs(x - y)
        out.maximum = d.isNaN ? .infinity : max(out.maximum, d)
      }
      if x.isFinite { out.peak = max(out.peak, abs(x)) }
      product += x * y
      first += x * x
      second += y * y
    }
    out.cosine = first == 0 && second == 0 ? 1 : first == 0 || second == 0 ? 0 : product / (first.squareRoot() * second.squareRoot())
    if out.cosine.isNaN { out.cosine = 0 }
    return out
  }
}

/// Orders of axes by which the tensors of two models correspond.
enum Layouts {
  /// The orders that turn a tensor of dimensions `from` into one of dimensions `to`; an empty order changes nothing.
  static func orders(from: [Int], to: [Int]) -> [(order: [Int], name: String)] {
    var out: [(order: [Int], name: String)] = []
    if from == to || (from.count != to.count && withoutOnes(from) == withoutOnes(to)) { out.append(([], "")) }
    if from.count == to.count {
      for (order, name) in permutations(from.count) where order.map({ from[$0] }) == to { out.append((order, name)) }
    }
    // The same elements in another shape (a reshape that became a view).
    if out.isEmpty && from.reduce(1, { $0 &* $1 }) == to.reduce(1, { $0 &* $1 }) { out.append(([], "reshaped")) }
    return out
  }

  /// Channels last to channels first, and back.
  private static func permutations(_ rank: Int) -> [([Int], String)] {
    guard rank >= 3 else { return [] }
    let inner = Array(1..<rank - 1)
    return [([0, rank - 1] + inner, "channels last"), ([0] + Array(2..<rank) + [1], "channels first")]
  }

  private static func withoutOnes(_ dims: [Int]) -> [Int] { dims.filter { $0 != 1 } }

  /// The order that turns an input of the reference into that of the candidate; nil when they cannot correspond. Where several
  /// fit (dimensions of both may be open, and the candidate can be given others), the formats decide.
  static func inputOrder(_ from: Tensor, _ to: Tensor) -> [Int]? {
    let source = from.shape.dims, target = to.shape.dims
    let same = Array(0..<source.count)
    var orders = [same]
    if source.count == 4 {
      let isTurned = from.format != to.format && [from.format, to.format].allSatisfy { $0 == .nchw || $0 == .nhwc }
      let turned = from.format == .nhwc ? [[0, 3, 1, 2], [0, 2, 3, 1]] : [[0, 2, 3, 1], [0, 3, 1, 2]]
      orders = isTurned ? turned + [same] : [same] + turned
    }
    // A model whose input shapes are all open.
    if source.count != target.count { return target.allSatisfy({ $0 < 0 }) && target.count <= 1 ? orders[0] : nil }
    func matches(_ order: [Int]) -> Int { zip(order, target).filter { $1 < 0 || source[$0] < 0 || source[$0] == $1 }.count }
    var best = orders[0]
    for order in orders where matches(order) > matches(best) { best = order }
    return best
  }
}
