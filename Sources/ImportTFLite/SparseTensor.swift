import Graph
import System

/// A constant of which the file has only the values that are not zero, in blocks or singly, and where they stand.
///
/// The places form a tree with a level for each dimension, in traversal order, and one for each blocked dimension's inside. A dense
/// level has all its entries; a compressed one has, for every entry of the level above, a segment of a list of indices. The
/// values are the leaves in order.
struct SparseTensor {
  private struct Level {
    /// The dimension, or for the inside of a blocked one: rank + the block's number.
    let dimension: Int
    /// Entries of a dense level; 0 for a compressed one.
    let size: Int
    var segments: [Int] = []
    var indices: [Int] = []
    var isDense: Bool { segments.isEmpty }
  }

  private let name: String
  private let dims: [Int]
  private let valueSize: Int
  private var levels: [Level] = []
  /// The dimension that each block lies in, and its size there.
  private var blockMap: [Int] = []
  private var blockSizes: [Int] = []

  /// Field ids: SparsityParameters 0 traversal order, 1 block map, 2 levels; level 0 kind (1 compressed), 1 dense size, 2 and 3
  /// segments, 4 and 5 indices, each of which is a vector of 32-bit (1), 16-bit (2) or 8-bit (3) numbers.
  init(_ info: TFLiteTensor, valueSize: Int, file: TFLiteModel) throws(EngineError) {
    name = info.name
    dims = info.dims
    self.valueSize = valueSize
    let order = try info.sparsity.ints(0) ?? []
    blockMap = try info.sparsity.ints(1) ?? []
    let records = try info.sparsity.records(2, "level")
    let rank = dims.count
    guard order.count == records.count, order.count == rank + blockMap.count, order.count <= 2 * Shape.maximumRank,
      Set(order) == Set(0..<order.count), blockMap.allSatisfy({ $0 >= 0 && $0 < rank })
    else { throw malformed("its order of dimensions does not fit the shape") }
    blockSizes = [Int](repeating: 1, count: blockMap.count)
    for (i, dimension) in order.enumerated() {
      let record = try records.record(i)
      if try record.byte(0) == 0 {
        let size = try record.int(1)
        guard size > 0 else { throw malformed("a dense dimension of \(size)") }
        if dimension >= rank { blockSizes[dimension - rank] = size }
        levels.append(Level(dimension: dimension, size: size))
        continue
      }
      let segments = try SparseTensor.numbers(record, 2, file), indices = try SparseTensor.numbers(record, 4, file)
      guard segments.count >= 2, dimension < rank else { throw malformed("a compressed dimension without segments") }
      levels.append(Level(dimension: dimension, size: 0, segments: segments, indices: indices))
    }
  }

  private static func numbers(_ record: Record, _ id: Int, _ file: TFLiteModel) throws(EngineError) -> [Int] {
    let vector = try record.record(id + 1, "index vector")
    switch try record.unsignedByte(id) {
    case 1: return try vector.ints(0) ?? []
    case 2: return try file.smallNumbers(at: try vector.place(0), size: 2, "sparse indices")
    case 3: return try file.smallNumbers(at: try vector.place(0), size: 1, "sparse indices")
    default: return []
    }
  }

  private func malformed(_ what: String) -> EngineError {
    EngineError(.graphFileError, "sparse constant \"\(name)\" \(Shape(dims)): \(what)")
  }

  /// The tensor with its zeros.
  func dense(_ values: UnsafeRawBufferPointer) throws(EngineError) -> Buffer {
    guard let count = Shape(dims).checkedCount, valueSize > 0, values.count % valueSize == 0,
      count * valueSize <= max(1 << 20, 4096 * values.count), let result = Buffer(count: count * valueSize)
    else { throw malformed("it is \(values.count) bytes in the file, which cannot make so large a tensor") }
    result.base.initializeMemory(as: UInt8.self, repeating: 0, count: max(result.count, 1))
    var walk = Walk(
      values: values, result: result.base, index: [Int](repeating: 0, count: levels.count),
      // Every level has at most as many entries as the tensor with its blocks filled up.
      budget: 4 * (count + values.count + 16) * (levels.count + 1))
    try visit(0, 0, &walk)
    return result
  }

  private struct Walk {
    let values: UnsafeRawBufferPointer
    let result: UnsafeMutableRawPointer
    var index: [Int]
    var budget: Int
  }

  /// Visits the entries of `level` under entry `parent` of the level above.
  private func visit(_ level: Int, _ parent: Int, _ walk: inout Walk) throws(EngineError) {
    if level == levels.count { return try place(parent, &walk) }
    let l = levels[level]
    var range = 0..<l.size
    if l.isDense {
      let (first, overflow) = parent.multipliedReportingOverflow(by: l.size)
      guard !overflow, first <= 1 << 40 else { throw malformed("its dimensions do not fit the shape") }
      range = first..<(first + l.size)
    } else {
      guard parent + 1 < l.segments.count else { throw malformed("a segment is missing") }
      let (first, last) = (l.segments[parent], l.segments[parent + 1])
      guard first >= 0, first <= last, last <= l.indices.count else { throw malformed("a segment lies outside the indices") }
      range = first..<last
    }
    for entry in range {
      walk.budget -= 1
      if walk.budget < 0 { throw malformed("it has more entries than its shape") }
      walk.index[level] = l.isDense ? entry - range.lowerBound : l.indices[entry]
      try visit(level + 1, entry, &walk)
    }
  }

  /// Writes value `number` to where the walk stands.
  private func place(_ number: Int, _ walk: inout Walk) throws(EngineError) {
    let rank = dims.count
    var position = [Int](repeating: 0, count: rank)
    for (l, i) in zip(levels, walk.index) where l.dimension < rank { position[l.dimension] = i }
    for (l, i) in zip(levels, walk.index) where l.dimension >= rank {
      let block = l.dimension - rank
      let (outer, overflow) = position[blockMap[block]].multipliedReportingOverflow(by: blockSizes[block])
      guard !overflow, outer < 1 << 40 else { throw malformed("an index lies outside") }
      position[blockMap[block]] = outer + i
    }
    var offset = 0
    for (p, d) in zip(position, dims) {
      guard p >= 0 && p < d else { throw malformed("an index lies outside") }
      offset = offset * d + p
    }
    guard number < walk.values.count / valueSize, let base = walk.values.baseAddress else { throw malformed("values are missing") }
    (walk.result + offset * valueSize).copyMemory(from: base + number * valueSize, byteCount: valueSize)
  }
}
