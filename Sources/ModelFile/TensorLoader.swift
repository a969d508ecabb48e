import FlatBuffers
import Graph
import System

/// Makes graph tensors of the records of a file: checks type, format and shape, and binds constants to their bytes.
struct TensorLoader {
  let file: FlatBuffer
  let owner: AnyObject?
  let copyConstants: Bool
  /// Finds what lies in other files.
  let external: ExternalWeights

  /// Constants and inputs with more elements than this are refused: such sizes come from broken files, and 32-bit element
  /// counts occur in kernels.
  static let maximumCount = Int(Int32.max)

  /// `isInput`, `isOutput`: listed as such by the model.
  func load(_ record: TensorRecord, _ index: Int, isInput: Bool, isOutput: Bool) throws(EngineError) -> Tensor {
    // 59 is the end of the types in the newest schema; the types that the engine cannot store stay unknown until an
    // operator asks.
    guard record.dataType > 0 && record.dataType < 59 else {
      throw refuse(record, index, "data type \(record.dataType) is none of 1...58")
    }
    guard let format = Format(rawValue: record.format) else {
      throw refuse(record, index, "format \(record.format) is none of 0...13 and 15...18")
    }
    let type = DataType(typeID: record.dataType) ?? .unknown
    let tensor = Tensor(name: record.name, type: type, shape: try shape(record, index, isInput: isInput), format: format)
    tensor.quantParams = record.quantParams

    if let source = try source(record, index) {
      if isInput && type != .tensorList { throw refuse(record, index, "an input of the graph must not have data") }
      if record.nodeType != 0 && !isOutput && type != .tensorList {
        throw refuse(record, index, "node type \(record.nodeType) is a variable, but it has data")
      }
      try loadConstant(tensor, source, record, index)
    } else if type == .tensorList {
      throw refuse(record, index, "a tensor list without the data that describes it")
    } else if isInput && type != .string && (type == .unknown || type.size == 0) {
      throw refuse(record, index, "a graph input of data type \(record.dataType); numbers and strings are supported")
    }
    return tensor
  }

  private func refuse(_ record: TensorRecord, _ index: Int, _ reason: Message) -> EngineError {
    EngineError(.error, "\(record.text(index)): \(reason.text)")
  }

  private func shape(_ record: TensorRecord, _ index: Int, isInput: Bool) throws(EngineError) -> Shape {
    if record.dims.count > Shape.maximumRank {
      if isInput || record.hasData {
        throw refuse(record, index, "\(record.dims.count) dimensions; at most \(Shape.maximumRank) are supported")
      }
      return Shape()  // the shape of an intermediate tensor is inferred anyway
    }
    var dims = [Int]()
    dims.reserveCapacity(record.dims.count)
    var count = 1
    for d in record.dims {
      if d < -1 { throw refuse(record, index, "dimension \(d); expected a size, or -1 for one that is not known yet") }
      dims.append(Int(d))
      // Both factors are below 2^31 here, which a 64-bit product holds; on 32-bit machines the overflow says it.
      let (product, overflow) = count.multipliedReportingOverflow(by: d < 0 ? 1 : Int(d))
      if overflow || product > TensorLoader.maximumCount {
        if isInput || record.hasData {
          throw refuse(record, index, "its dimensions multiply to more than \(TensorLoader.maximumCount) elements")
        }
        count = 1
      } else {
        count = product
      }
    }
    return Shape(dims)
  }

  /// A constant's bytes and who keeps them; nobody does for those of a model that is gone after the call.
  private struct Source {
    let data: Bytes
    let owner: AnyObject?
    let isKept: Bool
  }

  private func source(_ record: TensorRecord, _ index: Int) throws(EngineError) -> Source? {
    if let data = record.data {
      if let own = record.owner { return Source(data: data, owner: own, isKept: true) }
      return Source(data: data, owner: owner, isKept: !copyConstants)
    }
    guard let range = record.external else { return nil }
    do throws(EngineError) {
      guard let (data, file) = try external.bytes(range, payingFor: self.file) else { return nil }
      return Source(data: data, owner: file, isKept: true)
    } catch { throw error.adding(record.text(index)) }
  }

