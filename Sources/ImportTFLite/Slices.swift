import ConverterCore
import Graph

extension OperatorTable {
  /// Parts of tensors.
  static let slices: [String: OperatorEntry] = [
    "SLICE": .one(.native()) { (op) throws(EngineError) in
      let x = try op.input(0)
      let axes = Array(0..<(try op.graph.rank(of: x)))
      return try op.add1(
        .sliceFusion, ["axes": .list(axes)], [x, try op.importer.value(try op.index(1)), try op.importer.value(try op.index(2))])
    },
    "STRIDED_SLICE": .one(.native(), stridedSlice),
    "DYNAMIC_UPDATE_SLICE": .one(.native(), updateSlice),
  ]

  /// Field ids: masks 0 begin, 1 end, 2 ellipsis, 3 new axis, 4 shrink; 5: ends are counted from the begins. Bit i of a mask
  /// concerns entry i of the operands.
  private struct Masks {
    let begin: Int, end: Int, ellipsis: Int, new: Int, shrink: Int
    let isOffset: Bool
    init(_ options: Record) throws(EngineError) {
      begin = try options.int(0)
      end = try options.int(1)
      ellipsis = try options.int(2)
      new = try options.int(3)
      shrink = try options.int(4)
      isOffset = try options.bool(5)
    }
    func has(_ mask: Int, _ i: Int) -> Bool { mask >> i & 1 != 0 }
  }

  /// The format's form with axes clips begin and end as TFLite does, and its meaning does not depend on masks, of which the format
  /// honours fewer: an ellipsis is spelt out, and axes are dropped and inserted by operators of their own.
  private static func stridedSlice(_ op: Operation) throws(EngineError) -> Tensor {
    let x = try op.input(0), masks = try Masks(op.options), strides = try op.integers(3, "the strides")
    let count = strides.count, rank = try op.graph.rank(of: x)
    guard count <= 2 * Shape.maximumRank else { throw EngineError(.graphFileError, "\(count) strides") }
    for s in strides where s == 0 { throw EngineError(.graphFileError, "a stride of 0") }
    guard let begin = op.knownIntegers(1), let end = op.knownIntegers(2) else { return try computedSlice(op, x, masks, strides) }
    guard begin.count == count && end.count == count else {
      throw EngineError(.graphFileError, "\(begin.count) begins, \(end.count) ends and \(count) strides")
    }
    var axes = [Int](), from = [Int](), to = [Int](), steps = [Int](), dropped = [Int](), inserted = [Int]()
    let farthest = Int(Int32.max), before = Int(Int32.min)
    var axis = 0, place = 0
    let named = (0..<count).filter { !masks.has(masks.new, $0) && !masks.has(masks.ellipsis, $0) }.count
    for i in 0..<count {
      if masks.has(masks.ellipsis, i) {
        let width = max(rank - named, 0)
        axis += width
        place += width
        continue
      }
      if masks.has(masks.new, i) {
        inserted.append(place)
        place += 1
        continue
      }
      guard axis < rank else { throw EngineError(.graphFileError, "\(count) entries for the \(rank) dimensions of \(x)") }
      let step = strides[i]
      axes.append(axis)
      if masks.has(masks.shrink, i) {
        from.append(begin[i])
        to.append(begin[i] == -1 ? farthest : begin[i] + 1)
        steps.append(1)
        dropped.append(axis)
      } else {
        // A begin behind the axis means its end, or its last entry when the slice runs backwards.
        var start = masks.has(masks.begin, i) ? (step > 0 ? 0 : -1) : begin[i]
        if let n = op.graph.dims(of: x)?[axis], n > 0 { start = min(start, step > 0 ? n : n - 1) }
        from.append(start)
        var last = end[i]
        if masks.isOffset { last += begin[i] }
        to.append(masks.has(masks.end, i) ? (step > 0 ? farthest : before) : last)
        steps.append(step)
        place += 1
      }
      axis += 1
    }
    var y = x
    // Axes that run backwards get a node each: the format's operator copies axes of equal length forwards when one other axis
    // changes its length.
    var groups = [[Int](axes.indices.filter { steps[$0] > 0 && !(from[$0] == 0 && to[$0] == farthest && steps[$0] == 1) })]
    for k in axes.indices where steps[k] < 0 { groups.append([k]) }
    for group in groups where !group.isEmpty {
      let operands = [from, to, axes, steps].map { list in op.graph.constant(ints: group.map { list[$0] }) }
      y = try op.add1(
        .stridedSlice, ["begin_mask": 0, "end_mask": 0, "ellipsis_mask": 0, "new_axis_mask": 0, "shrink_axis_mask": 0], [y] + operands)
    }
    if !dropped.isEmpty { y = try op.add1(.squeeze, ["axis": .list(dropped)], [y]) }
    for a in inserted { y = try op.add1(.expandDims, [:], [y, op.scalar(a)]) }
    return y
  }

