import ConverterCore
import Foundation
import Graph
import ModelFile
import System

/// Element types of MindIR files by their numbers.
enum MindType {
  static func dataType(_ number: Int32) -> DataType? {
    switch number {
    case 1: return .float32
    case 2: return .uint8
    case 3: return .int8
    case 4: return .uint16
    case 5: return .int16
    case 6: return .int32
    case 7: return .int64
    case 8: return .string
    case 9: return .bool
    case 10: return .float16
    case 11, 17: return .float64
    case 12: return .uint32
    case 13: return .uint64
    default: return nil
    }
  }

  static let bfloat16: Int32 = 16

  static func checked(_ number: Int32, of name: String) throws(EngineError) -> DataType {
    guard let type = dataType(number) else {
      throw EngineError(.notSupported, "tensor \"\(name)\" has the element type \(number), which cannot be converted")
    }
    return type
  }

  /// TypeId numbers, as attributes have them (the source type of a Cast).
  static func typeID(_ number: Int) -> DataType? {
    DataType(typeID: Int32(clamping: number))
  }
}

/// Files beside the model that hold weights of it, each as a whole encrypted when the model is.
final class WeightFiles {
  private let folder: String?
  private let key: SecretKey?
  private var opened: [String: (UnsafeRawBufferPointer, AnyObject)] = [:]

  init(folder: String?, key: SecretKey?) {
    self.folder = folder
    self.key = key
  }

  /// A part of a file. `location` is relative to the model's folder, and must stay inside it.
  func bytes(_ location: String, offset: Int, count: Int) throws(EngineError) -> (UnsafeRawBufferPointer, AnyObject) {
    guard let folder else { throw EngineError(.notSupported, "its values are in the file \"\(location)\", which is not there") }
    let parts = location.split(separator: "/", omittingEmptySubsequences: false)
    guard !location.isEmpty, !location.utf8.contains(0), !parts.contains(".."), parts.first != "" else {
      throw EngineError(.formatError, "its values are in \"\(location)\", which is no path inside the model's folder")
    }
    let (all, owner) = try open(location, folder + "/" + location)
    guard offset >= 0, count >= 0, offset <= all.count, count <= all.count - offset else {
      throw EngineError(
        .formatError, "\(count) bytes at byte \(offset) of \"\(location)\" are needed; the file has \(all.count)")
    }
    return (UnsafeRawBufferPointer(rebasing: all[offset..<offset + count]), owner)
  }

  private func open(_ location: String, _ path: String) throws(EngineError) -> (UnsafeRawBufferPointer, AnyObject) {
    if let known = opened[location] { return known }
    let file = try InputFile.open(path)
    var result: (UnsafeRawBufferPointer, AnyObject) = (file.bytes, file)
    if let key {
      let (plain, count) = try ModelDecryption.decrypt(file.bytes, key)
      result = (UnsafeRawBufferPointer(start: plain.base, count: count), plain)
    }
    opened[location] = result
    return result
  }
}

/// Keeps the bytes of a message's field alive.
private final class FieldBytes {
  let data: Data
  init(_ data: Data) { self.data = data }
}

/// Makes constants of the tensors of a message.
struct MindTensors {
  let files: WeightFiles

  static func dims(_ proto: MindIr_TensorProto, of name: String) throws(EngineError) -> [Int] {
    guard proto.dims.count <= Shape.maximumRank else {
      throw EngineError(.notSupported, "tensor \"\(name)\" has rank \(proto.dims.count); at most \(Shape.maximumRank) is possible")
    }
    var dims = [Int]()
    for d in proto.dims {
      guard d >= 0, d <= Int64(Int32.max) else { throw EngineError(.formatError, "tensor \"\(name)\" has the dimension \(d)") }
      dims.append(Int(d))
    }
    return dims
  }

  /// Large values are not copied: the constant refers to the message's or the file's bytes.
  func constant(_ b: GraphBuilder, _ proto: MindIr_TensorProto, name: String) throws(EngineError) -> Tensor {
    let dims = try Self.dims(proto, of: name)
    let isBrain = proto.dataType == MindType.bfloat16
    let type = isBrain ? DataType.float32 : try MindType.checked(proto.dataType, of: name)
    guard let count = Shape(dims).checkedCount, type.size > 0, type != .string else {
      throw EngineError(.notSupported, "tensor \"\(name)\" (\(type.name) \(Shape(dims))) cannot be converted")
    }
    if proto.compressionType != 0 {
      throw EngineError(.notSupported, "tensor \"\(name)\" is compressed (\(proto.compressionType)), which cannot be converted")
    }
    if proto.hasExternalData {
      let place = proto.externalData
      let (bytes, owner) = try files.bytes(
        place.location, offset: Int(place.offset), count: place.hasLength ? Int(place.length) : count * type.size)
      return try constant(b, name, type, dims, bytes, owner, isBrain: isBrain)
    }
    if proto.hasRawData {
      let owner = FieldBytes(proto.rawData)
      var result: Result<Tensor, EngineError>? = nil
      owner.data.withUnsafeBytes { bytes in
        // Short contents lie within the value itself, all others on the heap, where they stay.
        let kept: AnyObject? = bytes.count > 64 ? owner : nil
        do throws(EngineError) {
          result = .success(try constant(b, name, type, dims, bytes, kept, isBrain: isBrain))
        } catch { result = .failure(error) }
      }
      guard let result else { throw EngineError(.error, "no access to the values of \"\(name)\"") }
      return try result.get()
    }
    return try listed(b, proto, name, type, dims, count)
  }

  private func constant(
    _ b: GraphBuilder, _ name: String, _ type: DataType, _ dims: [Int], _ bytes: UnsafeRawBufferPointer, _ owner: AnyObject?, isBrain: Bool
  ) throws(EngineError) -> Tensor {
    guard isBrain else { return try b.constant(name, type, dims, bytes: bytes, owner: owner) }
    guard bytes.count == 2 * Shape(dims).count else {
      throw EngineError(.formatError, "tensor \"\(name)\" has \(bytes.count) bytes; bfloat16 \(Shape(dims)) needs \(2 * Shape(dims).count)")
    }
    let values = (0..<bytes.count / 2).map {
      Float(bitPattern: UInt32(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self))) << 16)
    }
    return b.constant(name, floats: values, dims: dims)
  }

  /// Values in one of the fields for numbers.
  private func listed(
    _ b: GraphBuilder, _ proto: MindIr_TensorProto, _ name: String, _ type: DataType, _ dims: [Int], _ count: Int
  ) throws(EngineError) -> Tensor {
    func check(_ found: Int) throws(EngineError) {
      if found != count {
        throw EngineError(.formatError, "tensor \"\(name)\" has \(found) values; \(type.name) \(Shape(dims)) needs \(count)")
      }
    }
    if type == .float32 || type == .float64 {
      let values = proto.floatData.isEmpty ? proto.doubleData.map { Float($0) } : proto.floatData
      try check(values.count)
      return b.constant(name, floats: values, dims: dims)
    }
    let values = proto.int32Data.isEmpty ? proto.int64Data.map { Int($0) } : proto.int32Data.map { Int($0) }
    try check(values.count)
    if type == .bool { return b.constant(name, bools: values.map { $0 != 0 }, dims: dims) }
    if type == .int32 || type == .int64 { return b.constant(name, ints: values, dims: dims) }
    throw EngineError(.notSupported, "tensor \"\(name)\" has no raw data, which \(type.name) needs")
  }
}
