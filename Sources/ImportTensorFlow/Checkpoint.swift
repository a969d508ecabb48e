import ConverterCore
import Foundation
import Graph
import SwiftProtobuf
import System

/// A checkpoint in TensorFlow's bundle format: `PREFIX.index`, a sorted table of names and where their values lie, and the values in
/// `PREFIX.data-00000-of-00001` and so on.
final class Checkpoint {
  private let prefix: String
  private var entries: [String: Tensorflow_BundleEntryProto]?
  private var shards: [Int32: MappedFile] = [:]
  private var shardCount: Int32 = 1
  /// Keys of variables by the names that graphs give them.
  private var keys: [String: String] = [:]
  private static let objectGraphKey = "_CHECKPOINTABLE_OBJECT_GRAPH"

  init(prefix: String) { self.prefix = prefix }

  /// The variable's value as a constant, whose bytes stay in the mapped file.
  func constant(_ graph: GraphBuilder, _ name: String) throws(EngineError) -> Tensor {
    if entries == nil { try read() }
    guard let entry = entries?[keys[name] ?? name] ?? entries?["\(name)/.ATTRIBUTES/VARIABLE_VALUE"] else {
      throw EngineError(.formatError, "\(prefix).index has no variable \"\(name)\"")
    }
    let type = try ElementTypes.required(entry.dtype, "variable \"\(name)\"")
    guard entry.dtype != .dtBfloat16, type != .string, let dims = try entry.shape.dims("variable \"\(name)\"") else {
      throw EngineError(.notSupported, "variable \"\(name)\" has elements of type \(ElementTypes.name(entry.dtype))")
    }
    let (bytes, owner) = try bytes(entry, name)
    return try graph.constant(name, type, dims, bytes: bytes, owner: owner)
  }

  private func bytes(_ entry: Tensorflow_BundleEntryProto, _ name: String) throws(EngineError) -> (UnsafeRawBufferPointer, MappedFile) {
    func padded(_ n: Int32) -> String { String(repeating: "0", count: max(0, 5 - String(n).count)) + String(n) }
    if shards[entry.shardID] == nil {
      shards[entry.shardID] = try InputFile.open("\(prefix).data-\(padded(entry.shardID))-of-\(padded(shardCount))")
    }
    guard let file = shards[entry.shardID], entry.offset >= 0, entry.size >= 0, entry.offset <= file.bytes.count,
      entry.size <= Int64(file.bytes.count) - entry.offset
    else { throw EngineError(.formatError, "variable \"\(name)\" lies outside its file") }
    return (UnsafeRawBufferPointer(rebasing: file.bytes[Int(entry.offset)..<Int(entry.offset + entry.size)]), file)
  }

  private func read() throws(EngineError) {
    let path = prefix + ".index"
    let file = try InputFile.open(path)
    var found: [String: Tensorflow_BundleEntryProto] = [:]
    do {
      for (key, value) in try SortedTable.read(file.bytes) {
        if key.isEmpty {
          let header = try Tensorflow_BundleHeaderProto(serializedBytes: value)
          guard header.endianness == 0 else { throw EngineError(.notSupported, "the values are big-endian") }
          shardCount = header.numShards
        } else {
          found[key] = try Tensorflow_BundleEntryProto(serializedBytes: value)
        }
      }
      if let entry = found[Checkpoint.objectGraphKey] { try readNames(entry) }
    } catch let error as EngineError {
      throw error.adding(path)
    } catch { throw EngineError(.formatError, Message(text: "\(path): not a checkpoint's index (\(error))")) }
    entries = found
  }

  /// Checkpoints of objects name values by the way through the objects; the object graph says the variables' own names.
  private func readNames(_ entry: Tensorflow_BundleEntryProto) throws {
    // One string: its length as a varint, four bytes of checksum, its bytes.
    let (bytes, _) = try self.bytes(entry, Checkpoint.objectGraphKey)
    var reader = ByteReader(bytes)
    let length = try reader.varint()
    _ = try reader.take(4)
    let graph = try Tensorflow_TrackableObjectGraph(serializedBytes: Data(try reader.take(length)))
    for node in graph.nodes {
      for attribute in node.attributes where !attribute.fullName.isEmpty { keys[attribute.fullName] = attribute.checkpointKey }
    }
  }
}

