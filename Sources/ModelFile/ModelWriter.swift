import FlatBuffers
import Graph

/// How a constant lies in a file when not as its elements are: packed or compressed.
public struct PackedConstant {
  public var bytes: [UInt8]
  /// WeightQuantCompressType: 1 indexing, 2 sparse, 3 FSE of float32, 4 bit packing, 5 FSE of integers.
  public var compression: Int32
  public init(bytes: [UInt8], compression: Int32) {
    self.bytes = bytes
    self.compression = compression
  }
}

/// What is written into a `.ms` file: graphs, and what the file says of itself.
public struct ModelContent {
  /// Graph 0 is the model's main graph; the others are what `sub_graph_index` of PartialFusion nodes counts.
  public var graphs: [Graph]
  public var version: String
  /// FmkType of the source.
  public var framework: Int32
  /// Constants that are written in another form than their elements.
  public var packing: ((Tensor) -> PackedConstant?)?

  public init(
    graphs: [Graph], version: String = ModelWriter.formatVersion, framework: Int32, packing: ((Tensor) -> PackedConstant?)? = nil
  ) {
    self.graphs = graphs
    self.version = version
    self.framework = framework
    self.packing = packing
  }
}

/// Writes graphs as a `.ms` file of the current schema.
///
/// Constants are written as they are unless `packing` has another form for them, and once where tensors share their bytes;
/// variables with the shapes they have now. Every tensor of a node must be one of its graph's.
public enum ModelWriter {
  /// The version of the format whose rules are followed. Readers apply older rules to files from before 1.8 (which axis the quantisation
  /// parameters of weights run along, whether a node's weights are quantised).
  public static let formatVersion = "2.0.0"

  /// The file's bytes. Throws when they do not fit 2 GiB.
  public static func write(_ content: ModelContent) throws(EngineError) -> [UInt8] {
    var bytes = [UInt8]()
    try write(content) { bytes.append(contentsOf: $0) }
    return bytes
  }

  /// Gives `take` the file's bytes piece by piece, and returns their number. Throws, with nothing given, when they do not fit 2 GiB.
  @discardableResult
  public static func write(_ content: ModelContent, _ take: (UnsafeRawBufferPointer) -> Void) throws(EngineError) -> Int {
    let tables = Tables(content, externalLocation: nil)
    // They own the packed forms, which are copied only now.
    let size = withExtendedLifetime(tables) { FlatBufferWriter.pieces(root: tables.root, identifier: "MSL2", take) }
    guard let size else { throw tooLarge }
    return size
  }

  private static var tooLarge: EngineError { EngineError(.error, "the model does not fit the 2 GiB of a .ms file") }

  /// Writes the file at `path`, without a second copy of the constants. It appears whole or not at all. When the constants have
  /// `externalFrom` bytes or more, they go to a file beside it (suffix `.msw` instead of `.ms`): offsets in a `.ms` file end at
  /// 2 GiB.
  public static func save(_ content: ModelContent, path: String, externalFrom: Int = 2047 << 20) throws(EngineError) {
    var tables = Tables(content, externalLocation: nil)
    var weights: OutputFile? = nil
    if tables.constantBytes >= externalFrom {
      let stem = path.utf8.suffix(3).elementsEqual(".ms".utf8) ? String(decoding: path.utf8.dropLast(3), as: UTF8.self) : path
      var name = [UInt8]()
      for c in stem.utf8 { if c == UInt8(ascii: "/") { name = [] } else { name.append(c) } }
      tables = Tables(content, externalLocation: String(decoding: name, as: UTF8.self) + ".msw")
      let file = try OutputFile.create(stem + ".msw")
      // A mark, and zeros up to the first page's end.
      var head = [UInt8](repeating: 0, count: Tables.externalStart)
      (head[0], head[1], head[2], head[3]) = (0x78, 0x56, 0x34, 0x12)
      head.withUnsafeBytes { file.write($0) }
      for piece in tables.external { file.write(piece) }
      try file.sync()
      weights = file
    }
    let file = try OutputFile.create(path)
    let size = withExtendedLifetime(tables) { FlatBufferWriter.pieces(root: tables.root, identifier: "MSL2") { file.write($0) } }
    if size == nil { throw tooLarge.adding(path) }
    try file.sync()
    try weights?.commit()
    do throws(EngineError) {
      try file.commit()
    } catch {
      weights?.withdraw()
      throw error
    }
  }
}

/// The tables of a file.
private struct Tables {
  /// Where constants begin in a file of their own.
  static let externalStart = 4096

