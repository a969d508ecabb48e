import ConverterCore
import Graph

/// Shapes, joining and cutting.
enum ArrayPrimitives {
  static let table: [String: MindPrimitive] = [
    "Reshape": reshape, "Flatten": flatten, "Transpose": transpose, "Squeeze": squeeze, "ExpandDims": expandDims, "Concat": concat,
    "Stack": stack, "Pack": stack, "Unstack": unstack, "Unpack": unstack, "Split": split, "SplitV": splitBySizes, "Slice": slice,
    "StridedSlice": stridedSlice, "Tile": tile, "BroadcastTo": broadcast, "Pad": pad, "PadV3": padByOperand, "MirrorPad": mirrorPad, "Fill": fill,
    "FillV2": fillByShape, "Range": range, "Rank": rank, "ReverseV2": reverse, "SpaceToBatchND": spaceToBatch, "BatchToSpaceND": batchToSpace,
  ]

  private static func reshape(_ n: MindNode) throws(EngineError) -> [Tensor] {
    try n.emit(.reshape, [:], [try n.tensor(0), try n.tensor(1)])
  }

  private static func flatten(_ n: MindNode) throws(EngineError) -> [Tensor] {
    try n.emit(.flatten, ["axis": .number(try n.int("axis", default: 1))], [try n.tensor(0)])
  }

  private static func transpose(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    guard let order = try n.ints("perm", operand: 1) else { throw EngineError(.formatError, "the order of the axes is missing") }
    var axes = [Int]()
    for a in order { axes.append(try n.axis(a, of: x)) }
    return try n.emit(.transpose, [:], [x, n.b.constant(ints: axes)])
  }

  private static func squeeze(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    var axes = [Int]()
    for a in try n.ints("axis", operand: 1) ?? [] { axes.append(try n.axis(a, of: x)) }
    // No axes are all that have one entry.
    if axes.isEmpty { axes = try n.b.knownDims(of: x).enumerated().filter { $0.element == 1 }.map { $0.offset } }
    return try n.emit(.squeeze, ["axis": .list(axes.sorted())], [x])
  }

  private static func expandDims(_ n: MindNode) throws(EngineError) -> [Tensor] {
    try n.emit(.expandDims, [:], [try n.tensor(0), n.b.constant(ints: [try n.int("axis", operand: 1)])])
  }

  private static func concat(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let parts = n.inputs.count > 1 && !isTuple(n, 0) ? try n.tensors() : try n.members(0)
    guard let first = parts.first else { throw EngineError(.formatError, "has no operands") }
    let axis = try n.axis(try n.int("axis", operand: isTuple(n, 0) ? 1 : nil, default: 0), of: first)
    return parts.count == 1 ? parts : try n.emit(.concat, ["axis": .number(axis)], parts)
  }

  private static func isTuple(_ n: MindNode, _ i: Int) -> Bool {
    if i < n.count, case .tuple = n.inputs[i] { return true }
    return false
  }

  private static func stack(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let parts = isTuple(n, 0) ? try n.members(0) : try n.tensors()
    return try n.emit(.stack, ["axis": .number(try n.int("axis", operand: isTuple(n, 0) ? 1 : nil, default: 0))], parts)
  }

  private static func unstack(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    let axis = try n.axis(try n.int("axis", operand: 1, default: 0), of: x)
    return try n.emit(.unstack, ["axis": .number(axis)], [x], count: try n.b.knownDims(of: x)[axis])
  }

  private static func split(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    let axis = try n.axis(try n.int("axis", operand: 1, default: 0), of: x)
    let parts = try n.int("output_num", operand: 2, default: 1)
    let size = try n.b.knownDims(of: x)[axis]
    guard parts >= 1, size % parts == 0 else {
      throw EngineError(.formatError, "\(size) entries of axis \(axis) cannot be cut into \(parts) equal parts")
    }
    return try n.emit(
      .split,
      ["output_num": .number(parts), "size_splits": .list([Int](repeating: size / parts, count: parts)), "axis": .number(axis)], [x],
      count: parts)
  }

