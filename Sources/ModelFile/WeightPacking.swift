import FlatBuffers
import Graph

/// How a constant's bytes are packed in the file.
enum WeightPacking {
  /// As they are.
  case none
  /// ``BitPacking``.
  case bits(Int)
  /// ``IndexedWeights`` of so many bits.
  case indexing(Int)
  case sparse(Int)
  case huffman
  /// ``FSEWeights`` of the tensor's integer type, or of float32.
  case fse(DataType)

  /// The packing of a tensor; throws when it says something that cannot be.
  init(_ record: TensorRecord, _ type: DataType) throws(EngineError) {
    switch record.compression {
    case 1: self = .indexing(try WeightPacking.integerBits(record, type))
    case 2: self = .sparse(try WeightPacking.integerBits(record, type))
    case 3, 6:
      self = .fse(.float32)
    case 5:
      if type != .int8 && type != .int16 {
        throw EngineError(.error, "FSE of integers with the data type \(type.name); expected int8 or int16")
      }
      self = .fse(type)
    case 0, 4:
      if record.isHuffman {
        if type != .int8 { throw EngineError(.error, "Huffman codes with the data type \(type.name); expected int8") }
        self = .huffman
      } else if let bits = BitPacking.bits(type, record.quantParams) {
        self = .bits(bits)
      } else {
        self = .none
      }
    default:
      throw EngineError(.error, "weight compression \(record.compression) is none of 0...6")
    }
  }

  /// The width of indexed values, which the quantisation parameters say.
  private static func integerBits(_ record: TensorRecord, _ type: DataType) throws(EngineError) -> Int {
    guard let first = record.quantParams.first else {
      throw EngineError(.error, "indexed weights without quantisation parameters, which say their number of bits")
    }
    let bits = Int(first.bits)
    if !(type == .int8 && bits >= 1 && bits <= 8) && !(type == .int16 && bits >= 1 && bits <= 16) {
      throw EngineError(.error, "indexed weights of \(bits) bits as \(type.name); expected 1...8 as int8 or 1...16 as int16")
    }
    return bits
  }

  /// Bytes that the file must be charged for a constant of `byteCount` bytes unpacked from `data`: a few bytes can stand for
  /// very many elements, and a table takes its time however short the payload is.
  func cost(_ data: Bytes, _ byteCount: Int) -> Int {
    let payload = max(data.content.count, byteCount / 64)
    if case .fse = self { return max(payload, FSEWeights.tableSize(data) / 4) }
    return payload
  }

  /// Writes all elements to `out`. (For bit packing the caller has checked the payload's length.)
  func decode(_ data: Bytes, _ record: TensorRecord, into out: ElementSink) throws(FlatBufferError) {
    switch self {
    case .none: break
    case .bits(let bits): BitPacking.unpack(data.content, bits: bits, count: out.count, into: out)
    case .indexing(let bits): try IndexedWeights.decode(data, bits: bits, into: out)
    case .sparse(let bits):
      var zeroPoints = [Int32]()
      for p in record.quantParams { zeroPoints.append(p.zeroPoint) }
      try IndexedWeights.decodeSparse(data, bits: bits, zeroPoints: zeroPoints, into: out)
    case .huffman: try HuffmanWeights.decode(data, into: out)
    case .fse: try FSEWeights.decode(data, into: out)
    }
  }
}
