import FlatBuffers
import Graph

/// Element types by their number in the TFLite schema.
enum TFLiteType: Int {
  case float32 = 0, float16, int32, uint8, int64, string, bool, int16, complex64, int8, float64, complex128, uint64, resource
  case variant, uint32, uint16, int4, bfloat16, int2, uint4

  /// The engine's type of the values as they are stored once unpacked; nil for types it does not have.
  var dataType: DataType? {
    switch self {
    case .float32, .complex64: return .float32
    case .float16: return .float16
    case .int32: return .int32
    case .uint8, .uint4: return .uint8
    case .int64: return .int64
    case .string: return .string
    case .bool: return .bool
    case .int16: return .int16
    case .int8, .int4, .int2: return .int8
    case .float64: return .float64
    case .uint64: return .uint64
    case .uint32: return .uint32
    case .uint16: return .uint16
    case .bfloat16: return .float32
    case .complex128, .resource, .variant: return nil
    }
  }

  var name: String { "\(self)" }
}

/// Real = scale (q - zero point); one entry for the tensor, or one per index of `axis`.
struct TFLiteQuantization {
  var scales: [Float] = []
  var zeroPoints: [Int64] = []
  var axis = 0
}

/// A tensor's description.
struct TFLiteTensor {
  let name: String
  let type: TFLiteType
  /// Dimensions; -1 where the file leaves one open.
  let dims: [Int]
  /// The file leaves some dimension open.
  let isOpen: Bool
  let buffer: Int
  /// nil: not quantised.
  let quantization: TFLiteQuantization?
  /// State that the interpreter keeps between runs.
  let isVariable: Bool
  let sparsity: Record

  /// The values stand for real numbers in 8 or 16 bits.
  var isQuantised: Bool {
    quantization != nil && (type == .int8 || type == .uint8 || type == .int16 || type == .int4 || type == .int2)
  }
  /// The values are computed as int8.
  var isByteQuantised: Bool { isQuantised && type != .int16 }
}

/// One operation of a subgraph.
struct TFLiteOperator {
  let code: Int
  let customCode: String
  let version: Int
  /// Indices of tensors; -1 for an operand that is left out.
  let inputs: [Int]
  let outputs: [Int]
  let options: Record
  let options2: Record
  let customOptions: UnsafeRawBufferPointer?

  var name: String { code == TFLiteCodes.custom ? customCode : TFLiteCodes.name(code) }
}

/// One function of the model.
struct TFLiteSubgraph {
  let name: String
  let tensors: [TFLiteTensor]
  let inputs: [Int]
  let outputs: [Int]
  let operators: [TFLiteOperator]
}

/// A TFLite file: what its tables say, checked as far as indices go. Constants stay in the file's bytes.
final class TFLiteModel {
  private let bytes: UnsafeRawBufferPointer
  /// Keeps `bytes` alive.
  let owner: AnyObject?
  private let buffers: Records
  private let subgraphRecords: Records
  private let codes: [(code: Int, custom: String, version: Int)]
  /// Names of the callable functions and their subgraphs.
  let signatures: [(key: String, subgraph: Int)]
  private var read: [Int: TFLiteSubgraph] = [:]

  var subgraphCount: Int { subgraphRecords.count }

  /// Field ids: Model 0 version, 1 operator codes, 2 subgraphs, 4 buffers, 7 signatures; OperatorCode 0 code in 8 bits, 1 custom
  /// name, 2 version, 3 code; SignatureDef 2 key, 4 subgraph.
  init(_ bytes: UnsafeRawBufferPointer, owner: AnyObject?) throws(EngineError) {
    self.bytes = bytes
    self.owner = owner
    let buffer: FlatBuffer
    do throws(FlatBufferError) { buffer = try FlatBuffer.open(bytes) } catch { throw Record.malformed("not a TFLite file", error) }
    guard buffer.hasIdentifier("TFL3") else {
      throw EngineError(.graphFileError, "not a TFLite file: byte 4: expected the identifier TFL3")
    }
    let root = try Record.root(buffer)
    let version = try root.int(0)
    guard version == 3 else { throw EngineError(.graphFileError, "TFLite schema version \(version); version 3 is read") }
    let codeRecords = try root.records(1, "operator code")
    var codes = [(code: Int, custom: String, version: Int)]()
    for i in 0..<codeRecords.count {
      let record = try codeRecords.record(i)
      // Codes from 128 on are in the second field only; old files have only the first.
      codes.append((max(try record.byte(0), try record.int(3)), try record.string(1), try record.int(2, 1)))
    }
    self.codes = codes
    subgraphRecords = try root.records(2, "subgraph")
    buffers = try root.records(4, "buffer")
    let signatureRecords = try root.records(7, "signature")
    var signatures = [(key: String, subgraph: Int)]()
    for i in 0..<signatureRecords.count {
      let record = try signatureRecords.record(i)
      signatures.append((try record.string(2), try record.int(4)))
    }
    self.signatures = signatures
    guard subgraphRecords.count > 0 else { throw EngineError(.graphFileError, "the model has no subgraph") }
  }

