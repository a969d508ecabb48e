import CSystem
import Graph

// ScatterNd: inputs indices, updates, shape. ScatterNdUpdate, TensorScatterAdd, Custom TensorScatterMax: inputs x, indices,
// updates. Attributes: none.

/// Writes (or adds, or keeps the greater of) the updates to the elements or slices that the rows of the indices name: into zeros of the given shape
/// (ScatterNd) or into a copy of x. Of several updates of one place the last one stays. A row that lies outside is an error.
final class ScatterNdOperator: Operator {
  private let indices: Int, updates: Int
  private var coordinates = Coordinates()

  override init(_ node: Node) throws(EngineError) {
    indices = node.kind == .scatterNd ? 0 : 1
    updates = indices + 1
    try super.init(node)
    try requireInputs(3...3)
    try requireOutputs(1...1)
    try requireFixedSize(updates)
    try requireIndices(indices)
    if node.kind != .scatterNd { try requireSameType(0, 2) }
    if node.kind == .tensorScatterAdd { try requireType(0, .float32, .int32) }
    if node.kind == .custom { try requireType(0, .float32) }
  }

  override func infer() throws(EngineError) {
    let shape = node.kind == .scatterNd ? Shape(try requireSmallIntegers(2)) : inputs[0].shape
    try setOutput(0, inputs[updates].type, shape.dims)
    try requireRank(indices, 2...Shape.maximumRank)
    coordinates = try Coordinates(inputs[indices], into: shape)
    let rows = inputs[indices].shape
    let wanted = Shape([Int](rows.dims[..<(rows.rank - 1)]) + shape.dims[coordinates.depth...])
    if inputs[updates].shape != wanted {
      throw EngineError(.inferError, "the updates (\(inputs[updates])) must have the shape \(wanted)")
    }
  }

  /// The copy of x is x itself where the planner gives both one place.
  override var inPlaceInputs: [Int] { node.kind == .scatterNd ? [] : [0] }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let output = outputs[0]
    guard output.count > 0, let y = output.data else { return }
    if node.kind == .scatterNd {
      memset(y, 0, output.byteCount)
    } else if let x = inputs[0].data, x != y {
      copyBytes(context, x, y, output.byteCount)
    }
    let size = output.type.size
    let bytes = coordinates.inner * size
    guard inputs[updates].count > 0, let from = inputs[updates].data else { return }
    // Rows without entries name the whole tensor, and need no index.
    if coordinates.depth > 0 { try coordinates.check(IndexList(inputs[indices]), output.shape) }
    var row = 0
    while row < coordinates.rows {
      let place = coordinates.depth == 0 ? 0 : coordinates.offset(IndexList(inputs[indices]), row) ?? 0
      let (to, update) = (y + place * size, from + row * bytes)
      if node.kind == .custom {
        add(update, to, Float.self) { $1 > $0 ? $1 : $0 }
      } else if node.kind != .tensorScatterAdd {
        memcpy(to, update, bytes)
      } else if output.type == .float32 {
        add(update, to, Float.self) { $0 + $1 }
      } else {
        add(update, to, Int32.self) { $0 &+ $1 }
      }
      row += 1
    }
  }

  @inline(__always)
  private func add<T>(
    _ update: UnsafeMutableRawPointer, _ target: UnsafeMutableRawPointer, _ type: T.Type, _ sum: (T, T) -> T
  ) {
    let x = update.assumingMemoryBound(to: T.self)
    let y = target.assumingMemoryBound(to: T.self)
    var i = 0
    while i < coordinates.inner {
      y[i] = sum(y[i], x[i])
      i += 1
    }
  }
}

// ScatterElements. Attributes: 0 axis: int, 0. Inputs: x, indices, updates.

/// y = x, then y[index[i, j, k], j, k] = updates[i, j, k] for axis 0, and alike for the other axes. An index outside the axis is
/// an error.
final class ScatterElementsOperator: Operator {
  private let attribute: Int
  private var axis = 0

  override init(_ node: Node) throws(EngineError) {
    attribute = node.attributes.int(0, 0)
    try super.init(node)
    try requireInputs(3...3)
    try requireOutputs(1...1)
    try requireFixedSize(0)
    try requireIndices(1)
    try requireSameType(0, 2)
  }

  override func infer() throws(EngineError) {
    axis = try requireAxis(attribute, of: 0)
    let (shape, indices) = (inputs[0].shape, inputs[1].shape)
    var fits = indices.rank == shape.rank && inputs[2].shape == indices
    var i = 0
    while fits && i < shape.rank {
      if i != axis && indices[i] > shape[i] { fits = false }
      i += 1
    }
    if !fits {
      throw EngineError(
        .inferError,
        "the indices (\(inputs[1])) and the updates (\(inputs[2])) do not fit input 0 (\(inputs[0]))")
    }
    try setOutput(0, inputs[0].type, shape.dims)
  }

  override var inPlaceInputs: [Int] { [0] }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let output = outputs[0]
    guard output.count > 0, let y = output.data else { return }
    if let x = inputs[0].data, x != y { copyBytes(context, x, y, output.byteCount) }
    guard inputs[1].count > 0, let from = inputs[2].data else { return }
    let indices = IndexList(inputs[1])
    let (shape, rows) = (output.shape, inputs[1].shape)
    let size = output.type.size
    let n = rows.count
    var i = 0
    while i < n {
      if indices.position(i, limit: shape[axis]) == nil {
        throw EngineError(.error, "index \(indices[i]) lies outside axis \(axis) of \(inputs[0])")
      }
      i += 1
    }
    i = 0
    while i < n {
      var (offset, stride, rest) = (0, 1, i)
      var a = shape.rank - 1
      while a >= 0 {
        let p = a == axis ? indices.position(i, limit: shape[a]) ?? 0 : rest % rows[a]
        offset += p * stride
        rest /= rows[a]
        stride *= shape[a]
        a -= 1
      }
      memcpy(y + offset * size, from + i * size, size)
      i += 1
    }
  }
}