  let root: TableBuilder
  /// Bytes of all constants; those that share their memory count once.
  private(set) var constantBytes = 0
  /// What goes to the file of constants, in order, from ``externalStart`` on.
  private(set) var external: [UnsafeRawBufferPointer] = []
  private let location: String?
  /// Constants counted so far, by address: where they lie in the file of constants.
  private var places: [UInt: (offset: Int, count: Int)] = [:]
  /// Keeps packed forms alive until they are written.
  private var owned: [OwnedBytes] = []

  private final class OwnedBytes {
    let memory: UnsafeMutableRawBufferPointer
    init(_ bytes: [UInt8]) {
      memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 16)
      bytes.withUnsafeBytes { memory.copyMemory(from: $0) }
    }
    deinit { memory.deallocate() }
  }

  init(_ content: ModelContent, externalLocation: String?) {
    location = externalLocation
    root = TableBuilder()
    let graphs = content.graphs
    var tensors = [TableBuilder](), nodes = [TableBuilder](), subgraphs = [TableBuilder]()
    var inputs = [UInt32](), outputs = [UInt32]()
    for graph in graphs {
      let firstNode = nodes.count
      var used = [Bool](repeating: false, count: graph.tensors.count)
      graph.renumber()
      for node in graph.nodes {
        for t in node.inputs + node.outputs { used[t.index] = true }
      }
      for t in graph.inputs + graph.outputs { used[t.index] = true }
      var mine = [UInt32]()
      for (i, tensor) in graph.tensors.enumerated() where used[i] {
        tensor.index = tensors.count
        mine.append(UInt32(truncatingIfNeeded: tensors.count))
        tensors.append(table(tensor, content.packing?(tensor)))
      }
      for node in graph.nodes { nodes.append(Tables.table(node)) }
      subgraphs.append(
        TableBuilder().set(SubGraphField.name, .string(graph.name))
          .set(SubGraphField.inputIndices, .uint32s(Tables.indices(graph.inputs)))
          .set(SubGraphField.outputIndices, .uint32s(Tables.indices(graph.outputs)))
          .set(SubGraphField.nodeIndices, .uint32s((firstNode..<nodes.count).map { UInt32(truncatingIfNeeded: $0) }))
          .set(SubGraphField.tensorIndices, .uint32s(mine)))
      if subgraphs.count == 1 {
        inputs = Tables.indices(graph.inputs)
        outputs = Tables.indices(graph.outputs)
      }
    }
    root.set(MetaGraphField.name, .string(graphs.first?.name ?? ""))
      .set(MetaGraphField.version, .string("MindSpore Lite " + content.version))
      .set(MetaGraphField.fmkType, .int32(content.framework)).set(MetaGraphField.inputIndex, .uint32s(inputs))
      .set(MetaGraphField.outputIndex, .uint32s(outputs))
      .set(MetaGraphField.nodes, .tables(nodes)).set(MetaGraphField.allTensors, .tables(tensors))
      .set(MetaGraphField.subGraph, .tables(subgraphs))
    for graph in graphs { graph.renumber() }
  }

  private static func indices(_ tensors: [Tensor]) -> [UInt32] { tensors.map { UInt32(truncatingIfNeeded: $0.index) } }

  /// Lists are described also where they are variables: element type 0, rank 0 and -1 items say that nothing is known.
  private static let unknownList: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255]

  private mutating func table(_ tensor: Tensor, _ packed: PackedConstant?) -> TableBuilder {
    let table = TableBuilder().set(TensorField.nodeType, .int32(tensor.isConstant ? 0 : 2))
      .set(TensorField.dataType, .int32(tensor.type.rawValue)).set(TensorField.format, .int32(tensor.format.rawValue))
      .set(TensorField.name, .string(tensor.name))
    // The format leaves empty vectors out: no dimensions means a scalar.
    if tensor.shape.rank > 0 {
      table.set(TensorField.dims, .int32s(tensor.shape.dims.map { Int32(truncatingIfNeeded: $0) }))
    }
    if let packed {
      let bytes = OwnedBytes(packed.bytes)
      owned.append(bytes)
      place(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes.memory)[..<packed.bytes.count]), table)
      table.set(TensorField.compression, .int32(packed.compression))
    } else if tensor.isConstant, let data = tensor.data {
      place(UnsafeRawBufferPointer(start: data, count: tensor.byteCount), table)
    } else if tensor.isConstant, location != nil {
      place(UnsafeRawBufferPointer(start: nil, count: 0), table)
    } else if tensor.type == .tensorList {
      table.set(TensorField.data, .bytes(Self.unknownList, alignment: 4))
    }
    if !tensor.quantParams.isEmpty { table.set(TensorField.quantParams, .tables(tensor.quantParams.map { Self.table($0, tensor.type) })) }
    return table
  }

  /// Makes a tensor's table lead to its bytes, here or in the file of constants.
  private mutating func place(_ bytes: UnsafeRawBufferPointer, _ table: TableBuilder) {
    let address = UInt(bitPattern: bytes.baseAddress)
    var offset = Tables.externalStart + constantBytes
    if let known = places[address], known.count == bytes.count {
      offset = known.offset
    } else if !bytes.isEmpty {
      places[address] = (offset, bytes.count)
      constantBytes += bytes.count
      external.append(bytes)
    }
    guard let location else {
      if !bytes.isEmpty { table.set(TensorField.data, .memory(bytes, alignment: 16)) }
      return
    }
    table.set(
      TensorField.externalData,
      .tables([
        TableBuilder().set(ExternalField.location, .string(location)).set(ExternalField.offset, .int64(Int64(offset)))
          .set(ExternalField.length, .int64(Int64(bytes.count)))
      ]))
  }

  private static func table(_ p: QuantParam, _ type: DataType) -> TableBuilder {
    // Weights have many of them, so the schema's defaults are left out.
    let table = TableBuilder().set(QuantField.scale, .float64(p.scale))
    if p.zeroPoint != 0 { table.set(QuantField.zeroPoint, .int32(p.zeroPoint)) }
    if p.bits != 8 { table.set(QuantField.numBits, .int32(p.bits)) }
    if p.varianceCorrection != 1 { table.set(QuantField.varCorr, .float32(p.varianceCorrection)) }
    if p.meanCorrection != 0 { table.set(QuantField.meanCorr, .float32(p.meanCorrection)) }
    if type != .int8 && type != .float32 && type != .float16 { table.set(QuantField.dstDtype, .int32(type.rawValue)) }
    if p.roundType != 1 { table.set(QuantField.roundType, .int32(p.roundType)) }
    if p.multiplier != 1 { table.set(QuantField.multiplier, .int32(p.multiplier)) }
    return table
  }

  private static func table(_ node: Node) -> TableBuilder {
    let primitive = TableBuilder().set(PrimitiveField.kind, .uint8(UInt8(truncatingIfNeeded: node.kind.rawValue)))
      .set(PrimitiveField.value, .table(node.attributes.table(node.kind)))
    return TableBuilder().set(NodeField.name, .string(node.name)).set(NodeField.primitive, .table(primitive))
      .set(NodeField.inputIndex, .uint32s(indices(node.inputs))).set(NodeField.outputIndex, .uint32s(indices(node.outputs)))
      .set(NodeField.quantType, .int32(node.quantType))
  }
}

