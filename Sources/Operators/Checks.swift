import Graph

/// Checks that operators share. Each throws the sentence that the user sees; the caller adds the node's name.
extension Operator {
  /// The node has between `range.lowerBound` and `range.upperBound` inputs.
  @inline(never)
  public func requireInputs(_ range: ClosedRange<Int>) throws(EngineError) {
    if !range.contains(inputs.count) {
      let wanted = range.lowerBound == range.upperBound ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
      throw EngineError(.error, "has \(inputs.count) inputs; \(wanted) are needed")
    }
  }

  @inline(never)
  public func requireOutputs(_ range: ClosedRange<Int>) throws(EngineError) {
    if !range.contains(outputs.count) {
      let wanted = range.lowerBound == range.upperBound ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
      throw EngineError(.error, "has \(outputs.count) outputs; \(wanted) are needed")
    }
  }

  /// Input `index` has one of the types.
  @inline(never)
  public func requireType(_ index: Int, _ types: DataType...) throws(EngineError) {
    let type = inputs[index].type
    var list = ""
    for t in types {
      if t == type { return }
      list += list.isEmpty ? t.name : " or \(t.name)"
    }
    throw EngineError(.notSupported, "input \(index) (\(inputs[index])) must be \(list)")
  }

  @inline(never)
  public func requireRank(_ index: Int, _ range: ClosedRange<Int>) throws(EngineError) {
    if !range.contains(inputs[index].shape.rank) {
      let wanted = range.lowerBound == range.upperBound ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
      throw EngineError(.inferError, "input \(index) (\(inputs[index])) must have \(wanted) dimensions")
    }
  }

  /// `axis` of input `index` as 0..<rank.
  @inline(never)
  public func requireAxis(_ axis: Int, of index: Int) throws(EngineError) -> Int {
    guard let a = inputs[index].shape.axis(axis) else {
      throw EngineError(.inferError, "axis \(axis) lies outside input \(index) (\(inputs[index]))")
    }
    return a
  }

  /// The integers of input `index`; deferred when they are computed by the run.
  @inline(never)
  public func requireIntegers(_ index: Int) throws(EngineError) -> [Int] {
    let tensor = inputs[index]
    if let values = tensor.knownIntegers() { return values }
    if tensor.hasKnownValue {
      throw EngineError(.inferError, "input \(index) (\(tensor)) must be a short list of integers")
    }
    throw EngineError.deferred
  }

  /// Sets output `index`; refuses shapes whose size overflows.
  @inline(never)
  public func setOutput(_ index: Int, _ type: DataType, _ dims: [Int], format: Format? = nil) throws(EngineError) {
    let shape = Shape(dims)
    if dims.count > Shape.maximumRank {
      throw EngineError(.inferError, "output \(index) would have \(dims.count) dimensions; \(Shape.maximumRank) is the limit")
    }
    guard shape.checkedCount != nil else {
      throw EngineError(.inferError, "output \(index) would have the impossible shape \(shape)")
    }
    outputs[index].type = type
    outputs[index].shape = shape
    outputs[index].format = format ?? inputs.first?.format ?? .nhwc
  }
}

/// NumPy broadcasting of two shapes, right-aligned; nil when they do not fit.
@inline(never)
public func broadcastShape(_ a: Shape, _ b: Shape) -> Shape? {
  let rank = max(a.rank, b.rank)
  var dims = [Int](repeating: 1, count: rank)
  var i = 0
  while i < rank {
    let x = i < rank - a.rank ? 1 : a[i - (rank - a.rank)]
    let y = i < rank - b.rank ? 1 : b[i - (rank - b.rank)]
    if x != y && x != 1 && y != 1 { return nil }
    dims[i] = x == 1 ? y : x
    i += 1
  }
  return Shape(dims)
}
