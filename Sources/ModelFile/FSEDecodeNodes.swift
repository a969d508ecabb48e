import FlatBuffers
import Graph
import System

/// Custom nodes of type FSEDecode: they unpack a weight when the model runs. What they make depends on constants only, so it is
/// made while the model is read, and the nodes are gone.
///
/// Inputs: 0 full 64-bit words of the bit string (any type), 1 bases (uint16), 2 bit counts (uint8) and 3 symbols (uint16) of the
/// states, 4 values of the symbols (float32), 5 shape of the result (int32), 6 restart points (uint64). Attributes by name, as
/// little-endian or decimal numbers: curr_chunk (the last word), curr_chunk_index (of the last full word), curr_bit_count (bits in
/// the last word), table_log.
enum FSEDecodeNodes {
  static func decode(_ model: inout ModelRecord, _ tensors: [Tensor], _ file: FlatBuffer) throws(EngineError) {
    var isDone = [Bool](repeating: false, count: model.nodes.count)
    var any = false
    for i in 0..<model.nodes.count where isFSEDecode(model.nodes[i]) {
      do throws(EngineError) {
        try decode(model.nodes[i], tensors, file)
      } catch { throw error.adding(ModelChecks.text(model.nodes[i], i)) }
      isDone[i] = true
      any = true
    }
    if !any { return }
    for s in 0..<model.subgraphs.count {
      // Numbers out of range are for the assembler to refuse.
      model.subgraphs[s].nodes.removeAll { Int($0) < isDone.count && isDone[Int($0)] }
    }
  }

  private static func isFSEDecode(_ node: NodeRecord) -> Bool {
    guard node.kind == .custom, case .string(let type) = node.attributes[0] else { return false }
    return FileIdentification.hasPrefix(type, "FSEDecode") && type.utf8.count == 9
  }

  private static func decode(_ node: NodeRecord, _ tensors: [Tensor], _ file: FlatBuffer) throws(EngineError) {
    guard node.inputs.count == 7, node.outputs.count == 1 else {
      throw EngineError(.error, "\(node.inputs.count) inputs and \(node.outputs.count) outputs; expected 7 and 1")
    }
    var inputs = [Tensor]()
    for index in node.inputs { inputs.append(tensors[Int(index)]) }
    for tensor in inputs where !tensor.isConstant || tensor.data == nil {
      throw EngineError(.notSupported, "its input \(tensor) must be a constant")
    }
    let types: [DataType?] = [nil, .uint16, .uint8, .uint16, .float32, .int32, .uint64]
    for i in 0..<7 {
      if let type = types[i], inputs[i].type != type {
        throw EngineError(.error, "input \(i) \(inputs[i]) must be \(type.name)")
      }
    }
    guard
      let fse = FSE(
        symbols: halves(inputs[3]), bitCounts: bytes(inputs[2]), bases: halves(inputs[1]), symbolCount: inputs[4].count)
    else {
      throw EngineError(
        .error, "the tables \(inputs[1]), \(inputs[2]) and \(inputs[3]) do not fit each other and the values \(inputs[4])")
    }
    let output = tensors[Int(node.outputs[0])]
    guard let dims = inputs[5].knownIntegers(limit: Shape.maximumRank), dims.allSatisfy({ $0 > 0 }),
      let count = Shape(dims).checkedCount, count <= TensorLoader.maximumCount
    else { throw EngineError(.error, "input 5 \(inputs[5]) is not the shape of a constant") }
    if output.isConstant { throw EngineError(.error, "its output \(output) is a constant") }
    do throws(FlatBufferError) {
      try file.charge(max(inputs[0].byteCount, count / 16), at: node.position)
    } catch { throw EngineError(.error, "\(error.text)") }
    guard let buffer = Buffer(count: 4 * count) else {
      throw EngineError(.outOfMemory, "no memory for the \(4 * count) bytes of its output")
    }
    try decode(node, inputs, fse, ElementSink(base: buffer.base, type: .float32, count: count))
    output.type = .float32
    output.shape = Shape(dims)
    output.setConstant(buffer.base, owner: buffer)
  }

  private static func decode(
    _ node: NodeRecord, _ inputs: [Tensor], _ fse: FSE, _ out: ElementSink
  ) throws(EngineError) {
    let words = inputs[0].byteCount / 8
    let wholeBits = 64 * words
    guard let last = number(node, "curr_chunk"), let lastBits = number(node, "curr_bit_count"), lastBits <= 64 else {
      throw EngineError(.error, "its attributes curr_chunk and curr_bit_count are missing or not a 64-bit word and a count of its bits")
    }
    let bytes = UnsafeRawBufferPointer(start: inputs[0].data, count: 8 * words)
    guard let values = UnsafeRawPointer(inputs[4].data) else { return }
    var stream = FSE.Stream(words: bytes, last: last, position: wholeBits + Int(lastBits))
    let restarts = inputs[6].count
    if restarts == 0 {
      let log = number(node, "table_log") ?? 0
      guard log <= 16, 1 << Int(log) == fse.symbols.count, let state = stream.take(Int(log)),
        fse.decode(&stream, state: state, 0..<out.count, values, into: out)
      else { throw EngineError(.error, "the bits of \(inputs[0]) end before all elements are there") }
      return
    }
    let end = stream.position
    for j in 0..<restarts {
      let point = inputs[6].data.unsafelyUnwrapped.loadUnaligned(fromByteOffset: 8 * j, as: UInt64.self)
      // Words before the one that the point lies in: its index counts from -1.
      let full = Int(Int32(truncatingIfNeeded: point >> 32)) + 1
      let state = Int((point >> 16) & 0xFFFF)
      let position = full * 64 + Int(point & 0xFFFF)
      if full < 0 || position > end || state >= fse.symbols.count {
        throw EngineError(.error, "restart point \(j) of \(inputs[6]) lies outside of the bits or the tables")
      }
      stream.position = position
      let part = out.count * j / restarts..<out.count * (j + 1) / restarts
      guard fse.decode(&stream, state: state, part, values, into: out) else {
        throw EngineError(.error, "the bits of \(inputs[0]) end before all elements are there")
      }
    }
  }

  /// A named attribute: eight or four bytes of a number, or its decimal digits.
  private static func number(_ node: NodeRecord, _ name: StaticString) -> UInt64? {
    guard case .named(let list) = node.attributes[1] else { return nil }
    for entry in list where FileIdentification.hasPrefix(entry.name, name) && entry.name.utf8.count == name.utf8CodeUnitCount {
      let bytes = entry.bytes
      var areDigits = !bytes.isEmpty
      for byte in bytes where byte < 48 || byte > 57 { areDigits = false }
      var value: UInt64 = 0
      if areDigits {
        for byte in bytes {
          let (product, overflow) = value.multipliedReportingOverflow(by: 10)
          let (sum, carry) = product.addingReportingOverflow(UInt64(byte) - 48)
          if overflow || carry { return nil }
          value = sum
        }
        return value
      }
      if bytes.count != 4 && bytes.count != 8 { return nil }
      for i in 0..<bytes.count { value |= UInt64(bytes[i]) << UInt64(8 * i) }
      return value
    }
    return nil
  }

  private static func halves(_ tensor: Tensor) -> [UInt16] {
    var out = [UInt16]()
    guard let data = tensor.data else { return out }
    for i in 0..<tensor.count { out.append(data.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)) }
    return out
  }

  private static func bytes(_ tensor: Tensor) -> [UInt8] {
    guard let data = tensor.data else { return [] }
    return [UInt8](UnsafeRawBufferPointer(start: data, count: tensor.count))
  }
}