  private func loadConstant(
    _ tensor: Tensor, _ source: Source, _ record: TensorRecord, _ index: Int
  ) throws(EngineError) {
    let data = source.data
    switch tensor.type {
    case .tensorList:
      let list = try decodeTensorList(data.content, record, index)
      // Variables have a description too: of the list that the converter expected.
      if record.nodeType == 0 {
        tensor.setConstant(UnsafeRawPointer(bitPattern: 64).unsafelyUnwrapped, owner: nil)
        tensor.list = list
      }
      return
    case .string:
      tensor.shape = Shape([data.content.count])
      try bind(tensor, source, data.content.count, alignment: 1, record, index)
      return
    case .unknown:
      throw refuse(record, index, "a constant of data type \(record.dataType); stored numbers and strings are supported")
    default: break
    }
    switch tensor.format {
    case .nhwc4, .nc4hw4, .nc8hw8:
      throw refuse(record, index, "a constant in a format (\(record.format)) that pads channels; expected a plain one")
    default: break
    }
    for d in tensor.shape.dims where d <= 0 {
      throw refuse(record, index, "a constant with data but with dimensions \(tensor.shape)")
    }
    let packing: WeightPacking
    do throws(EngineError) {
      packing = try WeightPacking(record, tensor.type)
    } catch { throw error.adding(record.text(index)) }
    let count = tensor.shape.count
    var needed = Int64(0)
    var width = ""
    switch packing {
    case .none: needed = Int64(count) * Int64(tensor.type.size)
    case .bits(let bits):
      needed = BitPacking.byteCount(bits: bits, count: count)
      width = " of \(bits) bits"
    case .fse(let type): tensor.type = type
    case .indexing, .sparse, .huffman: break
    }
    if Int64(data.content.count) < needed {
      throw refuse(
        record, index, "\(data.content.count) bytes of data; \(tensor.type.name) \(tensor.shape)\(width) needs \(needed)")
    }
    if case .none = packing {
      try bind(tensor, source, Int(needed), alignment: tensor.type.size, record, index)
      return
    }
    let byteCount = count * tensor.type.size
    let unpacked = try expand(byteCount, packing.cost(data, byteCount), data, record, index)
    do throws(FlatBufferError) {
      try packing.decode(data, record, into: ElementSink(base: unpacked.base, type: tensor.type, count: count))
    } catch { throw refuse(record, index, "\(error.text)") }
    tensor.setConstant(unpacked.base, owner: unpacked)
  }

  /// Points the tensor at the first `byteCount` bytes of its data, or at a copy of them.
  private func bind(
    _ tensor: Tensor, _ source: Source, _ byteCount: Int, alignment: Int, _ record: TensorRecord, _ index: Int
  ) throws(EngineError) {
    guard let base = source.data.content.baseAddress else { throw refuse(record, index, "no data") }
    if source.isKept && UInt(bitPattern: base) % UInt(alignment) == 0 {
      tensor.setConstant(base, owner: source.owner)
      return
    }
    let copy = try expand(byteCount, source.data.content.count, source.data, record, index)
    copy.base.copyMemory(from: base, byteCount: byteCount)
    tensor.setConstant(copy.base, owner: copy)
  }

  /// Memory for what becomes of `data`. Its cost is charged, so that many tensors that share one payload cannot fill the memory.
  private func expand(
    _ byteCount: Int, _ cost: Int, _ data: Bytes, _ record: TensorRecord, _ index: Int
  ) throws(EngineError) -> Buffer {
    do throws(FlatBufferError) {
      try file.charge(cost, at: data.offset)
    } catch { throw refuse(record, index, "\(error.text)") }
    guard let buffer = Buffer(count: byteCount) else {
      throw EngineError(.outOfMemory, "\(record.text(index)): no memory for \(byteCount) bytes")
    }
    return buffer
  }

  /// A tensor list is described by 32-bit words: element type, rank R, R dimensions, count, then rank and dimensions of each
  /// tensor. None of them has a value.
  private func decodeTensorList(
    _ data: UnsafeRawBufferPointer, _ record: TensorRecord, _ index: Int
  ) throws(EngineError) -> TensorListValue {
    let words = data.count / 4
    var next = 0
    var ended = false
    func read() -> Int {
      if next >= words {
        ended = true
        return 0
      }
      next += 1
      return Int(Int32(littleEndian: data.loadUnaligned(fromByteOffset: 4 * (next - 1), as: Int32.self)))
    }
    func readShape() -> [Int] {
      let rank = read()
      if rank < 0 || rank > Shape.maximumRank || rank > words - next { ended = true }
      var dims = [Int]()
      while !ended && dims.count < rank { dims.append(read()) }
      return dims
    }
    let type = DataType(typeID: Int32(truncatingIfNeeded: read())) ?? .unknown
    let shape = readShape()
    let count = read()
    var left = count
    while left > 0 && !ended {
      _ = readShape()
      left -= 1
    }
    if ended { throw refuse(record, index, "a tensor list whose description ends too early or has a wrong rank") }
    // A list of which nothing is known is described like one of scalars.
    let isKnown = type != .unknown || !shape.isEmpty || count >= 0
    return TensorListValue(
      elementType: type, elementShape: ElementShape(isKnown ? shape : nil),
      items: [TensorListItem?](repeating: nil, count: max(count, 0)))
  }
}
