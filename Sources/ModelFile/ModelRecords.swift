import FlatBuffers
import Graph
import System

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
    let (primitive, kind) = try NodeRecord.primitive(table)
    var attributes = Attributes()
    let operatorKind = OperatorKind(rawValue: kind)
    if let value = try primitive.table(PrimitiveField.value) { attributes = try Attributes(operatorKind, value) }
    try self.init(table, operatorKind, attributes)
  }

  /// All but the primitive from the node's table.
  init(_ table: Table, _ kind: OperatorKind, _ attributes: Attributes) throws(FlatBufferError) {
    position = table.position
    name = try table.string(NodeField.name) ?? ""
    self.kind = kind
    self.attributes = attributes
    inputs = try table.uint32s(NodeField.inputIndex) ?? []
    outputs = try table.uint32s(NodeField.outputIndex) ?? []
    quantType = try table.int32(NodeField.quantType) ?? 0
  }

  /// The node's primitive and the number of its kind.
  static func primitive(_ table: Table) throws(FlatBufferError) -> (Table, Int32) {
    guard let primitive = try table.table(NodeField.primitive) else {
      throw FlatBufferError(offset: table.position, expected: "a node with a primitive")
    }
    let kind = Int32(try primitive.uint8(PrimitiveField.kind) ?? 0)
    if kind == 0 { throw FlatBufferError(offset: primitive.position, expected: "a primitive of a kind other than NONE") }
    return (primitive, kind)
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
  /// The quantisation parameters say of themselves that they are in use, which only files from before version 1.3 tell.
  var isInited: Bool
  /// The float values that k-means weights number.
  var clusters: [Float]
  var name: String
  var isHuffman: Bool
  var compression: Int32
  /// Where the data lies when it lies in another file.
  var external: ExternalRange?
  /// Keeps `data` alive when it is not part of the model file.
  var owner: AnyObject?

  /// A constant that a converted operator takes and the file does not have.
  init(_ name: String, _ type: DataType, dims: [Int32], _ buffer: Buffer, position: Int) {
    self.position = position
    nodeType = 0
    dataType = type.rawValue
    self.dims = dims
    format = Format.nhwc.rawValue
    data = Bytes(offset: position, content: UnsafeRawBufferPointer(start: buffer.base, count: buffer.count))
    quantParams = []
    isInited = false
    clusters = []
    self.name = name
    isHuffman = false
    compression = 0
    external = nil
    owner = buffer
  }

  /// `isDerivedBias`: the quantisation parameters of 32-bit integers are not read.
  init(_ table: Table, isDerivedBias: Bool) throws(FlatBufferError) {
    position = table.position
    nodeType = try table.int32(TensorField.nodeType) ?? 0
    dataType = try table.int32(TensorField.dataType) ?? 0
    dims = try table.int32s(TensorField.dims) ?? []
    format = try table.int32(TensorField.format) ?? 0
    data = nil
    if let bytes = try table.bytes(TensorField.data), bytes.content.count > 0 { data = bytes }
    quantParams = []
    isInited = false
    if !(isDerivedBias && dataType == DataType.int32.rawValue), let list = try table.tables(TensorField.quantParams), list.count > 0 {
      isInited = true
      quantParams.reserveCapacity(list.count)
      var form = try list.table(0)
      var places = try QuantPlaces(form)
      for i in 0..<list.count {
        let entry: TableFields
        if i == 0 {
          entry = form.fields
        } else if let alike = try list.fields(i, like: form) {
          entry = alike
        } else {
          form = try list.table(i)
          places = try QuantPlaces(form)
          entry = form.fields
        }
        quantParams.append(places.parameters(entry))
        if !places.isInited(entry) { isInited = false }
      }
    }
    clusters = try table.float32s(TensorField.quantClusters) ?? []
    name = try table.string(TensorField.name) ?? ""
    isHuffman = try table.bool(TensorField.enableHuffmanCode) ?? false
    compression = try table.int32(TensorField.compression) ?? 0
    external = nil
    owner = nil
    if data == nil, let list = try table.tables(TensorField.externalData), list.count > 0 {
      if list.count > 1 { throw FlatBufferError(offset: list.position, expected: "one place for a tensor's data in another file") }
      external = try ExternalRange(list.table(0))
    }
  }

  /// It says that it has data, here or elsewhere.
  var hasData: Bool { data != nil || external != nil }

  /// tensor 5 "conv1.weight" at byte 1234
  func text(_ index: Int) -> String {
    name.isEmpty ? "tensor \(index) at byte \(position)" : "tensor \(index) \"\(name)\" at byte \(position)"
  }
}

/// Where tables of quantisation parameters have their fields. They come in lists of one for each channel, all alike.
private struct QuantPlaces {
  let scale: Int?, zeroPoint: Int?, bits: Int?, inited: Int?, varCorr: Int?, meanCorr: Int?, roundType: Int?, multiplier: Int?

  init(_ table: Table) throws(FlatBufferError) {
    scale = try table.place(QuantField.scale, size: 8)
    zeroPoint = try table.place(QuantField.zeroPoint, size: 4)
    bits = try table.place(QuantField.numBits, size: 4)
    inited = try table.place(QuantField.inited, size: 1)
    varCorr = try table.place(QuantField.varCorr, size: 4)
    meanCorr = try table.place(QuantField.meanCorr, size: 4)
    roundType = try table.place(QuantField.roundType, size: 4)
    multiplier = try table.place(QuantField.multiplier, size: 4)
  }

  @inline(__always)
  func isInited(_ fields: TableFields) -> Bool { fields.byte(inited, absent: 0) != 0 }

  @inline(__always)
  func parameters(_ fields: TableFields) -> QuantParam {
    var p = QuantParam(
      scale: Double(bitPattern: fields.bits64(scale, absent: (1 as Double).bitPattern)), zeroPoint: integer(fields, zeroPoint, 0),
      bits: integer(fields, bits, 8), varianceCorrection: Float(bitPattern: fields.bits32(varCorr, absent: (1 as Float).bitPattern)),
      meanCorrection: Float(bitPattern: fields.bits32(meanCorr, absent: 0)))
    p.roundType = integer(fields, roundType, 1)
    p.multiplier = integer(fields, multiplier, 1)
    return p
  }

  @inline(__always)
  private func integer(_ fields: TableFields, _ place: Int?, _ absent: Int32) -> Int32 {
    Int32(bitPattern: fields.bits32(place, absent: UInt32(bitPattern: absent)))
  }
}
