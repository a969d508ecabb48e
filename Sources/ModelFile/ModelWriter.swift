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

/// Writes a graph as a `.ms` file of the current schema: one subgraph with every node and tensor.
public enum ModelWriter {
  /// The file's bytes: ``write(_:version:framework:)`` with one graph.
  public static func write(_ graph: Graph, version: String) -> [UInt8] { write([graph], version: version, framework: 3) }

  /// The file's bytes. Graph 0 is the model's main graph; the others are what `sub_graph_index` of PartialFusion nodes counts.
  /// Constants are written as they are unless `packing` has another form for them, variables with the shapes they have now. Every
  /// tensor of a node must be one of its graph's. `framework`: FmkType of the source.
  public static func write(
    _ graphs: [Graph], version: String, framework: Int32, packing: ((Tensor) -> PackedConstant?)? = nil
  ) -> [UInt8] {
    var tensors = [TableBuilder](), nodes = [TableBuilder](), subgraphs = [TableBuilder]()
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
        tensors.append(table(tensor, packing?(tensor)))
      }
      for node in graph.nodes { nodes.append(table(node)) }
      subgraphs.append(
        TableBuilder().set(SubGraphField.name, .string(graph.name)).set(SubGraphField.inputIndices, .uint32s(indices(graph.inputs)))
          .set(SubGraphField.outputIndices, .uint32s(indices(graph.outputs)))
          .set(SubGraphField.nodeIndices, .uint32s((firstNode..<nodes.count).map { UInt32(truncatingIfNeeded: $0) }))
          .set(SubGraphField.tensorIndices, .uint32s(mine)))
    }
    let root = TableBuilder().set(MetaGraphField.name, .string(graphs[0].name))
      .set(MetaGraphField.version, .string("MindSpore Lite " + version))
      .set(MetaGraphField.fmkType, .int32(framework)).set(MetaGraphField.inputIndex, .uint32s(indices(graphs[0].inputs)))
      .set(MetaGraphField.outputIndex, .uint32s(indices(graphs[0].outputs)))
      .set(MetaGraphField.nodes, .tables(nodes)).set(MetaGraphField.allTensors, .tables(tensors))
      .set(MetaGraphField.subGraph, .tables(subgraphs))
    for graph in graphs { graph.renumber() }
    return FlatBufferWriter.write(root: root, identifier: "MSL2")
  }

  private static func indices(_ tensors: [Tensor]) -> [UInt32] { tensors.map { UInt32(truncatingIfNeeded: $0.index) } }

  private static func table(_ tensor: Tensor, _ packed: PackedConstant?) -> TableBuilder {
    let table = TableBuilder().set(TensorField.nodeType, .int32(tensor.isConstant ? 0 : 2))
      .set(TensorField.dataType, .int32(tensor.type.rawValue)).set(TensorField.format, .int32(tensor.format.rawValue))
      .set(TensorField.name, .string(tensor.name))
    // The format leaves empty vectors out: no dimensions means a scalar.
    if tensor.shape.rank > 0 {
      table.set(TensorField.dims, .int32s(tensor.shape.dims.map { Int32(truncatingIfNeeded: $0) }))
    }
    if let packed {
      table.set(TensorField.data, .bytes(packed.bytes, alignment: 16)).set(TensorField.compression, .int32(packed.compression))
    } else if tensor.isConstant, tensor.byteCount > 0, let data = tensor.data {
      table.set(TensorField.data, .memory(UnsafeRawBufferPointer(start: data, count: tensor.byteCount), alignment: 16))
    }
    if !tensor.quantParams.isEmpty { table.set(TensorField.quantParams, .tables(tensor.quantParams.map { Self.table($0) })) }
    return table
  }

  private static func table(_ p: QuantParam) -> TableBuilder {
    // Weights have many of them, so the schema's defaults are left out.
    let table = TableBuilder().set(QuantField.scale, .float64(p.scale))
    if p.zeroPoint != 0 { table.set(QuantField.zeroPoint, .int32(p.zeroPoint)) }
    if p.bits != 8 { table.set(QuantField.numBits, .int32(p.bits)) }
    if p.varianceCorrection != 1 { table.set(QuantField.varCorr, .float32(p.varianceCorrection)) }
    if p.meanCorrection != 0 { table.set(QuantField.meanCorr, .float32(p.meanCorrection)) }
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