/// Reads numbers and runs of bytes, one after the other.
struct ByteReader {
  private let bytes: UnsafeRawBufferPointer
  private(set) var position = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var isAtEnd: Bool { position >= bytes.count }

  mutating func varint() throws(EngineError) -> Int {
    var value: UInt64 = 0
    for shift in 0..<9 {
      guard position < bytes.count else { break }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7F) << UInt64(7 * shift)
      if byte & 0x80 == 0 { return Int(value) }
    }
    throw EngineError(.formatError, "byte \(position): a number is cut off")
  }

  mutating func take(_ count: Int) throws(EngineError) -> UnsafeRawBufferPointer {
    guard count >= 0, count <= bytes.count - position else { throw EngineError(.formatError, "byte \(position): \(count) bytes are missing") }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
  }
}

/// The sorted table of LevelDB, without compression: blocks of keys and values, an index of the blocks, a footer.
enum SortedTable {
  private static let magic: UInt64 = 0xdb47_7524_8b80_fb57
  private static let footerSize = 48

  static func read(_ file: UnsafeRawBufferPointer) throws(EngineError) -> [(String, Data)] {
    guard file.count >= footerSize, file.loadUnaligned(fromByteOffset: file.count - 8, as: UInt64.self) == magic else {
      throw EngineError(.formatError, "not a checkpoint's index: it does not end with the table's mark")
    }
    // Handles of the index of meta blocks, which is not needed, and of the index.
    var footer = ByteReader(UnsafeRawBufferPointer(rebasing: file[(file.count - footerSize)...]))
    _ = (try footer.varint(), try footer.varint())
    let index = try block(file, &footer)
    var all = [(String, Data)]()
    for (_, value) in try entries(index) {
      var handle = ByteReader(value)
      for (key, value) in try entries(block(file, &handle)) { all.append((String(decoding: key, as: UTF8.self), Data(value))) }
    }
    return all
  }

  /// The block that a handle (offset, size) names. A byte behind it tells the compression.
  private static func block(_ file: UnsafeRawBufferPointer, _ handle: inout ByteReader) throws(EngineError) -> UnsafeRawBufferPointer {
    let (offset, size) = (try handle.varint(), try handle.varint())
    guard offset < file.count, size < file.count - offset else { throw EngineError(.formatError, "a block lies outside the file") }
    guard file[offset + size] == 0 else { throw EngineError(.notSupported, "the checkpoint's index is compressed") }
    return UnsafeRawBufferPointer(rebasing: file[offset..<offset + size])
  }

  /// Keys share a prefix with the one before; at the block's end stand the positions of keys that do not, and their number.
  private static func entries(_ block: UnsafeRawBufferPointer) throws(EngineError) -> [(key: [UInt8], value: UnsafeRawBufferPointer)] {
    guard block.count >= 4 else { throw EngineError(.formatError, "a block is cut off") }
    let restarts = Int(block.loadUnaligned(fromByteOffset: block.count - 4, as: UInt32.self))
    guard restarts <= (block.count - 4) / 4 else { throw EngineError(.formatError, "a block is cut off") }
    var reader = ByteReader(UnsafeRawBufferPointer(rebasing: block[..<(block.count - 4 - 4 * restarts)]))
    var key = [UInt8]()
    var all = [(key: [UInt8], value: UnsafeRawBufferPointer)]()
    while !reader.isAtEnd {
      let (shared, rest, length) = (try reader.varint(), try reader.varint(), try reader.varint())
      guard shared <= key.count else { throw EngineError(.formatError, "a key goes back to one that is not there") }
      key = Array(key.prefix(shared)) + Array(try reader.take(rest))
      all.append((key: key, value: try reader.take(length)))
    }
    return all
  }
}