  func subgraph(_ index: Int) throws(EngineError) -> TFLiteSubgraph {
    if let known = read[index] { return known }
    guard index >= 0 && index < subgraphRecords.count else {
      throw EngineError(.graphFileError, "subgraph \(index) is called; the model has \(subgraphRecords.count)")
    }
    let graph = try readSubgraph(try subgraphRecords.record(index), index)
    read[index] = graph
    return graph
  }

  /// Field ids: SubGraph 0 tensors, 1 inputs, 2 outputs, 3 operators, 4 name.
  private func readSubgraph(_ record: Record, _ index: Int) throws(EngineError) -> TFLiteSubgraph {
    let tensorRecords = try record.records(0, "tensor")
    var tensors = [TFLiteTensor]()
    for i in 0..<tensorRecords.count { tensors.append(try readTensor(try tensorRecords.record(i), i)) }
    let operatorRecords = try record.records(3, "operator")
    var operators = [TFLiteOperator]()
    for i in 0..<operatorRecords.count {
      operators.append(try readOperator(try operatorRecords.record(i), i, tensors.count))
    }
    let inputs = try record.ints(1) ?? [], outputs = try record.ints(2) ?? []
    for i in inputs + outputs where i < 0 || i >= tensors.count {
      throw EngineError(.graphFileError, "subgraph \(index): input or output tensor \(i); there are \(tensors.count) tensors")
    }
    return TFLiteSubgraph(
      name: try record.string(4), tensors: tensors, inputs: inputs, outputs: outputs, operators: operators)
  }

  /// Field ids: Tensor 0 shape, 1 type, 2 buffer, 3 name, 4 quantization, 5 is variable, 6 sparsity, 7 shape with -1.
  private func readTensor(_ record: Record, _ index: Int) throws(EngineError) -> TFLiteTensor {
    let written = try record.string(3)
    let name = written.isEmpty ? "tensor_\(index)" : written
    let number = try record.byte(1)
    guard let type = TFLiteType(rawValue: number) else {
      throw EngineError(.notSupported, "tensor \"\(name)\" has the type \(number), which is not known")
    }
    let dims = try record.ints(0) ?? []
    guard dims.count <= Shape.maximumRank else {
      throw EngineError(.notSupported, "tensor \"\(name)\" has \(dims.count) dimensions; \(Shape.maximumRank) are the limit")
    }
    for d in dims where d < -1 { throw EngineError(.graphFileError, "tensor \"\(name)\" has the shape \(Shape(dims))") }
    let signature = try record.ints(7) ?? []
    return TFLiteTensor(
      name: name, type: type, dims: dims, isOpen: signature.contains(-1) || dims.contains(-1), buffer: try record.int(2),
      quantization: try readQuantization(try record.record(4, "quantization"), name, dims), isVariable: try record.bool(5),
      sparsity: try record.record(6, "sparsity"))
  }

