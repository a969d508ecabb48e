import CSystem
import Graph

/// The strings of a string tensor: int32 count n, n + 1 int32 byte offsets from the start, then the characters.
struct StringTensor {
  private let base: UnsafeRawPointer
  let count: Int

  /// Checks that every string lies inside the tensor, which has a known value.
  init(_ tensor: Tensor, input index: Int) throws(EngineError) {
    let bytes = tensor.byteCount
    guard let data = tensor.data, bytes >= 8 else {
      throw EngineError(.inferError, "input \(index) (\(tensor)) must be a string tensor of 8 or more bytes")
    }
    base = UnsafeRawPointer(data)
    count = Int(base.loadUnaligned(as: Int32.self))
    var last = 4 * (count + 2)
    var isSound = count >= 0 && last <= bytes
    var i = 0
    while isSound && i <= count {
      let at = Int(base.loadUnaligned(fromByteOffset: 4 * (i + 1), as: Int32.self))
      if at < last || at > bytes { isSound = false }
      last = at
      i += 1
    }
    if !isSound {
      throw EngineError(.inferError, "input \(index) (\(tensor)) is no string tensor: its count of \(count) or an offset does not fit its size")
    }
  }

  subscript(_ i: Int) -> UnsafeBufferPointer<UInt8> {
    let start = Int(base.loadUnaligned(fromByteOffset: 4 * (i + 1), as: Int32.self))
    let end = Int(base.loadUnaligned(fromByteOffset: 4 * (i + 2), as: Int32.self))
    return UnsafeBufferPointer(start: (base + start).assumingMemoryBound(to: UInt8.self), count: end - start)
  }
}

/// Collects strings for an output.
struct StringWriter {
  private var characters: [UInt8] = []
  /// The end of every string in `characters`.
  private var ends: [Int] = []

  static let limit = 1 << 28

  mutating func append(_ byte: UInt8) { characters.append(byte) }
  mutating func append(_ string: UnsafeBufferPointer<UInt8>) { for c in string { characters.append(c) } }
  mutating func append(_ string: [UInt8]) { for c in string { characters.append(c) } }

  /// The bytes appended since the last call are one string.
  mutating func endString() throws(EngineError) {
    ends.append(characters.count)
    if byteCount > StringWriter.limit {
      throw EngineError(.error, "its result would have more than \(StringWriter.limit) bytes")
    }
  }

  var count: Int { ends.count }
  var byteCount: Int { 4 * (ends.count + 2) + characters.count }

  /// Writes the tensor's ``byteCount`` bytes.
  func write(_ target: UnsafeMutableRawPointer) {
    let start = 4 * (ends.count + 2)
    target.storeBytes(of: Int32(truncatingIfNeeded: ends.count), as: Int32.self)
    target.storeBytes(of: Int32(truncatingIfNeeded: start), toByteOffset: 4, as: Int32.self)
    for i in ends.indices {
      target.storeBytes(of: Int32(truncatingIfNeeded: start + ends[i]), toByteOffset: 4 * (i + 2), as: Int32.self)
    }
    characters.withUnsafeBytes { if let p = $0.baseAddress { memcpy(target + start, p, $0.count) } }
  }
}

/// An operator whose output 0 is a string tensor: ``collect()`` makes the strings as soon as the inputs' values are known.
class StringOperator: Operator {
  final var result = StringWriter()

  override final func infer() throws(EngineError) {
    for input in inputs where !input.hasKnownValue { throw EngineError.deferred }
    result = StringWriter()
    try collect()
    try setOutput(0, .string, [result.byteCount])
  }

  /// Fills ``result``, and the shapes of the outputs after the first.
  func collect() throws(EngineError) {}

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if let y = outputs[0].data { result.write(y) }
  }
}
