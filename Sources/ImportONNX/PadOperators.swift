import ConverterCore
import Graph

/// Pad.
enum PadOperators {
  static let table: [String: ONNXOperator] = ["Pad": pad]

  private static func pad(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0)
    let mode = try node.choice("mode", "constant", "reflect", "edge", "wrap")
    let rank = try graph.rank(of: x)
    let pads: Tensor
    var value: Tensor?
    if node.version < 11 {
      pads = graph.constant(ints: try node.ints("pads"))
      value = f.scalar(try node.float("value", 0))
    } else {
      pads = try f.int(node.input(1, "pads"))
      value = node.optional(2)
    }
    guard pads.isConstant else { return [try computed(node, x, pads, value, mode)] }
    var axes = Array(0..<rank)
    if let list = node.optional(3) {
      axes = []
      for axis in try graph.integers(list, "the list of axes") { axes.append(try graph.axis(axis, of: x)) }
    }
    let amounts = try graph.integers(pads, "the list of pads")
    guard amounts.count == 2 * axes.count, Set(axes).count == axes.count else {
      throw EngineError(.inputParameterInvalid, "there are \(amounts.count) pads for \(axes.count) axes")
    }
    var y = x
    var rows = [[Int]](repeating: [0, 0], count: rank)
    for (i, axis) in axes.enumerated() {
      var amount = [amounts[i], amounts[i + axes.count]]
      // Negative pads crop.
      if amount[0] < 0 || amount[1] < 0 {
        y = try f.slice(y, axis: axis, from: max(0, -amount[0]), to: amount[1] < 0 ? amount[1] : Formula.end)
        amount = [max(0, amount[0]), max(0, amount[1])]
      }
      if mode == "constant" {
        rows[axis] = amount
      } else if amount != [0, 0] {
        if mode == "reflect", let extent = graph.dims(of: y)?[axis], extent < 0 || (amount[0] < extent && amount[1] < extent) {
          rows[axis] = amount
        } else {
          y = try extended(f, y, axis, amount, mode)
        }
      }
    }
    if rows.allSatisfy({ $0 == [0, 0] }) { return [y] }
    let paddings = graph.constant(ints: rows.flatMap { $0 }, dims: [rank, 2])
    return [try padded(node, y, paddings, value, mode)]
  }

  /// The pads are computed by the model: only what the format's operator does can be done.
  private static func computed(
    _ node: ONNXNode, _ x: Tensor, _ pads: Tensor, _ value: Tensor?, _ mode: String
  ) throws(EngineError) -> Tensor {
    let graph = node.graph, f = Formula(node)
    try node.refuse(mode == "edge" || mode == "wrap", "mode \"\(mode)\" needs constant pads; these (\"\(pads.name)\") are computed by the model")
    let rank = try graph.rank(of: x)
    var columns = try graph.transpose(graph.reshape(pads, [2, -1]), [1, 0])
    if let axes = node.optional(3) {
      // The rows go to the places of their axes.
      let shape = graph.constant(ints: [rank, 2])
      let places = try f.unsqueeze(f.nonNegative(axes, f.scalar(rank)), [1])
      columns = try graph.add1(.scatterNd, [:], [places, columns, shape])
    }
    return try padded(node, x, columns, value, mode)
  }

  private static func padded(
    _ node: ONNXNode, _ x: Tensor, _ paddings: Tensor, _ value: Tensor?, _ mode: String
  ) throws(EngineError) -> Tensor {
    let graph = node.graph, f = Formula(node)
    var attributes: [String: AttributeValue] = ["padding_mode": .number(mode == "constant" ? 0 : 1)]
    if mode != "constant" { return try graph.add1(.padFusion, attributes, [x, paddings]) }
    guard let value else {
      attributes["constant_value"] = 0.0
      return try graph.add1(.padFusion, attributes, [x, paddings])
    }
    if value.isConstant, x.type == .float32, let number = try graph.floats(value, "the value").first {
      attributes["constant_value"] = .float(Double(number))
      return try graph.add1(.padFusion, attributes, [x, paddings])
    }
    return try graph.add1(.padFusion, attributes, [x, paddings, f.cast(value, x.type)])
  }

  /// One axis with entries before and after it that repeat those it has.
  private static func extended(
    _ f: Formula, _ x: Tensor, _ axis: Int, _ amount: [Int], _ mode: String
  ) throws(EngineError) -> Tensor {
    let extent = f.graph.dims(of: x)?[axis] ?? -1
    guard extent >= 0 else { return try extendedOpen(f, x, axis, amount, mode) }
    guard extent > 0 else { throw EngineError(.inputParameterInvalid, "axis \(axis) of \(x) has no entries that could be repeated") }
    guard extent + amount[0] + amount[1] <= 1 << 24 else {
      throw EngineError(.notSupported, "pads \(amount[0]) and \(amount[1]) of \(extent) entries are too large for the mode \"\(mode)\"")
    }
    let positions = (-amount[0]..<extent + amount[1]).map { i in
      switch mode {
      case "edge": return min(max(i, 0), extent - 1)
      case "wrap": return (i % extent + extent) % extent
      default:
        let period = max(1, 2 * (extent - 1))
        let p = (i % period + period) % period
        return p < extent ? p : period - p
      }
    }
    return try f.gather(x, f.list(positions), axis: axis)
  }

  /// The same for an axis whose extent is not known.
  private static func extendedOpen(
    _ f: Formula, _ x: Tensor, _ axis: Int, _ amount: [Int], _ mode: String
  ) throws(EngineError) -> Tensor {
    let rank = try f.graph.rank(of: x)
    var parts = [x]
    for (side, n) in amount.enumerated() where n > 0 {
      let piece: Tensor
      if mode == "edge" {
        let edge = try f.slice(x, axis: axis, from: side == 0 ? 0 : -1, to: side == 0 ? 1 : Formula.end)
        var repeats = [Int](repeating: 1, count: rank)
        repeats[axis] = n
        piece = try f.graph.add1(.tileFusion, ["dims": .list(Array(0..<rank))], [edge, f.list(repeats)])
      } else {
        piece = try f.slice(x, axis: axis, from: side == 0 ? -n : 0, to: side == 0 ? Formula.end : n)
      }
      if side == 0 { parts.insert(piece, at: 0) } else { parts.append(piece) }
    }
    return try f.concat(parts, axis)
  }
}