  private static func splitBySizes(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    let axis = try n.axis(try n.int("split_dim", default: 0), of: x)
    guard let sizes = try n.ints("size_splits"), !sizes.isEmpty else { throw EngineError(.formatError, "attribute \"size_splits\" is missing") }
    return try n.emit(
      .split, ["output_num": .number(sizes.count), "size_splits": .list(sizes), "axis": .number(axis)], [x], count: sizes.count)
  }

  private static func slice(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let begin = try n.tensor(1)
    let axes = Array(0..<(try n.b.rank(of: try n.tensor(0))))
    return try n.emit(.sliceFusion, ["axes": .list(axes)], [try n.tensor(0), begin, try n.tensor(2)])
  }

  private static func stridedSlice(_ n: MindNode) throws(EngineError) -> [Tensor] {
    var attributes: [String: AttributeValue] = [:]
    for (i, name) in ["begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"].enumerated() {
      attributes[name] = .number(try n.int(name, operand: 4 + i, default: 0))
    }
    let x = try n.tensor(0)
    let begin = try n.tensor(1)
    let strides = try n.tensor(3)
    guard strides.isConstant, let steps = strides.knownIntegers() else {
      throw EngineError(.notSupported, "the strides (\(strides)) must be constant")
    }
    // The operator takes a set begin_mask as 0 also where the stride is negative.
    if case .int(let mask)? = attributes["begin_mask"], mask != 0, steps.enumerated().contains(where: { $0.element < 0 && mask >> Int64($0.offset) & 1 == 1 }) {
      throw EngineError(.notSupported, "a negative stride from the end of an axis on (begin_mask \(mask)) cannot be converted")
    }
    return try n.emit(.stridedSlice, attributes, [x, begin, try n.tensor(2), strides])
  }

  /// Repeats; axes in front that the operand does not have are ones.
  private static func tile(_ n: MindNode) throws(EngineError) -> [Tensor] {
    var x = try n.tensor(0)
    guard let times = try n.ints("multiples", operand: 1) else { throw EngineError(.notSupported, "the repetitions must be constant") }
    let rank = try n.b.rank(of: x)
    guard times.count >= rank else { throw EngineError(.formatError, "has \(times.count) repetitions for \(x)") }
    if times.count > rank {
      x = try n.compose(.reshape, [:], [x, n.b.constant(ints: [Int](repeating: 1, count: times.count - rank) + (try n.b.knownDims(of: x)))])
    }
    return try n.emit(.tileFusion, [:], [x, n.b.constant(ints: times)])
  }

  private static func broadcast(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    guard var shape = try n.ints("shape", operand: 1) else { throw EngineError(.notSupported, "the shape must be constant") }
    let dims = try n.b.knownDims(of: x)
    for i in 0..<shape.count where shape[i] == -1 && i + dims.count >= shape.count { shape[i] = dims[i + dims.count - shape.count] }
    return try n.emit(.broadcastTo, [:], [x, n.b.constant(ints: shape)])
  }

