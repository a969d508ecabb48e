import FlatBuffers
import Graph

extension ModelRecord {
  /// Decodes all tables of a file. `withoutBiasParameters`: those of ``derivedBiases(_:)`` are left out.
  init(_ file: FlatBuffer, _ schema: ModelSchema, withoutBiasParameters: Bool) throws(EngineError) {
    let root: Table
    do throws(FlatBufferError) {
      root = try file.root()
      version = try root.string(MetaGraphField.version) ?? ""
    } catch { throw EngineError(.error, "not a readable model: \(error.text)") }

    if let protection = try ModelRecord.protection(root) {
      throw EngineError(.error, "the model is \(protection), which this engine cannot undo; use the model as it was before that step")
    }

    let nodeTables: TableVector
    let tensorTables: TableVector
    let subgraphTables: TableVector?
    do throws(FlatBufferError) {
      guard let nodes = try root.tables(MetaGraphField.nodes) else {
        throw FlatBufferError(offset: root.position, expected: "a model with a list of nodes")
      }
      guard let tensors = try root.tables(MetaGraphField.allTensors) else {
        throw FlatBufferError(offset: root.position, expected: "a model with a list of tensors")
      }
      nodeTables = nodes
      tensorTables = tensors
      subgraphTables = try root.tables(MetaGraphField.subGraph)
      inputs = try root.uint32s(MetaGraphField.inputIndex) ?? []
      outputs = try root.uint32s(MetaGraphField.outputIndex) ?? []
    } catch { throw EngineError(.error, "\(error.text)") }

    subgraphs = []
    nodes = []
    nodes.reserveCapacity(nodeTables.count)
    tensors = []
    tensors.reserveCapacity(tensorTables.count)
    // The old schema's nodes want the tensors.
    if schema == .current {
      for i in 0..<nodeTables.count {
        do throws(FlatBufferError) {
          nodes.append(try NodeRecord(nodeTables.table(i)))
        } catch { throw EngineError(.error, "node \(i): \(error.text)") }
      }
    }
    let isDerived = withoutBiasParameters ? derivedBiases(tensorTables.count) : []
    for i in 0..<tensorTables.count {
      do throws(FlatBufferError) {
        var tensor = try TensorRecord(tensorTables.table(i), isDerivedBias: !isDerived.isEmpty && isDerived[i])
        if schema == .v0 { tensor.format = V0Conversion.format(tensor.format) }
        tensors.append(tensor)
      } catch { throw EngineError(.error, "tensor \(i): \(error.text)") }
    }
    if schema == .v0 {
      for i in 0..<nodeTables.count {
        do throws(FlatBufferError) {
          let table = try nodeTables.table(i)
          var conversion = try V0Conversion(table)
          try conversion.convert(table, tensors)
          try conversion.addConstants(to: &self, file)
          nodes.append(conversion.node)
        } catch { throw EngineError(.error, "node \(i): \(error.text)") }
      }
    }
    guard let subgraphTables else {
      // Older files have no subgraphs: the whole file is one.
      subgraphs.append(
        SubgraphRecord(
          name: "main_graph", inputs: inputs, outputs: outputs, nodes: ModelRecord.indices(nodes.count),
          tensors: ModelRecord.indices(tensors.count)))
      return
    }
    for i in 0..<subgraphTables.count {
      do throws(FlatBufferError) {
        subgraphs.append(try SubgraphRecord(subgraphTables.table(i)))
      } catch { throw EngineError(.error, "subgraph \(i): \(error.text)") }
    }
  }

  /// Which of `count` tensors are nothing but biases of layers in 8 bits: their unit is that of the layer's sums, and nobody asks their
  /// parameters. They are half of all parameters of such a model.
  private func derivedBiases(_ count: Int) -> [Bool] {
    var isBias = [Bool](repeating: false, count: count), isOther = isBias
    for node in nodes {
      let isLayer: Bool
      switch node.kind {
      case .conv2DFusion, .conv2dTransposeFusion, .fullConnection, .matMulFusion:
        isLayer = node.quantType == 1 || node.quantType == 3 || node.quantType == 5
      default: isLayer = false
      }
      for (position, index) in node.inputs.enumerated() where Int(index) < count {
        if isLayer && position == 2 { isBias[Int(index)] = true } else { isOther[Int(index)] = true }
      }
    }
    for i in 0..<count where isOther[i] { isBias[i] = false }
    return isBias
  }

  private static func indices(_ count: Int) -> [UInt32] {
    var list = [UInt32]()
    list.reserveCapacity(count)
    for i in 0..<count { list.append(UInt32(truncatingIfNeeded: i)) }
    return list
  }

  /// "encrypted" or "obfuscated" when the root table says so.
  ///
  /// Field 10 is a byte vector in one line of the schema and a bool in the other. It is taken for a vector when four bytes are
  /// there and lead to one that makes sense; a bool never does, since its 1 would be an offset that is not a multiple of 4.
  private static func protection(_ root: Table) throws(EngineError) -> StaticString? {
    do throws(FlatBufferError) {
      if try root.has(MetaGraphField.obfuscation) { return "obfuscated" }
      if try root.has(MetaGraphField.decryptTable) { return "encrypted" }
      if try !root.has(MetaGraphField.obfuscationOrEncrypt) { return nil }
    } catch { throw EngineError(.error, "\(error.text)") }
    do throws(FlatBufferError) {
      if try root.room(MetaGraphField.obfuscationOrEncrypt) >= 4, try root.bytes(MetaGraphField.obfuscationOrEncrypt) != nil {
        return "obfuscated"
      }
    } catch {
      // Not an offset, so it is the flag.
    }
    do throws(FlatBufferError) {
      return try root.bool(MetaGraphField.obfuscationOrEncrypt) == true ? "encrypted" : nil
    } catch { throw EngineError(.error, "\(error.text)") }
  }
}
