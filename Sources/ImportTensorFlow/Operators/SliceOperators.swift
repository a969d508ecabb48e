import ConverterCore
import Graph

/// Operators that take boxes out of tensors or put edges around them.
enum SliceOperators {
  static let table: [String: TensorFlowOperator] = [
    "Slice": slice, "StridedSlice": stridedSlice,
    "Pad": { n throws(EngineError) in [try pad(n, n.graph.constant(floats: [0], dims: []))] },
    "PadV2": { n throws(EngineError) in [try pad(n, n.input(2))] },
    "MirrorPad": { n throws(EngineError) in
      let mode = try n.choice("mode", ["REFLECT", "SYMMETRIC"]) == "REFLECT" ? 1 : 2
      return [try n.graph.add1(.padFusion, ["padding_mode": .number(mode), "constant_value": 0.0], [n.input(0), n.input(1)])]
    },
  ]

  private static func slice(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let begin = try n.input(1)
    guard let dims = n.graph.dims(of: begin), dims.count == 1, dims[0] >= 0, dims[0] <= Shape.maximumRank else {
      throw EngineError(.inferError, "the begin (\(begin)) must be a list")
    }
    return [try n.graph.add1(.sliceFusion, ["axes": .list(Array(0..<dims[0]))], [n.input(0), begin, n.input(2)])]
  }

  /// A constant goes into the attribute, in which the original looks for it.
  private static func pad(_ n: TensorFlowNode, _ value: Tensor) throws(EngineError) -> Tensor {
    let x = try n.input(0)
    if value.isConstant, x.type == .float32, let first = try n.graph.floats(value, "the value").first {
      return try n.graph.add1(.padFusion, ["padding_mode": 0, "constant_value": .float(Double(first))], [x, n.input(1)])
    }
    if value.isConstant, value.knownIntegers() == [0] {
      return try n.graph.add1(.padFusion, ["padding_mode": 0, "constant_value": 0.0], [x, n.input(1)])
    }
    return try n.graph.add1(.padFusion, ["padding_mode": 0, "constant_value": 0.0], [x, n.input(1), value])
  }

  // MARK: StridedSlice

  /// One entry of begin, end and strides that concerns an axis of the input.
  private struct Entry {
    var position: Int
    var axis: Int
    var dropped: Bool
    var stride: Int
  }

  /// TensorFlow's strided slice. The format's has other masks and clamping, so entries are resolved here: begin and end go to
  /// the form with named axes, dropped and new axes to operators of their own.
  private static func stridedSlice(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let g = n.graph
    var x = try n.input(0)
    let (begin, end) = (try n.input(1), try n.input(2))
    let strides = try n.integers(3, "the strides")
    guard strides.count <= 2 * Shape.maximumRank, !strides.contains(0) else {
      throw EngineError(.inferError, "the strides are \(Shape(strides))")
    }
    let (beginMask, endMask) = (try n.int("begin_mask", 0), try n.int("end_mask", 0))
    let (entries, newAxes) = try resolve(n, x, strides)
    let (starts, ends) = (begin.isConstant ? begin.knownIntegers() : nil, end.isConstant ? end.knownIntegers() : nil)
    for list in [starts, ends] { if let list, list.count != strides.count { throw EngineError(.inferError, "begin, end and strides differ in length") } }
    let dims = g.dims(of: x)

    var boxed: [Entry] = []
    var bounds: [(begin: Int?, end: Int?)] = []
    var gathered: [Entry] = []
    for entry in entries {
      let i = entry.position
      if entry.dropped {
        guard let starts else {
          gathered.append(entry)
          continue
        }
        boxed.append(entry)
        bounds.append((starts[i], starts[i] == -1 ? Int(Int32.max) : starts[i] + 1))
        continue
      }
      let forward = entry.stride > 0
      var from = beginMask >> i & 1 != 0 ? (forward ? 0 : -1) : starts?[i]
      var to = endMask >> i & 1 != 0 ? Int(forward ? Int32.max : Int32.min) : ends?[i]
      if let b = from, let e = to, let dims, entry.axis < dims.count, dims[entry.axis] >= 0 {
        (from, to) = clamped(b, e, entry.stride, dims[entry.axis])
      }
      if from == 0 && to == Int(Int32.max) && entry.stride == 1 { continue }
      boxed.append(entry)
      bounds.append((from, to))
    }
    // Boxes with positive strides at once; a reversed axis needs a node of its own.
    let positive = boxed.indices.filter { boxed[$0].stride > 0 || boxed[$0].dropped }
    var groups = positive.isEmpty ? [] : [positive]
    groups += boxed.indices.filter { boxed[$0].stride < 0 && !boxed[$0].dropped }.map { [$0] }
    for group in groups {
      let positions = group.map { boxed[$0].position }
      let from = try vector(n, begin, positions, group.map { bounds[$0].begin })
      let to = try vector(n, end, positions, group.map { bounds[$0].end })
      x = try g.add1(
        .stridedSlice, ["begin_mask": 0, "end_mask": 0, "ellipsis_mask": 0, "new_axis_mask": 0, "shrink_axis_mask": 0],
        [
          x, from, to, g.constant(ints: group.map { boxed[$0].axis }),
          g.constant(ints: group.map { boxed[$0].dropped ? 1 : boxed[$0].stride }),
        ])
    }
    for entry in gathered.sorted(by: { $0.axis > $1.axis }) {
      let index = try g.add1(.gather, [:], [begin, g.constant(ints: [entry.position], dims: []), g.constant(ints: [0], dims: [])])
      x = try g.add1(.gather, [:], [x, index, g.constant(ints: [entry.axis], dims: [])])
    }
    let dropped = boxed.filter { $0.dropped }.map { e in e.axis - gathered.filter { $0.axis < e.axis }.count }
    if !dropped.isEmpty { x = try g.add1(.squeeze, ["axis": .list(dropped.sorted())], [x]) }
    if !newAxes.isEmpty { x = try g.add1(.unsqueeze, ["axis": .list(newAxes)], [x]) }
    return [x]
  }

