import CNeuralNetworkRuntime
import CSystem

/// A compiled model as bytes, for a file or for a program's memory. Little-endian, all numbers 32 bits unless said otherwise:
///
///     "NNRTCACH", layout version, bytes of the head, application's version, numbers of inputs, outputs and blobs,
///     device (64), its interface's version (major, minor), fingerprint of the model (64)
///     for each blob:   bytes (64), checksum (64)
///     for each tensor: data type, format, number of dimensions, sizes, bytes of the name, name
///     checksum of all of that (64)
///     the blobs, each beginning at a multiple of 64
final class CacheImage {
  static let maximumBlobs = 100
  private static let magic: UInt64 = 0x4843_4143_5452_4e4e
  private static let layout: UInt32 = 1
  private static let alignment = 64

  let version: UInt32
  let deviceID: UInt64
  let deviceVersion: (UInt32, UInt32)
  /// 0 for a model that was not made of operators.
  let fingerprint: UInt64
  let inputs: [TensorInfo]
  let outputs: [TensorInfo]
  let blobs: [UnsafeRawBufferPointer]

  private init(
    _ version: UInt32, _ deviceID: UInt64, _ deviceVersion: (UInt32, UInt32), _ fingerprint: UInt64, _ inputs: [TensorInfo],
    _ outputs: [TensorInfo], _ blobs: [UnsafeRawBufferPointer]
  ) {
    self.version = version
    self.deviceID = deviceID
    self.deviceVersion = deviceVersion
    self.fingerprint = fingerprint
    self.inputs = inputs
    self.outputs = outputs
    self.blobs = blobs
  }

  /// The image of what a device has compiled, around its blobs.
  static func make(
    _ prepared: PreparedModel, _ version: UInt32, _ fingerprint: UInt64, _ blobs: [UnsafeRawBufferPointer]
  ) -> CacheImage {
    let info = prepared.device.info
    return CacheImage(
      version, UInt64(UInt(bitPattern: prepared.device.id)), (info.versionMajor, info.versionMinor), fingerprint, prepared.inputs,
      prepared.outputs, blobs)
  }

  /// Whether a device can use it.
  func isFor(_ device: Device) -> Bool {
    deviceID == UInt64(UInt(bitPattern: device.id)) && deviceVersion == (device.info.versionMajor, device.info.versionMinor)
  }

  // MARK: writing