  /// Field ids: QuantizationParameters 2 scale, 3 zero point, 4 kind of details, 6 axis.
  private func readQuantization(_ record: Record, _ name: String, _ dims: [Int]) throws(EngineError) -> TFLiteQuantization? {
    let scales = try record.floats(2) ?? []
    if try record.unsignedByte(4) != 0 {
      throw EngineError(.notSupported, "tensor \"\(name)\" is quantised in blocks; one scale, or one per channel, is accepted")
    }
    if scales.isEmpty { return nil }
    let zeros = try record.int64s(3) ?? []
    let axis = try record.int(6)
    guard zeros.isEmpty || zeros.count == 1 || zeros.count == scales.count else {
      throw EngineError(.graphFileError, "tensor \"\(name)\" has \(scales.count) scales and \(zeros.count) zero points")
    }
    guard scales.count == 1 || axis >= 0 && axis < dims.count && dims[axis] == scales.count else {
      throw EngineError(
        .graphFileError, "tensor \"\(name)\" of shape \(Shape(dims)) has \(scales.count) scales along axis \(axis)")
    }
    for s in scales where !(s >= 0 && s < .infinity) {
      throw EngineError(.graphFileError, "tensor \"\(name)\" has a scale that is no positive number")
    }
    if scales == [0] { return nil }
    return TFLiteQuantization(scales: scales, zeroPoints: zeros.isEmpty ? [0] : zeros, axis: axis)
  }

  /// Field ids: Operator 0 code's index, 1 inputs, 2 outputs, 4 options, 5 custom options, 9 and 10 offset and size of custom
  /// options behind the FlatBuffer, 12 options of newer operators.
  private func readOperator(_ record: Record, _ index: Int, _ tensorCount: Int) throws(EngineError) -> TFLiteOperator {
    let codeIndex = try record.int(0)
    guard codeIndex >= 0 && codeIndex < codes.count else {
      throw EngineError(.graphFileError, "operator \(index) has the code number \(codeIndex); there are \(codes.count) codes")
    }
    let code = codes[codeIndex]
    let inputs = try record.ints(1) ?? [], outputs = try record.ints(2) ?? []
    for t in inputs where t < -1 || t >= tensorCount {
      throw EngineError(.graphFileError, "operator \(index) reads tensor \(t); there are \(tensorCount) tensors")
    }
    for t in outputs where t < 0 || t >= tensorCount {
      throw EngineError(.graphFileError, "operator \(index) writes tensor \(t); there are \(tensorCount) tensors")
    }
    var custom = try record.bytes(5)
    let offset = try record.int64(9), size = try record.int64(10)
    if offset > 1 { custom = try part(offset, size, "custom options of operator \(index)") }
    return TFLiteOperator(
      code: code.code, customCode: code.custom, version: code.version, inputs: inputs, outputs: outputs,
      options: try record.record(4, "options"), options2: try record.record(12, "options"), customOptions: custom)
  }

  /// The contents of buffer `index`; nil when it is empty, that is for tensors that are computed. Field ids: Buffer 0 data, 1 and 2
  /// offset and size of data that lie behind the FlatBuffer (an offset of 0 or 1 means none).
  func contents(_ index: Int) throws(EngineError) -> UnsafeRawBufferPointer? {
    if index == 0 && buffers.count == 0 { return nil }
    guard index >= 0 && index < buffers.count else {
      throw EngineError(.graphFileError, "buffer \(index) is used; the model has \(buffers.count)")
    }
    let record = try buffers.record(index)
    let offset = try record.int64(1), size = try record.int64(2)
    if offset > 1 { return try part(offset, size, "buffer \(index)") }
    guard let data = try record.bytes(0), data.count > 0 else { return nil }
    return data
  }

  /// The unsigned numbers of 1 or 2 bytes that a vector at `place` holds.
  func smallNumbers(at place: (offset: Int, count: Int)?, size: Int, _ what: String) throws(EngineError) -> [Int] {
    guard let place else { return [] }
    let raw = try part(Int64(place.offset), Int64(place.count) * Int64(size), what)
    return (0..<place.count).map {
      size == 1 ? Int(raw[$0]) : Int(UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)))
    }
  }

  private func part(_ offset: Int64, _ size: Int64, _ what: String) throws(EngineError) -> UnsafeRawBufferPointer {
    guard size >= 0, offset <= Int64(bytes.count), size <= Int64(bytes.count) - offset else {
      throw EngineError(
        .graphFileError, "\(what): \(size) bytes at \(offset) do not lie inside the file's \(bytes.count) bytes")
    }
    return UnsafeRawBufferPointer(rebasing: bytes[Int(offset)..<Int(offset + size)])
  }
}