  /// The entries that concern axes of the input, and the places of new axes in the output.
  private static func resolve(_ n: TensorFlowNode, _ x: Tensor, _ strides: [Int]) throws(EngineError) -> ([Entry], [Int]) {
    let (ellipsisMask, newMask) = (try n.int("ellipsis_mask", 0), try n.int("new_axis_mask", 0))
    let dropMask = try n.int("shrink_axis_mask", 0)
    func isNew(_ i: Int) -> Bool { newMask >> i & 1 != 0 }
    let ellipsis = strides.indices.first { ellipsisMask >> $0 & 1 != 0 }
    let named = strides.indices.filter { $0 != ellipsis && !isNew($0) }.count
    var entries: [Entry] = []
    var newAxes: [Int] = []
    var (axis, place) = (0, 0)
    for (i, stride) in strides.enumerated() {
      if i == ellipsis {
        // Axes behind the ellipsis are counted from the end.
        if strides.indices.contains(where: { $0 > i }) {
          let rank = try n.graph.rank(of: x)
          guard rank >= named else { throw EngineError(.inferError, "\(named) entries for the \(rank) dimensions of \(x)") }
          axis += rank - named
          place += rank - named
        }
      } else if isNew(i) {
        newAxes.append(place)
        place += 1
      } else {
        let dropped = dropMask >> i & 1 != 0
        entries.append(Entry(position: i, axis: axis, dropped: dropped, stride: stride))
        axis += 1
        if !dropped { place += 1 }
      }
    }
    if let dims = n.graph.dims(of: x), axis > dims.count {
      throw EngineError(.inferError, "\(axis) entries for the \(dims.count) dimensions of \(x)")
    }
    return (entries, newAxes)
  }

  /// Begin and end on an axis of `dim` entries, as the form with named axes takes them.
  private static func clamped(_ begin: Int, _ end: Int, _ stride: Int, _ dim: Int) -> (Int, Int) {
    let (low, high) = stride > 0 ? (0, dim) : (-1, dim - 1)
    let b = (begin < 0 ? begin + dim : begin).clamped(low...max(low, high))
    let e = (end < 0 ? end + dim : end).clamped(low...max(low, high))
    if stride > 0 { return b >= e ? (0, 0) : (b, e == dim ? Int(Int32.max) : e) }
    if b <= e { return (0, dim == 0 ? Int(Int32.min) : 0) }
    return (b, e == -1 ? Int(Int32.min) : e)
  }

  /// Entries of a list, some of them replaced.
  private static func vector(_ n: TensorFlowNode, _ list: Tensor, _ positions: [Int], _ known: [Int?]) throws(EngineError) -> Tensor {
    let g = n.graph
    let values = known.compactMap { $0 }
    if values.count == known.count { return g.constant(ints: values) }
    let picked = try g.add1(.gather, [:], [list, g.constant(ints: positions), g.constant(ints: [0], dims: [])])
    if values.isEmpty { return picked }
    let kept = try g.add1(.mulFusion, [:], [picked, g.constant(ints: known.map { $0 == nil ? 1 : 0 })])
    return try g.add1(.addFusion, [:], [kept, g.constant(ints: known.map { $0 ?? 0 })])
  }
}
