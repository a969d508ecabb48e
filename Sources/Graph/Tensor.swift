/// How integer values stand for real ones: real = scale * (q - zeroPoint); weight correction as in the file format.
public struct QuantParam {
  public var scale: Double
  public var zeroPoint: Int32
  public var bits: Int32
  public var varianceCorrection: Float
  public var meanCorrection: Float
  /// The last rounding of a fixed-point product: 1 halves away from zero, 2 halves upwards.
  public var roundType: Int32 = 1
  /// How a real factor becomes a fixed-point number: 1 from its double, 0 from its float32 value.
  public var multiplier: Int32 = 1
  public init(scale: Double, zeroPoint: Int32, bits: Int32, varianceCorrection: Float, meanCorrection: Float) {
    self.scale = scale
    self.zeroPoint = zeroPoint
    self.bits = bits
    self.varianceCorrection = varianceCorrection
    self.meanCorrection = meanCorrection
  }
}

/// A value of the graph: a constant with its bytes, or a variable whose bytes the session binds before each run.
public final class Tensor {
  public var name: String
  public var type: DataType
  public var format: Format
  public var shape: Shape
  public var quantParams: [QuantParam] = []
  /// Position in ``Graph/tensors``; -1 while it is in no graph.
  public var index = -1
  /// How many node inputs read it; counted before a session's operators are prepared, so that an operator which is a
  /// constant's only reader may give its bytes up once it has packed them. 0 while nobody has counted.
  public var consumers = 0
  /// The value comes with the model and never changes.
  public private(set) var isConstant = false
  /// The value was computed while the graph was prepared (constant folding, shape arithmetic); dropped on resize.
  public private(set) var isFolded = false
  /// The elements, row-major. Constants: the model's bytes (read-only, aligned to the element size). Variables: bound by the
  /// session before a run; nil outside. Valid as long as `owner` (constants) or the session's memory lives.
  public var data: UnsafeMutableRawPointer?
  /// Elements from one row (of the last axis) to the next, where the rows lie within longer rows of another tensor: chosen by a session's
  /// planner for values that only a join of rows reads. nil: the rows follow each other.
  public var rowPitch: Int?
  /// Where the value is to be computed, instead of the session's memory: memory that a device shares. 64-byte aligned; the operator that
  /// sets it keeps it. A hint: inputs of the graph, say, lie where the caller has them.
  public var home: UnsafeMutableRawPointer?
  /// Keeps the memory behind `data` alive.
  public private(set) var owner: AnyObject?
  /// The value of a tensor list, or what the handle of a tensor array stands for; it travels with the tensor like `data`.
  public var list: TensorListValue?

  @export(interface)
  public init(name: String, type: DataType, shape: Shape, format: Format = .nhwc) {
    self.name = name
    self.type = type
    self.format = format
    self.shape = shape
  }

  /// Makes this a constant with the given bytes; `owner` keeps them alive.
  public func setConstant(_ bytes: UnsafeRawPointer, owner: AnyObject?) {
    isConstant = true
    data = UnsafeMutableRawPointer(mutating: bytes)
    self.owner = owner
  }

  /// Makes this a variable that always lies in `bytes`, which `owner` keeps alive: nobody's result, but operators change it.
  public func setWeight(_ bytes: UnsafeMutableRawPointer, owner: AnyObject) {
    isConstant = false
    data = bytes
    self.owner = owner
  }

  /// Gives a variable a value that was computed ahead of the run.
  public func setFolded(_ bytes: UnsafeMutableRawPointer, owner: AnyObject?) {
    isFolded = true
    data = bytes
    self.owner = owner
  }

  /// Forgets a folded value.
  public func clearFolded() {
    guard isFolded else { return }
    isFolded = false
    data = nil
    owner = nil
  }

  /// Makes a folded value a constant.
  @export(interface)
  public func keepFolded() {
    guard let data else { return }
    let owner = owner
    isFolded = false
    setConstant(data, owner: owner)
  }

  /// Says whether the bytes behind `data` hold the value already, for operators whose shapes depend on values of the run.
  public func markKnown(_ known: Bool) { isFolded = known }

  /// Gives up a constant's bytes, after an operator has packed them and nobody else reads them.
  public func releaseConstant() {
    data = nil
    owner = nil
  }

  /// A tensor of another graph with this one's description and, if it is a constant, its bytes.
  @export(interface)
  public func copy() -> Tensor {
    let tensor = Tensor(name: name, type: type, shape: shape, format: format)
    tensor.quantParams = quantParams
    if isConstant {
      tensor.isConstant = true
      tensor.data = data
      tensor.owner = owner
      tensor.list = list
    }
    return tensor
  }

  /// The value can be read while the graph is being prepared.
  public var hasKnownValue: Bool { (isConstant || isFolded) && (data != nil || shape.count == 0) }
  public var count: Int { shape.count }
  public var byteCount: Int {
    @export(interface) get { shape.count * type.size }
  }

  public var floats: UnsafeMutablePointer<Float> { data.unsafelyUnwrapped.assumingMemoryBound(to: Float.self) }
  public func pointer<T>(_ type: T.Type) -> UnsafeMutablePointer<T> { data.unsafelyUnwrapped.assumingMemoryBound(to: T.self) }

  /// The integers of a known value of type int32, int64, int8, uint8, uint32 or bool (floats are truncated when integral and in
  /// range); nil when the value is not known yet or has another type. At most `limit` elements, else nil.
  @export(interface)
  public func knownIntegers(limit: Int = 1 << 20) -> [Int]? {
    guard hasKnownValue, let n = shape.checkedCount, n <= limit else { return nil }
    if n == 0 { return [] }
    guard let data else { return nil }
    var out = [Int]()
    out.reserveCapacity(n)
    var i = 0
    while i < n {
      switch type {
      case .int32: out.append(Int(data.loadUnaligned(fromByteOffset: i * 4, as: Int32.self)))
      case .int64: out.append(Int(data.loadUnaligned(fromByteOffset: i * 8, as: Int64.self)))
      case .uint32: out.append(Int(data.loadUnaligned(fromByteOffset: i * 4, as: UInt32.self)))
      case .int8: out.append(Int(data.load(fromByteOffset: i, as: Int8.self)))
      case .uint8, .bool: out.append(Int(data.load(fromByteOffset: i, as: UInt8.self)))
      case .float32:
        let f = data.loadUnaligned(fromByteOffset: i * 4, as: Float.self)
        guard f > -9e15 && f < 9e15 else { return nil }
        out.append(Int(f))
      default: return nil
      }
      i += 1
    }
    return out
  }

  /// "name" float32 [1, 3]
  public var text: String {
    @export(interface) get { "\"\(name)\" \(type.name) \(shape.text)" }
  }
}
