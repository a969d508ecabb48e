import ConverterCore
import Foundation
import Graph
import System

/// The element types of ONNX by their number in the format.
enum ElementType {
  /// The type of a graph's inputs and outputs that are of an ONNX type; nil for those that the engine cannot hold. bfloat16 becomes
  /// float32, the four-bit integers become eight-bit ones. (int64 and float64 are narrowed where tensors are made.)
  static func dataType(_ code: Int32) -> DataType? {
    switch code {
    case 1, bfloat16: return .float32
    case 2, uint4: return .uint8
    case 3, int4: return .int8
    case 4: return .uint16
    case 5: return .int16
    case 6: return .int32
    case 7: return .int64
    case 8: return .string
    case 9: return .bool
    case 10: return .float16
    case 11: return .float64
    case 12: return .uint32
    case 13: return .uint64
    default: return nil
    }
  }

  /// The type of values inside the graph: the engine computes float16 models in float32.
  static func held(_ type: DataType) -> DataType { type == .float16 ? .float32 : ModelBuilder.narrowed(type) }

  static let float16: Int32 = 10
  static let bfloat16: Int32 = 16
  static let uint4: Int32 = 21
  static let int4: Int32 = 22

  private static let names = [
    "undefined", "float", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16", "double", "uint32", "uint64",
    "complex64", "complex128", "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4", "int4", "float4e2m1",
    "float8e8m0", "uint2", "int2", "float6e2m3", "float6e3m2",
  ]
  static func name(_ code: Int32) -> String {
    code >= 0 && Int(code) < names.count ? names[Int(code)] : "element type \(code)"
  }

  /// The type, or an error that names what has it.
  static func dataType(_ code: Int32, of what: String) throws(EngineError) -> DataType {
    guard let type = dataType(code) else {
      throw EngineError(.notSupported, "\(what) has elements of type \(name(code)), which the engine cannot hold")
    }
    return type
  }
}

/// Keeps bytes of the parsed message alive for the constants that refer to them.
private final class MessageBytes {
  let data: Data
  init(_ data: Data) { self.data = data }
}

/// Makes constants of a model's tensors.
final class ONNXTensors {
  /// Folder of the model file, for tensors whose bytes lie in files beside it; nil when the model does not come from a file.
  let folder: String?
  private var files: [String: MappedFile] = [:]
  /// Short byte strings may live inside their `Data` value and have no address of their own.
  private static let inlineLimit = 64


  init(folder: String?) { self.folder = folder }

  /// The tensor as a constant of `graph`. Large values are not copied: the constant refers to the message's or the file's bytes.
  func constant(_ graph: GraphBuilder, _ proto: Onnx_TensorProto, name: String) throws(EngineError) -> Tensor {
    let type = try ElementType.dataType(proto.dataType, of: "tensor \"\(name)\"")
    let dims = try ONNXTensors.dims(proto.dims, of: name)
    guard let count = Shape(dims).checkedCount else {
      throw EngineError(.formatError, "tensor \"\(name)\" has the shape \(Shape(dims)), which is too large")
    }
    if type == .string { return try strings(graph, proto, name: name, dims: dims, count: count) }
    if proto.dataLocation == 1 {
      let (bytes, owner) = try external(proto, name: name)
      return try constant(graph, proto.dataType, type, name: name, dims: dims, count: count, bytes: bytes, owner: owner)
    }
    if proto.hasRawData {
      let owner = MessageBytes(proto.rawData)
      do {
        return try owner.data.withUnsafeBytes { bytes in
          let kept = bytes.count > ONNXTensors.inlineLimit ? owner : nil
          return try constant(graph, proto.dataType, type, name: name, dims: dims, count: count, bytes: bytes, owner: kept)
        }
      } catch let error as EngineError { throw error } catch { throw EngineError(.error, Message(text: "\(error)")) }
    }
    return try listed(graph, proto, type, name: name, dims: dims, count: count)
  }

  /// Dimensions of a tensor in the file, checked.
  static func dims(_ values: [Int64], of name: String) throws(EngineError) -> [Int] {
    guard values.count <= Shape.maximumRank else {
      throw EngineError(.notSupported, "tensor \"\(name)\" has rank \(values.count); at most \(Shape.maximumRank) is possible")
    }
    var dims = [Int]()
    for v in values {
      guard v >= 0 && v <= Int64(Int32.max) else {
        throw EngineError(.formatError, "tensor \"\(name)\" has the dimension \(v)")
      }
      dims.append(Int(v))
    }
    return dims
  }