  /// Everything before the blobs, padded to where the first one begins.
  func head() -> [UInt8] {
    var bytes: [UInt8] = []
    func append<Number: FixedWidthInteger>(_ number: Number) {
      withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
    append(Self.magic)
    append(Self.layout)
    append(UInt32(0))
    append(version)
    append(UInt32(inputs.count))
    append(UInt32(outputs.count))
    append(UInt32(blobs.count))
    append(deviceID)
    append(deviceVersion.0)
    append(deviceVersion.1)
    append(fingerprint)
    for blob in blobs {
      append(UInt64(blob.count))
      append(Checksum.of(blob))
    }
    for tensor in inputs + outputs {
      append(tensor.dataType.rawValue)
      append(tensor.format.rawValue)
      append(UInt32(tensor.shape.rank))
      for i in 0..<tensor.shape.rank { append(tensor.shape[i]) }
      append(UInt32(tensor.name.count))
      bytes.append(contentsOf: UnsafeRawBufferPointer(start: tensor.name.pointer, count: tensor.name.count))
    }
    let size = UInt32(bytes.count + 8)
    for i in 0..<4 { bytes[12 + i] = UInt8(truncatingIfNeeded: size >> (UInt32(i) * 8)) }
    append(bytes.withUnsafeBytes { Checksum.of($0) })
    while bytes.count % Self.alignment != 0 { bytes.append(0) }
    return bytes
  }

  /// Bytes of zero between a blob of that size and the next.
  static func padding(after size: Int) -> Int { (alignment - size % alignment) % alignment }

  /// Bytes of the whole image with that head. The last blob is not padded.
  func size(_ head: [UInt8]) -> Int {
    var size = head.count
    for i in blobs.indices { size += blobs[i].count + (i + 1 < blobs.count ? Self.padding(after: blobs[i].count) : 0) }
    return size
  }

  /// Hands out the pieces of the image one after another, as long as `write` returns true.
  func forEachPiece(_ head: [UInt8], _ write: (UnsafeRawBufferPointer) -> Bool) -> Bool {
    if !head.withUnsafeBytes({ write($0) }) { return false }
    let zeros = [UInt8](repeating: 0, count: Self.alignment)
    for i in blobs.indices {
      if !write(blobs[i]) { return false }
      let padding = i + 1 < blobs.count ? Self.padding(after: blobs[i].count) : 0
      if !zeros.withUnsafeBytes({ write(UnsafeRawBufferPointer(rebasing: $0[..<padding])) }) { return false }
    }
    return true
  }

  // MARK: reading

  /// The image in `bytes`, which must stay as long as it is used. Throws OH_NN_INVALID_FILE if anything is not as it was written.
  static func read(_ bytes: UnsafeRawBufferPointer) throws(Failure) -> CacheImage {
    var reader = ByteReader(bytes)
    if try reader.number(UInt64.self) != magic { throw broken("it is not a compiled model") }
    if try reader.number(UInt32.self) != layout { throw broken("it has another layout") }
    let headSize = Int(try reader.number(UInt32.self))
    guard headSize >= 8, headSize <= bytes.count else { throw broken("it is cut short") }
    let sum = bytes.loadUnaligned(fromByteOffset: headSize - 8, as: UInt64.self).littleEndian
    if sum != Checksum.of(UnsafeRawBufferPointer(rebasing: bytes[..<(headSize - 8)])) { throw broken("the head's checksum is wrong") }
    let version = try reader.number(UInt32.self)
    let counts = (try reader.count(ModelObject.maximumIndices), try reader.count(ModelObject.maximumIndices))
    let blobCount = try reader.count(maximumBlobs)
    let deviceID = try reader.number(UInt64.self)
    let deviceVersion = (try reader.number(UInt32.self), try reader.number(UInt32.self))
    let fingerprint = try reader.number(UInt64.self)
    var sizes: [(Int, UInt64)] = []
    for _ in 0..<blobCount {
      let size = try reader.number(UInt64.self)
      sizes.append((Int(clamping: size), try reader.number(UInt64.self)))
    }
    var inputs: [TensorInfo] = []
    var outputs: [TensorInfo] = []
    for _ in 0..<counts.0 { inputs.append(try reader.tensor()) }
    for _ in 0..<counts.1 { outputs.append(try reader.tensor()) }
    var offset = headSize + padding(after: headSize)
    var blobs: [UnsafeRawBufferPointer] = []
    for i in sizes.indices {
      let (size, sum) = sizes[i]
      guard offset <= bytes.count, size <= bytes.count - offset else { throw broken("it is cut short") }
      let blob = UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + size)])
      if Checksum.of(blob) != sum { throw broken("the checksum of blob \(i) is wrong") }
      blobs.append(blob)
      offset += size + (i + 1 < sizes.count ? padding(after: size) : 0)
    }
    if offset != bytes.count { throw broken("it has \(bytes.count - offset) bytes too many") }
    return CacheImage(version, deviceID, deviceVersion, fingerprint, inputs, outputs, blobs)
  }

  fileprivate static func broken(_ reason: Message) -> Failure { Failure(OH_NN_INVALID_FILE, reason) }
}

/// Reads numbers one after another and never beyond the end.
private struct ByteReader {
  private let bytes: UnsafeRawBufferPointer
  private var offset = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type) throws(Failure) -> Number {
    let size = MemoryLayout<Number>.size
    if bytes.count - offset < size { throw CacheImage.broken("it is cut short") }
    defer { offset += size }
    return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Number.self))
  }

  /// A number of things, from 1 up to a limit.
  mutating func count(_ limit: Int) throws(Failure) -> Int {
    let count = try number(UInt32.self)
    if count < 1 || count > UInt32(limit) { throw CacheImage.broken("it has \(count) of something; expected 1 to \(limit)") }
    return Int(count)
  }

  mutating func tensor() throws(Failure) -> TensorInfo {
    let dataType = OH_NN_DataType(rawValue: try number(UInt32.self))
    let format = OH_NN_Format(rawValue: try number(UInt32.self))
    if !dataType.isValid || format.rawValue > OH_NN_FORMAT_ND.rawValue { throw CacheImage.broken("a tensor has no type or format") }
    let rank = Int(try number(UInt32.self))
    if rank > TensorShape.maximumRank { throw CacheImage.broken("a tensor has \(rank) dimensions") }
    var sizes = [Int32](repeating: 0, count: TensorShape.maximumRank)
    for i in 0..<rank { sizes[i] = try number(Int32.self) }
    let shape = try TensorShape.checked(sizes, rank)
    let length = Int(try number(UInt32.self))
    if length > bytes.count - offset { throw CacheImage.broken("it is cut short") }
    let name = try Text.copy(bytes.baseAddress.map { $0 + offset }, length)
    offset += length
    return TensorInfo(name, dataType, format, shape)
  }
}
