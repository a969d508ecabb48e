import ConverterCore
import Foundation
import Graph
import System

/// Keeps bytes of the parsed message alive for the constants that refer to them.
private final class MessageBytes {
  let data: Data
  init(_ data: Data) { self.data = data }
}

/// Makes constants of a model's tensors.
final class TensorReader {
  /// Bytes that repeated values may still be expanded to beyond what the file holds.
  private var expansion = 1 << 29
  /// Short byte strings may live inside their `Data` value and have no address of their own.
  private static let inlineLimit = 64

  /// The tensor as a constant of `graph`. Large values are not copied: the constant refers to the message's bytes. Lists shorter
  /// than the tensor repeat their last value.
  func constant(_ graph: GraphBuilder, _ proto: Tensorflow_TensorProto, name: String) throws(EngineError) -> Tensor {
    let type = try ElementTypes.required(proto.dtype, "constant \"\(name)\"")
    guard let dims = try proto.tensorShape.dims("constant \"\(name)\""), let count = Shape(dims).checkedCount else {
      throw EngineError(.formatError, "constant \"\(name)\" has no possible shape")
    }
    if type == .string { return try strings(graph, proto, name: name, dims: dims, count: count) }
    if !proto.tensorContent.isEmpty {
      let owner = MessageBytes(proto.tensorContent)
      do {
        return try owner.data.withUnsafeBytes { bytes in
          if proto.dtype == .dtBfloat16 { return try widened(graph, bytes, name: name, dims: dims, count: count) }
          return try graph.constant(name, type, dims, bytes: bytes, owner: bytes.count > TensorReader.inlineLimit ? owner : nil)
        }
      } catch let error as EngineError { throw error } catch { throw EngineError(.error, Message(text: "\(error)")) }
    }
    return try listed(graph, proto, type, name: name, dims: dims, count: count)
  }

  /// bfloat16 values as float32.
  private func widened(
    _ graph: GraphBuilder, _ bytes: UnsafeRawBufferPointer, name: String, dims: [Int], count: Int
  ) throws(EngineError) -> Tensor {
    guard bytes.count == 2 * count else {
      throw EngineError(.formatError, "constant \"\(name)\" has \(bytes.count) bytes, but bfloat16 \(Shape(dims)) needs \(2 * count)")
    }
    return try filled(graph, .float32, name: name, dims: dims, count: count) { target, i in
      let bits = UInt32(bytes.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)) << 16
      target.storeBytes(of: bits, toByteOffset: 4 * i, as: UInt32.self)
    }
  }

  private func filled(
    _ graph: GraphBuilder, _ type: DataType, name: String, dims: [Int], count: Int, _ store: (UnsafeMutableRawPointer, Int) -> Void
  ) throws(EngineError) -> Tensor {
    let size = count * type.size
    guard size <= expansion else {
      throw EngineError(.outOfMemory, "constant \"\(name)\" \(Shape(dims)) would need \(size) bytes that the file does not hold")
    }
    if size > 1 << 16 { expansion -= size }
    guard let buffer = Buffer(count: max(1, size)) else { throw EngineError(.outOfMemory, "no memory for constant \"\(name)\"") }
    for i in 0..<count { store(buffer.base, i) }
    return try graph.constant(name, type, dims, bytes: UnsafeRawBufferPointer(start: buffer.base, count: size), owner: buffer)
  }

  /// A constant of values that the file lists one by one; none at all means zeros.
  private func listed(
    _ graph: GraphBuilder, _ proto: Tensorflow_TensorProto, _ type: DataType, name: String, dims: [Int], count: Int
  ) throws(EngineError) -> Tensor {
    func values<T, U: BitwiseCopyable>(_ list: [T], _ convert: (T) -> U) throws(EngineError) -> Tensor {
      guard list.count <= count else {
        throw EngineError(
          .formatError, "constant \"\(name)\" lists \(list.count) values, but its shape \(Shape(dims)) has \(count) elements")
      }
      let stride = MemoryLayout<U>.stride
      let last = list.last.map(convert)
      return try filled(graph, type, name: name, dims: dims, count: count) { target, i in
        if i < list.count {
          target.storeBytes(of: convert(list[i]), toByteOffset: stride * i, as: U.self)
        } else if let last {
          target.storeBytes(of: last, toByteOffset: stride * i, as: U.self)
        } else {
          for byte in 0..<stride { target.storeBytes(of: 0, toByteOffset: stride * i + byte, as: UInt8.self) }
        }
      }
    }
    if proto.dtype == .dtBfloat16 { return try values(proto.halfVal) { UInt32(truncatingIfNeeded: $0) << 16 } }
    switch type {
    case .float32: return try values(proto.floatVal) { $0 }
    case .float64: return try values(proto.doubleVal) { $0 }
    case .float16: return try values(proto.halfVal) { UInt16(truncatingIfNeeded: $0) }
    case .int8, .uint8: return try values(proto.intVal) { UInt8(truncatingIfNeeded: $0) }
    case .int16, .uint16: return try values(proto.intVal) { UInt16(truncatingIfNeeded: $0) }
    case .int32: return try values(proto.intVal) { $0 }
    case .int64: return try values(proto.int64Val) { $0 }
    case .uint32: return try values(proto.uint32Val) { $0 }
    case .uint64: return try values(proto.uint64Val) { $0 }
    case .bool: return try values(proto.boolVal) { $0 ? UInt8(1) : 0 }
    default: throw EngineError(.notSupported, "constant \"\(name)\" has elements of type \(type.name)")
    }
  }

  /// Strings in the format's form: their number, where each begins and the last one ends, and the bytes.
  private func strings(
    _ graph: GraphBuilder, _ proto: Tensorflow_TensorProto, name: String, dims: [Int], count: Int
  ) throws(EngineError) -> Tensor {
    let list = proto.stringVal
    guard list.count == count || (list.count == 1 && count < 1 << 16) else {
      throw EngineError(.formatError, "constant \"\(name)\" lists \(list.count) strings, but its shape is \(Shape(dims))")
    }
    let texts = (0..<count).map { list[min($0, list.count - 1)] }
    let length = texts.reduce(0) { $0 + $1.count } + 4 * (count + 2)
    guard length < Int(Int32.max), let buffer = Buffer(count: length) else {
      throw EngineError(.outOfMemory, "no memory for constant \"\(name)\"")
    }
    buffer.base.storeBytes(of: Int32(count), as: Int32.self)
    var offset = 4 * (count + 2)
    for (i, text) in texts.enumerated() {
      buffer.base.storeBytes(of: Int32(offset), toByteOffset: 4 * (i + 1), as: Int32.self)
      for (k, byte) in text.enumerated() { buffer.base.storeBytes(of: byte, toByteOffset: offset + k, as: UInt8.self) }
      offset += text.count
    }
    buffer.base.storeBytes(of: Int32(offset), toByteOffset: 4 * (count + 1), as: Int32.self)
    return try graph.constant(name, .string, [length], bytes: UnsafeRawBufferPointer(start: buffer.base, count: length), owner: buffer)
  }
}
