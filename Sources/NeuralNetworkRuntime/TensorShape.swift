import CNeuralNetworkRuntime

extension OH_NN_DataType {
  var isValid: Bool { rawValue <= OH_NN_FLOAT64.rawValue }

  /// Bytes of an element; 0 for OH_NN_UNKNOWN.
  var size: Int {
    switch self {
    case OH_NN_BOOL, OH_NN_INT8, OH_NN_UINT8: return 1
    case OH_NN_INT16, OH_NN_UINT16, OH_NN_FLOAT16: return 2
    case OH_NN_INT32, OH_NN_UINT32, OH_NN_FLOAT32: return 4
    case OH_NN_INT64, OH_NN_UINT64, OH_NN_FLOAT64: return 8
    default: return 0
    }
  }
}

/// The sizes of a tensor's dimensions, -1 for those that are not known. No dimensions: a scalar.
struct TensorShape {
  static let maximumRank = Int(NNRT_MAX_DIMENSIONS)

  private(set) var rank = 0
  private var sizes = InlineArray<10, Int32>(repeating: 0)

  init() {}

  /// A scalar is of one element here, as in models.
  @inline(never)
  static func checked(_ sizes: UnsafePointer<Int32>?, _ rank: Int) throws(Failure) -> TensorShape {
    if rank < 0 || rank > maximumRank { throw .invalid("\(rank) dimensions; expected up to \(maximumRank)") }
    var shape = TensorShape()
    if rank == 0 { return shape }
    guard let sizes else { throw .invalid("the dimensions are NULL; expected \(rank) sizes") }
    for i in 0..<rank {
      if sizes[i] != -1 && sizes[i] <= 0 { throw .invalid("dimension \(i) is \(sizes[i]); expected a size above 0, or -1") }
      shape.append(sizes[i])
    }
    return shape
  }

  /// Takes any sizes. - Parameter rank: at most `maximumRank`
  init(unchecked sizes: UnsafePointer<Int32>, _ rank: Int) {
    for i in 0..<min(rank, Self.maximumRank) { append(sizes[i]) }
  }

  private mutating func append(_ size: Int32) {
    sizes[rank] = size
    rank += 1
  }

  subscript(_ dimension: Int) -> Int32 { sizes[dimension] }

  /// Every size is above 0.
  var isKnown: Bool {
    for i in 0..<rank where sizes[i] <= 0 { return false }
    return true
  }

  /// Number of elements, 1 for a scalar; 0 if a size is not known; nil if the number is too large.
  var elements: Int? {
    var product = 1
    for i in 0..<rank {
      if sizes[i] <= 0 { return 0 }
      let (next, overflow) = product.multipliedReportingOverflow(by: Int(sizes[i]))
      if overflow { return nil }
      product = next
    }
    return product
  }

  /// Bytes of so many elements; 0 if a size is not known; nil if the number is too large.
  func bytes(_ type: OH_NN_DataType) -> Int? {
    guard let elements else { return nil }
    let (bytes, overflow) = elements.multipliedReportingOverflow(by: type.size)
    return overflow ? nil : bytes
  }

  /// Whether a tensor of the shape `actual` can be where this one was declared: the same rank, and the same sizes where they are known.
  func admits(_ actual: TensorShape) -> Bool {
    if actual.rank != rank { return false }
    for i in 0..<rank where sizes[i] > 0 && sizes[i] != actual.sizes[i] { return false }
    return true
  }

  func write(to place: UnsafeMutablePointer<Int32>) {
    for i in 0..<rank { place[i] = sizes[i] }
  }

  /// "[1, 224, 224, 3]".
  var text: String {
    var text = "["
    for i in 0..<rank { text += i == 0 ? "\(sizes[i])" : ", \(sizes[i])" }
    return text + "]"
  }
}

/// What a model says of an input or output.
final class TensorInfo {
  let name: Text
  let dataType: OH_NN_DataType
  let format: OH_NN_Format
  let shape: TensorShape

  init(_ name: Text, _ dataType: OH_NN_DataType, _ format: OH_NN_Format, _ shape: TensorShape) {
    self.name = name
    self.dataType = dataType
    self.format = format
    self.shape = shape
  }
}
