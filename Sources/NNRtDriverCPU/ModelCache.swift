import CNeuralNetworkRuntime
import CSystem
import Graph
import ModelFile
import System

/// A compiled model as bytes: a header, and the model as a `.ms` file. Packing weights again takes less time than reading packed ones
/// would, and a file fits every CPU.
enum ModelCache {
  /// Header: 8 bytes of mark, version (UInt32), 0 (UInt32), bytes of the file (UInt64), their checksum (UInt64), zeros.
  private static let headerBytes = 64
  private static let mark: UInt64 = 0x7570_636e_6c73_6d7f
  /// Changes whenever what is written, or what it means, does.
  private static let version: UInt32 = 1
  /// FmkType of MindSpore.
  private static let framework: Int32 = 3

  // MARK: reading

  /// The graphs of what ``write(_:)`` has made.
  static func read(_ blob: UnsafeRawBufferPointer) throws(EngineError) -> [Graph] {
    guard blob.count > headerBytes, number(blob, 0) == mark else { throw EngineError(.error, "the cache is not one of this driver") }
    let written = number(blob, 8)
    if written != UInt64(version) { throw EngineError(.error, "the cache has version \(Int(truncatingIfNeeded: written)); \(version) is expected") }
    let file = UnsafeRawBufferPointer(rebasing: blob[headerBytes...])
    if number(blob, 16) != UInt64(file.count) || number(blob, 24) != checksum(file) { throw EngineError(.error, "the cache is damaged") }
    return try readModel(file)
  }

  /// The graphs of a `.ms` file. (A wrapper around another file stands for that one.)
  static func readModel(_ file: UnsafeRawBufferPointer) throws(EngineError) -> [Graph] {
    guard let copy = Buffer(count: file.count) else { throw EngineError(.outOfMemory, "no memory for a model of \(file.count) bytes") }
    copy.base.copyMemory(from: file.baseAddress ?? UnsafeRawPointer(copy.base), byteCount: file.count)
    let bytes = UnsafeRawBufferPointer(start: copy.base, count: file.count)
    let model = try ModelReader.read(bytes, owner: copy, copyConstants: false)
    guard let inner = model.embeddedModel else { return model.graphs }
    return try ModelReader.read(inner, owner: copy, copyConstants: false).graphs
  }

  private static func number(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
    bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
  }

  /// Sees every change of a byte and of the length.
  private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var sum = UInt64(bytes.count) &+ 0x9e37_79b9_7f4a_7c15
    var i = 0
    while i + 8 <= bytes.count {
      mix(&sum, bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self))
      i += 8
    }
    var rest: UInt64 = 0
    while i < bytes.count {
      rest = rest << 8 | UInt64(bytes[i])
      i += 1
    }
    mix(&sum, rest)
    return sum
  }

  private static func mix(_ sum: inout UInt64, _ word: UInt64) {
    sum = (sum ^ word) &* 0x9fb2_1c65_1e98_df25
    sum ^= sum >> 32
  }

  // MARK: writing

  /// One blob, for ``release(_:)``.
  static func write(_ graphs: [Graph]) throws(EngineError) -> UnsafePointer<NNRt_Blob> {
    let content = ModelContent(graphs: graphs, framework: framework)
    var size = headerBytes
    try ModelWriter.write(content) { size += $0.count }
    guard let memory = calloc(1, size) else { throw EngineError(.outOfMemory, "no memory for a cache of \(size) bytes") }
    var end = memory + headerBytes
    do throws(EngineError) {
      try ModelWriter.write(content) { piece in
        if let base = piece.baseAddress { end.copyMemory(from: base, byteCount: piece.count) }
        end += piece.count
      }
    } catch {
      free(memory)
      throw error
    }
    memory.storeBytes(of: mark, toByteOffset: 0, as: UInt64.self)
    memory.storeBytes(of: UInt64(version), toByteOffset: 8, as: UInt64.self)
    memory.storeBytes(of: UInt64(size - headerBytes), toByteOffset: 16, as: UInt64.self)
    let file = UnsafeRawBufferPointer(start: memory + headerBytes, count: size - headerBytes)
    memory.storeBytes(of: checksum(file), toByteOffset: 24, as: UInt64.self)
    let blob = UnsafeMutablePointer<NNRt_Blob>.allocate(capacity: 1)
    blob.initialize(to: NNRt_Blob(data: memory, size: size))
    return UnsafePointer(blob)
  }

  static func release(_ blob: UnsafePointer<NNRt_Blob>?) {
    guard let blob else { return }
    free(UnsafeMutableRawPointer(mutating: blob.pointee.data))
    UnsafeMutablePointer(mutating: blob).deallocate()
  }
}
