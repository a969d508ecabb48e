import FlatBuffers
import Graph

// What a file says, table by table, before anything is checked but the bytes themselves.

struct ModelRecord {
  var version: String
  var inputs: [UInt32]
  var outputs: [UInt32]
  var nodes: [NodeRecord]
  var tensors: [TensorRecord]
  var subgraphs: [SubgraphRecord]
}

struct SubgraphRecord {
  var name: String
  var inputs: [UInt32]
  var outputs: [UInt32]
  var nodes: [UInt32]
  var tensors: [UInt32]

  init(name: String, inputs: [UInt32], outputs: [UInt32], nodes: [UInt32], tensors: [UInt32]) {
    self.name = name
    self.inputs = inputs
    self.outputs = outputs
    self.nodes = nodes
    self.tensors = tensors
  }

  init(_ table: Table) throws(FlatBufferError) {
    guard let name = try table.string(SubGraphField.name) else {
      throw FlatBufferError(offset: table.position, expected: "a subgraph with a name")
    }
    guard let inputs = try table.uint32s(SubGraphField.inputIndices) else {
      throw FlatBufferError(offset: table.position, expected: "a subgraph with a list of inputs")
    }
    guard let outputs = try table.uint32s(SubGraphField.outputIndices) else {
      throw FlatBufferError(offset: table.position, expected: "a subgraph with a list of outputs")
    }
    guard let tensors = try table.uint32s(SubGraphField.tensorIndices) else {
      throw FlatBufferError(offset: table.position, expected: "a subgraph with a list of tensors")
    }
    let nodes = try table.uint32s(SubGraphField.nodeIndices) ?? []
    self.init(name: name, inputs: inputs, outputs: outputs, nodes: nodes, tensors: tensors)
  }
}

struct NodeRecord {
  var position: Int
  var name: String
  var kind: OperatorKind
  var attributes: Attributes
  var inputs: [UInt32]
  var outputs: [UInt32]
  var quantType: Int32

  init(_ table: Table) throws(FlatBufferError) {
    position = table.position
    name = try table.string(NodeField.name) ?? ""
    guard let primitive = try table.table(NodeField.primitive) else {
      throw FlatBufferError(offset: table.position, expected: "a node with a primitive")
    }
    kind = OperatorKind(rawValue: Int32(try primitive.uint8(PrimitiveField.kind) ?? 0))
    if kind.rawValue == 0 { throw FlatBufferError(offset: primitive.position, expected: "a primitive of a kind other than NONE") }
    if let value = try primitive.table(PrimitiveField.value) {
      attributes = try Attributes(kind, value)
    } else {
      attributes = Attributes()
    }
    inputs = try table.uint32s(NodeField.inputIndex) ?? []
    outputs = try table.uint32s(NodeField.outputIndex) ?? []
    quantType = try table.int32(NodeField.quantType) ?? 0
  }
}

struct TensorRecord {
  var position: Int
  /// 0 for constants (and for graph inputs of files up to version 1.2); everything else is a variable.
  var nodeType: Int32
  var dataType: Int32
  var dims: [Int32]
  var format: Int32
  /// nil when absent or empty.
  var data: Bytes?
  var quantParams: [QuantParam]
  var hasClusters: Bool
  var name: String
  var isHuffman: Bool
  var compression: Int32
  /// Where the data lies when it lies in another file.
  var externalLocation: String?

  init(_ table: Table) throws(FlatBufferError) {
    position = table.position
    nodeType = try table.int32(TensorField.nodeType) ?? 0
    dataType = try table.int32(TensorField.dataType) ?? 0
    dims = try table.int32s(TensorField.dims) ?? []
    format = try table.int32(TensorField.format) ?? 0
    data = nil
    if let bytes = try table.bytes(TensorField.data), bytes.content.count > 0 { data = bytes }
    quantParams = []
    if let list = try table.tables(TensorField.quantParams) {
      quantParams.reserveCapacity(list.count)
      for i in 0..<list.count { quantParams.append(try QuantParam(list.table(i))) }
    }
    hasClusters = try table.has(TensorField.quantClusters)
    name = try table.string(TensorField.name) ?? ""
    isHuffman = try table.bool(TensorField.enableHuffmanCode) ?? false
    compression = try table.int32(TensorField.compression) ?? 0
    externalLocation = nil
    if let list = try table.tables(TensorField.externalData), list.count > 0 {
      externalLocation = try list.table(0).string(ExternalField.location) ?? ""
    }
  }

  /// tensor 5 "conv1.weight" at byte 1234
  func text(_ index: Int) -> String {
    name.isEmpty ? "tensor \(index) at byte \(position)" : "tensor \(index) \"\(name)\" at byte \(position)"
  }
}

extension QuantParam {
  init(_ table: Table) throws(FlatBufferError) {
    self.init(
      scale: try table.float64(QuantField.scale) ?? 1, zeroPoint: try table.int32(QuantField.zeroPoint) ?? 0,
      bits: try table.int32(QuantField.numBits) ?? 8, varianceCorrection: try table.float32(QuantField.varCorr) ?? 1,
      meanCorrection: try table.float32(QuantField.meanCorr) ?? 0)
    roundType = try table.int32(QuantField.roundType) ?? 1
    multiplier = try table.int32(QuantField.multiplier) ?? 1
  }
}
