import Graph

/// Rows of indices, each of which names an element or a slice of a tensor: the last axis of an index tensor.
struct Coordinates {
  /// Entries of one row, rows, and elements of the slice that a row names.
  private(set) var depth = 0, rows = 0, inner = 0
  private var limits = Axes(repeating: 0), strides = Axes(repeating: 0)

  init() {}

  /// Rows of the `indices`' last axis, into a tensor of shape `target`.
  init(_ indices: Tensor, into target: Shape) throws(EngineError) {
    let shape = indices.shape
    guard shape.rank > 0, shape[shape.rank - 1] <= target.rank else {
      throw EngineError(
        .inferError, "the rows of the indices (\(indices)) must not be longer than the rank of \(target)")
    }
    depth = shape[shape.rank - 1]
    rows = shape.span(0..<shape.rank - 1)
    inner = target.span(depth..<target.rank)
    let steps = target.steps
    var i = 0
    while i < depth {
      limits[i] = target[i]
      strides[i] = steps[i]
      i += 1
    }
  }

  /// The first element that row `row` names; nil when it lies outside. Negative entries count from the end.
  @inline(__always)
  func offset(_ indices: IndexList, _ row: Int) -> Int? {
    var offset = 0
    var i = 0
    while i < depth {
      guard let p = indices.position(row * depth + i, limit: limits[i]) else { return nil }
      offset += p * strides[i]
      i += 1
    }
    return offset
  }

  /// Throws when a row lies outside the tensor.
  func check(_ indices: IndexList, _ shape: Shape) throws(EngineError) {
    var row = 0
    while row < rows {
      if offset(indices, row) == nil { throw EngineError(.error, "row \(row) of the indices lies outside \(shape)") }
      row += 1
    }
  }
}