  /// A constant of bytes as `raw_data` has them: little-endian, row-major, four-bit integers packed in pairs.
  private func constant(
    _ graph: GraphBuilder, _ code: Int32, _ type: DataType, name: String, dims: [Int], count: Int, bytes: UnsafeRawBufferPointer,
    owner: AnyObject?
  ) throws(EngineError) -> Tensor {
    let wanted: Int
    switch code {
    case ElementType.int4, ElementType.uint4: wanted = (count + 1) / 2
    case ElementType.bfloat16: wanted = 2 * count
    default: wanted = count * type.size
    }
    guard bytes.count == wanted else {
      throw EngineError(
        .formatError,
        "tensor \"\(name)\" has \(bytes.count) bytes, but \(ElementType.name(code)) \(Shape(dims)) needs \(wanted)")
    }
    let isFloat16 = code == ElementType.float16
    if !isFloat16 && code != ElementType.bfloat16 && code != ElementType.int4 && code != ElementType.uint4 {
      return try graph.constant(name, type, dims, bytes: bytes, owner: owner)
    }
    let type = ElementType.held(type)
    guard let buffer = Buffer(count: max(1, count * type.size)) else {
      throw EngineError(.outOfMemory, "no memory for tensor \"\(name)\"")
    }
    for i in 0..<(isFloat16 ? 0 : count) {
      if code == ElementType.bfloat16 {
        let value = UInt32(bytes.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)) << 16
        buffer.base.storeBytes(of: value, toByteOffset: 4 * i, as: UInt32.self)
      } else {
        let half = bytes[i / 2] >> (i % 2 == 0 ? 0 : 4) & 15
        buffer.base.storeBytes(of: code == ElementType.int4 && half > 7 ? half | 0xF0 : half, toByteOffset: i, as: UInt8.self)
      }
    }
    if isFloat16 {
      // The kernel wants aligned halves, which the message's bytes need not be.
      guard let halves = Buffer(count: max(1, bytes.count)) else { throw EngineError(.outOfMemory, "no memory for tensor \"\(name)\"") }
      if let source = bytes.baseAddress { halves.base.copyMemory(from: source, byteCount: bytes.count) }
      graph.model.kernels.pointee.f16_to_f32(
        halves.base.assumingMemoryBound(to: UInt16.self), buffer.base.assumingMemoryBound(to: Float.self), count)
    }
    return try graph.constant(
      name, type, dims, bytes: UnsafeRawBufferPointer(start: buffer.base, count: count * type.size), owner: buffer)
  }

  /// A constant of values that the file lists one by one.
  private func listed(
    _ graph: GraphBuilder, _ proto: Onnx_TensorProto, _ type: DataType, name: String, dims: [Int], count: Int
  ) throws(EngineError) -> Tensor {
    let code = proto.dataType
    let found: Int
    switch code {
    case 1: found = proto.floatData.count
    case 7: found = proto.int64Data.count
    case 11: found = proto.doubleData.count
    case 12, 13: found = proto.uint64Data.count
    default: found = proto.int32Data.count
    }
    let packed = code == ElementType.int4 || code == ElementType.uint4
    guard found == (packed ? (count + 1) / 2 : count) else {
      throw EngineError(
        .formatError, "tensor \"\(name)\" lists \(found) values, but \(ElementType.name(code)) \(Shape(dims)) has \(count) elements")
    }
    let unit = packed || type.size == 1 ? 1 : code == ElementType.bfloat16 ? 2 : type.size
    guard let buffer = Buffer(count: max(1, found * unit)) else { throw EngineError(.outOfMemory, "no memory for tensor \"\(name)\"") }
    let base = buffer.base
    switch code {
    case 1: for (i, v) in proto.floatData.enumerated() { base.storeBytes(of: v, toByteOffset: 4 * i, as: Float.self) }
    case 7: for (i, v) in proto.int64Data.enumerated() { base.storeBytes(of: v, toByteOffset: 8 * i, as: Int64.self) }
    case 11: for (i, v) in proto.doubleData.enumerated() { base.storeBytes(of: v, toByteOffset: 8 * i, as: Double.self) }
    case 12:
      for (i, v) in proto.uint64Data.enumerated() { base.storeBytes(of: UInt32(truncatingIfNeeded: v), toByteOffset: 4 * i, as: UInt32.self) }
    case 13: for (i, v) in proto.uint64Data.enumerated() { base.storeBytes(of: v, toByteOffset: 8 * i, as: UInt64.self) }
    default:
      for (i, v) in proto.int32Data.enumerated() {
        switch unit {
        case 1: base.storeBytes(of: UInt8(truncatingIfNeeded: v), toByteOffset: i, as: UInt8.self)
        case 2: base.storeBytes(of: UInt16(truncatingIfNeeded: v), toByteOffset: 2 * i, as: UInt16.self)
        default: base.storeBytes(of: v, toByteOffset: 4 * i, as: Int32.self)
        }
      }
    }
    let bytes = UnsafeRawBufferPointer(start: base, count: found * unit)
    return try constant(graph, code, type, name: name, dims: dims, count: count, bytes: bytes, owner: buffer)
  }

  /// A string constant as the `.ms` format stores strings: their number, the offset of each and of the end, and the bytes.
  private func strings(
    _ graph: GraphBuilder, _ proto: Onnx_TensorProto, name: String, dims: [Int], count: Int
  ) throws(EngineError) -> Tensor {
    throw EngineError(.notSupported, "tensor \"\(name)\" holds strings; the engine computes with numbers only")
  }

  /// A sparse tensor as a dense constant: `values` at `indices` (positions in the flattened tensor, or a row of coordinates for
  /// each value), zeros elsewhere.
  func dense(_ graph: GraphBuilder, _ proto: Onnx_SparseTensorProto, name: String) throws(EngineError) -> Tensor {
    let dims = try ONNXTensors.dims(proto.dims, of: name)
    let values = try constant(graph, proto.values, name: name)
    let positions = try graph.integers(try constant(graph, proto.indices, name: name + "/indices"), "the indices of \"\(name)\"")
    let n = values.count
    guard let count = Shape(dims).checkedCount, graph.model.budget.take(count * values.type.size) else {
      throw EngineError(.notSupported, "sparse tensor \"\(name)\" of \(n) values and the shape \(Shape(dims)) is too large to be held densely")
    }
    guard positions.count == n || positions.count == n * dims.count,
      let buffer = Buffer(count: max(1, count * values.type.size))
    else { throw EngineError(.formatError, "sparse tensor \"\(name)\": \(positions.count) indices for \(n) values of \(Shape(dims))") }
    let size = values.type.size
    buffer.base.initializeMemory(as: UInt8.self, repeating: 0, count: count * size)
    let strides = Shape(dims).strides
    for i in 0..<n {
      var position = positions.count == n ? positions[i] : 0
      if positions.count != n {
        for (axis, stride) in strides.enumerated() {
          let coordinate = positions[i * dims.count + axis]
          position = coordinate >= 0 && coordinate < dims[axis] && position >= 0 ? position + coordinate * stride : -1
        }
      }
      guard position >= 0 && position < count, let data = values.data else {
        throw EngineError(.formatError, "sparse tensor \"\(name)\": index \(i) lies outside \(Shape(dims))")
      }
      buffer.base.advanced(by: position * size).copyMemory(from: data.advanced(by: i * size), byteCount: size)
    }
    let bytes = UnsafeRawBufferPointer(start: buffer.base, count: count * size)
    return try graph.constant(name, values.type, dims, bytes: bytes, owner: buffer, isComputed: true)
  }

  // MARK: bytes in other files

  private func external(_ proto: Onnx_TensorProto, name: String) throws(EngineError) -> (UnsafeRawBufferPointer, AnyObject) {
    var location = ""
    var offset = 0
    var length: Int?
    for entry in proto.externalData {
      switch entry.key {
      case "location": location = entry.value
      case "offset": offset = try number(entry.value, "offset", name)
      case "length": length = try number(entry.value, "length", name)
      case "checksum": break
      default: throw EngineError(.formatError, "tensor \"\(name)\": external data has no key \"\(entry.key)\"")
      }
    }
    guard let folder else {
      throw EngineError(.notSupported, "tensor \"\(name)\" lies in the file \"\(location)\", but the model does not come from a file")
    }
    // A model may name files of its own folder only.
    let parts = location.split(separator: "/", omittingEmptySubsequences: false)
    guard !location.isEmpty, !location.hasPrefix("/"), !parts.contains("..") else {
      throw EngineError(.formatError, "tensor \"\(name)\": the external data's location \"\(location)\" is not a file of the model's folder")
    }
    let file: MappedFile
    if let known = files[location] {
      file = known
    } else {
      file = try InputFile.open(folder + "/" + location)
      files[location] = file
    }
    guard offset <= file.bytes.count else {
      throw EngineError(
        .formatError, "tensor \"\(name)\" starts at byte \(offset) of \"\(location)\", which has \(file.bytes.count) bytes")
    }
    let size = length ?? file.bytes.count - offset
    guard size <= file.bytes.count - offset else {
      throw EngineError(
        .formatError,
        "tensor \"\(name)\" has \(size) bytes from byte \(offset) of \"\(location)\", which has \(file.bytes.count) bytes")
    }
    return (UnsafeRawBufferPointer(rebasing: file.bytes[offset..<(offset + size)]), file)
  }

  private func number(_ text: String, _ key: String, _ name: String) throws(EngineError) -> Int {
    guard let value = Int(text), value >= 0 else {
      throw EngineError(.formatError, "tensor \"\(name)\": the external data's \(key) \"\(text)\" is not a number of bytes")
    }
    return value
  }
}