extension Attributes {
  /// The primitive's table, with the fields that are set. Values of another type than the schema's are left out.
  func table(_ kind: OperatorKind) -> TableBuilder {
    let table = TableBuilder()
    guard var fields = SchemaFields(PrimitiveSchema.table, kind.rawValue) else { return table }
    var id = 0
    while let field = fields.next() {
      if let value = self[id] { table.set(id, Attributes.field(field.type, value)) }
      id += 1
    }
    return table
  }

  private static func field(_ type: PrimitiveSchema.FieldType, _ value: AttributeValue) -> FieldValue? {
    switch (type, value) {
    case (.bool, .bool(let v)): return .bool(v)
    case (.bool, .int(let v)): return .bool(v != 0)
    case (.int8, .int(let v)): return .int8(Int8(truncatingIfNeeded: v))
    case (.int32, .int(let v)): return .int32(Int32(truncatingIfNeeded: v))
    case (.int64, .int(let v)): return .int64(v)
    case (.float32, .float(let v)): return .float32(Float(v))
    case (.string, .string(let v)): return .string(v)
    case (.int64s, .ints(let v)): return .int64s(v)
    case (.int32s, .ints(let v)): return .int32s(v.map { Int32(truncatingIfNeeded: $0) })
    case (.float32s, .floats(let v)): return .float32s(v)
    case (.ints2D, .ints2D(let rows)):
      return .table(TableBuilder().set(VectorField.data, .tables(rows.map { TableBuilder().set(VectorField.data, .int64s($0)) })))
    case (.named, .named(let entries)):
      return .tables(
        entries.map {
          TableBuilder().set(NamedField.name, .string($0.name)).set(NamedField.data, .bytes($0.bytes, alignment: 1))
        })
    default: return nil
    }
  }
}
