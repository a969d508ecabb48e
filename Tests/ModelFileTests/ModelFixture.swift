import FlatBuffers
import Graph
import ModelFile

/// Bytes at a chosen distance from a 64-byte boundary, in an allocation that ends where they end.
final class ModelBytes {
  private let memory: UnsafeMutableRawBufferPointer
  let bytes: UnsafeRawBufferPointer

  init(_ content: [UInt8], shift: Int = 0) {
    memory = .allocate(byteCount: max(content.count + shift, 1), alignment: 64)
    for i in 0..<content.count { memory[shift + i] = content[i] }
    bytes = UnsafeRawBufferPointer(rebasing: memory[shift..<shift + content.count])
  }
  deinit { memory.deallocate() }
}

func load(_ content: [UInt8], shift: Int = 0, copyConstants: Bool = false) throws(EngineError) -> ModelDescription {
  let owner = ModelBytes(content, shift: shift)
  return try ModelReader.read(owner.bytes, owner: owner, copyConstants: copyConstants)
}

/// The text of the refusal; "accepted" when there is none.
func refusal(_ content: [UInt8]) -> String {
  do {
    _ = try load(content)
    return "accepted"
  } catch { return error.message }
}

/// The texts name byte offsets, which tests of other things need not know: "at byte 123" becomes "at byte N".
func withoutOffsets(_ text: String) -> String {
  var out = ""
  var rest = Substring(text)
  while let range = rest.firstRange(of: "byte ") {
    out += rest[..<range.upperBound]
    rest = rest[range.upperBound...]
    let digits = rest.prefix { $0.isNumber }
    if !digits.isEmpty { out += "N" }
    rest = rest[digits.endIndex...]
  }
  return out + rest
}

// Tables of the schema, with the field ids written out.

func tensor(
  _ name: String?, dims: [Int32]? = [2], type: Int32 = 43, nodeType: Int32 = 2, data: [UInt8]? = nil, format: Int32 = 1,
  quant: [TableBuilder]? = nil
) -> TableBuilder {
  TableBuilder().set(0, .int32(nodeType)).set(1, .int32(type)).set(2, dims.map { .int32s($0) }).set(3, .int32(format))
    .set(6, data.map { .bytes($0, alignment: 4) }).set(7, quant.map { .tables($0) }).set(9, name.map { .string($0) })
}

func constant(
  _ name: String, dims: [Int32]?, type: Int32, data: [UInt8], quant: [TableBuilder]? = nil
) -> TableBuilder { tensor(name, dims: dims, type: type, nodeType: 0, data: data, quant: quant) }

func quantParam(scale: Double = 1, zero: Int32 = 0, bits: Int32 = 8, variance: Float = 1, mean: Float = 0) -> TableBuilder {
  TableBuilder().set(0, .float64(scale)).set(1, .int32(zero)).set(5, .int32(bits)).set(7, .float32(variance))
    .set(8, .float32(mean))
}

func node(
  _ name: String, kind: UInt8, attributes: TableBuilder = TableBuilder(), inputs: [UInt32], outputs: [UInt32],
  quantType: Int32 = 0
) -> TableBuilder {
  TableBuilder().set(0, .string(name)).set(2, .table(TableBuilder().set(0, .uint8(kind)).set(1, .table(attributes))))
    .set(3, .uint32s(inputs)).set(4, .uint32s(outputs)).set(5, .int32(quantType))
}

func subgraph(
  _ name: String = "main", inputs: [UInt32], outputs: [UInt32], nodes: [UInt32], tensors: [UInt32]
) -> TableBuilder {
  TableBuilder().set(0, .string(name)).set(1, .uint32s(inputs)).set(2, .uint32s(outputs)).set(3, .uint32s(nodes))
    .set(4, .uint32s(tensors))
}

/// The root table of a model whose only subgraph has everything; `subgraphs` replaces it.
func metaGraph(
  tensors: [TableBuilder], nodes: [TableBuilder], inputs: [UInt32] = [0], outputs: [UInt32] = [1],
  subgraphs: [TableBuilder]? = nil, version: String? = "MindSpore Lite 2.2.0"
) -> TableBuilder {
  let everything = subgraph(
    inputs: inputs, outputs: outputs, nodes: (0..<nodes.count).map { UInt32($0) },
    tensors: (0..<tensors.count).map { UInt32($0) })
  return TableBuilder().set(1, version.map { .string($0) }).set(3, .uint32s(inputs)).set(4, .uint32s(outputs))
    .set(6, .tables(nodes)).set(7, .tables(tensors)).set(8, .tables(subgraphs ?? [everything]))
}

func file(_ root: TableBuilder, identifier: StaticString = "MSL2") -> [UInt8] {
  FlatBufferWriter.write(root: root, identifier: identifier)!
}

/// x -> Abs -> y, both float32 [2]: tensors 0 and 1. What a test adds follows.
func model(
  adding tensors: [TableBuilder] = [], nodes: [TableBuilder] = [], version: String? = "MindSpore Lite 2.2.0"
) -> TableBuilder {
  metaGraph(
    tensors: [tensor("x"), tensor("y")] + tensors, nodes: [node("abs", kind: 1, inputs: [0], outputs: [1])] + nodes,
    version: version)
}

func littleEndian<T: FixedWidthInteger>(_ values: [T]) -> [UInt8] {
  values.flatMap { v in withUnsafeBytes(of: v.littleEndian) { Array($0) } }
}

extension Tensor {
  /// The elements of a constant.
  func values<T>(_ type: T.Type) -> [T] {
    guard let data else { return [] }
    return (0..<count).map { data.load(fromByteOffset: $0 * MemoryLayout<T>.stride, as: T.self) }
  }
}