  private static func padded(_ n: MindNode, _ pairs: [Int], mode: Int, value: Double) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    let rank = try n.b.rank(of: x)
    guard pairs.count == 2 * rank, pairs.allSatisfy({ $0 >= 0 }) else {
      throw EngineError(.notSupported, "has \(pairs.count) entries of padding for \(x); \(2 * rank) are needed, none negative")
    }
    let rows = (0..<rank).map { [pairs[2 * $0], pairs[2 * $0 + 1]] }
    return try n.emit(
      .padFusion, ["paddings": .rows(rows), "padding_mode": .number(mode), "constant_value": .float(value)],
      [x, n.b.constant(ints: pairs, dims: [rank, 2])])
  }

  private static func pad(_ n: MindNode) throws(EngineError) -> [Tensor] {
    guard let pairs = try n.ints("paddings", operand: 1) else { throw EngineError(.notSupported, "the padding must be constant") }
    return try padded(n, pairs, mode: 0, value: 0)
  }

  /// Padding as an operand: before and after of the last axis first, unless the attribute says that they are in pairs from the front on.
  private static func padByOperand(_ n: MindNode) throws(EngineError) -> [Tensor] {
    guard let list = try n.ints("paddings", operand: 1) else { throw EngineError(.notSupported, "the padding must be constant") }
    let rank = try n.b.rank(of: try n.tensor(0))
    guard list.count % 2 == 0, list.count <= 2 * rank else { throw EngineError(.formatError, "has \(list.count) entries of padding") }
    var pairs = [Int](repeating: 0, count: 2 * rank)
    for i in 0..<list.count / 2 {
      let axis = rank - 1 - i
      (pairs[2 * axis], pairs[2 * axis + 1]) = (list[2 * i], list[2 * i + 1])
    }
    let mode = try n.text("mode", default: "constant")
    guard mode == "constant" || mode == "reflect" else { throw EngineError(.notSupported, "mode \"\(mode)\"; constant and reflect are accepted") }
    return try padded(n, pairs, mode: mode == "reflect" ? 1 : 0, value: try n.float("value", operand: 2, default: 0))
  }

  private static func mirrorPad(_ n: MindNode) throws(EngineError) -> [Tensor] {
    guard let pairs = try n.ints("paddings", operand: 1) else { throw EngineError(.notSupported, "the padding must be constant") }
    let mode = try n.text("mode", default: "REFLECT")
    guard mode == "REFLECT" || mode == "SYMMETRIC" else { throw EngineError(.notSupported, "mode \"\(mode)\"; REFLECT and SYMMETRIC are accepted") }
    return try padded(n, pairs, mode: mode == "REFLECT" ? 1 : 2, value: 0)
  }

  /// Operands: type, shape, value.
  private static func fill(_ n: MindNode) throws(EngineError) -> [Tensor] {
    try n.emit(.fill, [:], [try n.tensor(n.count - 1), try n.tensor(n.count - 2)])
  }

  /// Operands: shape, value.
  private static func fillByShape(_ n: MindNode) throws(EngineError) -> [Tensor] {
    try n.emit(.fill, [:], [try n.tensor(1), try n.tensor(0)])
  }

  private static func range(_ n: MindNode) throws(EngineError) -> [Tensor] {
    try n.emit(.range, ["d_type": 0, "start": 0, "limit": 0, "delta": 1], [try n.tensor(0), try n.tensor(1), try n.tensor(2)])
  }

  private static func rank(_ n: MindNode) throws(EngineError) -> [Tensor] {
    [n.b.constant(ints: [try n.b.rank(of: try n.tensor(0))], dims: [])]
  }

  private static func reverse(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    var axes = [Int]()
    for a in try n.ints("axis", operand: 1) ?? [] { axes.append(try n.axis(a, of: x)) }
    return try n.emit(.reverseV2, ["axis": .list(axes)], [x])
  }

  private static func spaceToBatch(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let y = try n.emit1(
      .spaceToBatchND, ["block_shape": .list(try block(n)), "paddings": try edges(n, "paddings")], [try n.b.nhwc(try n.tensor(0))],
      results: [try n.channelsLast()])
    return [try n.b.nchw(y)]
  }

  private static func batchToSpace(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let y = try n.emit1(
      .batchToSpaceND, ["block_shape": .list(try block(n)), "crops": try edges(n, "crops")], [try n.b.nhwc(try n.tensor(0))],
      results: [try n.channelsLast()])
    return [try n.b.nchw(y)]
  }

  private static func block(_ n: MindNode) throws(EngineError) -> [Int] {
    guard let block = try n.ints("block_shape"), block.count == 2 else { throw EngineError(.formatError, "block_shape must be two numbers") }
    return block
  }

  private static func edges(_ n: MindNode, _ name: String) throws(EngineError) -> AttributeValue {
    guard let e = try n.ints(name), e.count == 4 else { throw EngineError(.formatError, "attribute \"\(name)\" must be two pairs of numbers") }
    return .rows([[e[0], e[1]], [e[2], e[3]]])
  }
}
