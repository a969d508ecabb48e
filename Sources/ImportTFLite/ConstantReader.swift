import ConverterCore
import Graph
import System

/// Makes constants of the file's buffers: sparse ones are filled out, packed ones are unpacked, the others stay in place.
struct ConstantReader {
  private let file: TFLiteModel
  private let info: TFLiteTensor

  init(_ file: TFLiteModel, _ info: TFLiteTensor) {
    self.file = file
    self.info = info
  }

  func read(_ bytes: UnsafeRawBufferPointer, into graph: GraphBuilder) throws(EngineError) -> Tensor {
    guard let type = info.type.dataType else {
      throw EngineError(.notSupported, "constant \"\(info.name)\" has the type \(info.type.name)")
    }
    switch info.type {
    case .string: return try graph.constant(info.name, .string, [bytes.count], bytes: bytes, owner: file.owner)
    case .complex64:
      guard info.dims.count < Shape.maximumRank else {
        throw EngineError(.notSupported, "constant \"\(info.name)\" of complex numbers has \(info.dims.count) dimensions")
      }
      return try graph.constant(info.name, type, info.dims + [2], bytes: bytes, owner: file.owner)
    default: break
    }
    if info.sparsity.isPresent {
      let dense = try SparseTensor(info, valueSize: type.size, file: file).dense(bytes)
      return try graph.constant(info.name, type, info.dims, bytes: dense.prefix(dense.count), owner: dense)
    }
    switch info.type {
    case .int4, .uint4: return try unpacked(bytes, bits: 4, type, graph)
    case .int2: return try unpacked(bytes, bits: 2, type, graph)
    case .bfloat16: return try widened(bytes, graph)
    default: return try graph.constant(info.name, type, info.dims, bytes: bytes, owner: file.owner)
    }
  }

  private func elementCount(_ bytes: UnsafeRawBufferPointer, bits: Int) throws(EngineError) -> Int {
    guard let count = Shape(info.dims).checkedCount, (count * bits + 7) / 8 == bytes.count else {
      throw EngineError(
        .graphFileError, "constant \"\(info.name)\" has \(bytes.count) bytes, which \(info.type.name) \(Shape(info.dims)) does not need")
    }
    return count
  }

  private func buffer(_ count: Int) throws(EngineError) -> Buffer {
    guard let buffer = Buffer(count: max(1, count)) else {
      throw EngineError(.outOfMemory, "no memory for constant \"\(info.name)\"")
    }
    return buffer
  }

  /// Several values to a byte, the first one in the lowest bits.
  private func unpacked(
    _ bytes: UnsafeRawBufferPointer, bits: Int, _ type: DataType, _ graph: GraphBuilder
  ) throws(EngineError) -> Tensor {
    let count = try elementCount(bytes, bits: bits), result = try buffer(count), perByte = 8 / bits
    for i in 0..<count {
      let field = bytes[i / perByte] << UInt8(8 - bits - i % perByte * bits)
      let value = type == .int8 ? UInt8(bitPattern: Int8(bitPattern: field) >> Int8(8 - bits)) : field >> UInt8(8 - bits)
      result.base.storeBytes(of: value, toByteOffset: i, as: UInt8.self)
    }
    return try graph.constant(
      info.name, type, info.dims, bytes: UnsafeRawBufferPointer(start: result.base, count: count), owner: result)
  }

  private func widened(_ bytes: UnsafeRawBufferPointer, _ graph: GraphBuilder) throws(EngineError) -> Tensor {
    let count = try elementCount(bytes, bits: 16), result = try buffer(4 * count)
    for i in 0..<count {
      let half = bytes.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)
      result.base.storeBytes(of: UInt32(half) << 16, toByteOffset: 4 * i, as: UInt32.self)
    }
    return try graph.constant(
      info.name, .float32, info.dims, bytes: UnsafeRawBufferPointer(start: result.base, count: 4 * count), owner: result)
  }
}

extension Buffer {
  /// The first `count` bytes.
  func prefix(_ count: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }
}