  /// A slice whose begin or end the model computes: the form with masks, for the masks that the format honours.
  private static func computedSlice(_ op: Operation, _ x: Tensor, _ masks: Masks, _ strides: [Int]) throws(EngineError) -> Tensor {
    for (i, s) in strides.enumerated() where s < 0 && masks.has(masks.begin, i) {
      throw EngineError(.notSupported, "a negative stride with begin_mask, where begin or end is computed")
    }
    guard masks.ellipsis == 0 && masks.new == 0 else {
      throw EngineError(.notSupported, "ellipsis_mask or new_axis_mask where begin or end is computed")
    }
    let begin = try op.importer.value(try op.index(1))
    var end = try op.importer.value(try op.index(2))
    if masks.isOffset { end = try op.graph.add1(.addFusion, ["activation_type": 0], [begin, end]) }
    return try op.add1(
      .stridedSlice,
      [
        "begin_mask": .number(masks.begin), "end_mask": .number(masks.end), "ellipsis_mask": 0, "new_axis_mask": 0,
        "shrink_axis_mask": .number(masks.shrink),
      ], [x, begin, end, op.graph.constant(ints: strides)])
  }

  /// x with a part replaced by the update, whose start is moved so that it lies inside. The part is named by the coordinates of
  /// its rows: the axes up to the last one along which it is smaller than x.
  private static func updateSlice(_ op: Operation) throws(EngineError) -> Tensor {
    let graph = op.graph, x = try op.input(0), update = try op.input(1)
    let whole = try graph.knownDims(of: x), part = try graph.knownDims(of: update)
    guard whole.count == part.count, zip(whole, part).allSatisfy({ $0 >= $1 }) else {
      throw EngineError(.graphFileError, "an update (\(update)) of \(x)")
    }
    guard let last = whole.indices.last(where: { whole[$0] != part[$0] }) else { return update }
    let depth = last + 1, rows = Shape(Array(part[..<depth])).count
    guard rows > 0, rows <= 1 << 22 else { throw EngineError(.notSupported, "an update of \(rows) rows") }
    var grid = [Int]()
    grid.reserveCapacity(rows * depth)
    for row in 0..<rows {
      var rest = row, coordinates = [Int](repeating: 0, count: depth)
      for a in (0..<depth).reversed() {
        coordinates[a] = rest % part[a]
        rest /= part[a]
      }
      grid += coordinates
    }
    // The starts within what leaves room for the update.
    var start = try op.importer.value(try op.index(2))
    start = try graph.add1(.sliceFusion, ["axes": [0]], [start, graph.constant(ints: [0]), graph.constant(ints: [depth])])
    start = try graph.add1(.maximum, [:], [start, op.scalar(0)])
    start = try graph.add1(.minimum, [:], [start, graph.constant(ints: (0..<depth).map { whole[$0] - part[$0] })])
    let places = try graph.add1(.addFusion, ["activation_type": 0], [graph.constant(ints: grid, dims: Array(part[..<depth]) + [depth]), start])
    return try op.add1(.scatterNdUpdate, [:], [x, places, update])
  }
}
