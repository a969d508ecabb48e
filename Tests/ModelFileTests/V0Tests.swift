import FlatBuffers
import Graph
import ModelFile
import Testing

/// Files of release 1.0, written with the old schema's field ids.
@Suite struct V0 {
  /// x -> the node -> y, and what a test adds as tensors 2 and on.
  private func read(
    _ kind: UInt8, _ attributes: TableBuilder = TableBuilder(), inputs: [UInt32] = [0], adding tensors: [TableBuilder] = [],
    dims: [Int32] = [1, 4, 4, 6]
  ) throws(EngineError) -> Node {
    try load(file(kind, attributes, inputs: inputs, adding: tensors, dims: dims)).mainGraph.nodes[0]
  }

  private func file(
    _ kind: UInt8, _ attributes: TableBuilder = TableBuilder(), inputs: [UInt32] = [0], adding tensors: [TableBuilder] = [],
    dims: [Int32] = [1, 4, 4, 6]
  ) -> [UInt8] {
    let root = metaGraph(
      tensors: [tensor("x", dims: dims, nodeType: 0), tensor("y")] + tensors,
      nodes: [node("n", kind: kind, attributes: attributes, inputs: inputs, outputs: [1])], version: "MindSpore Lite 1.0.0")
    return ModelFileTests.file(root.set(8, nil), identifier: "\0\0\0\0")
  }

  private func int32s(_ ids: [(Int, Int32)]) -> TableBuilder {
    let t = TableBuilder()
    for (id, value) in ids { _ = t.set(id, .int32(value)) }
    return t
  }

  @Test func convolution() throws {
    // format group in out kernelW kernelH strideW strideH, then up down left right dilateW dilateH
    let fields = int32s([
      (0, 100), (1, 2), (2, 6), (3, 8), (4, 3), (5, 5), (6, 1), (7, 2), (9, 10), (10, 11), (11, 12), (12, 13), (13, 4), (14, 7),
    ])
    let weights = constant("w", dims: [1], type: 43, data: [0, 0, 0, 0])
    for (mode, expected) in [(0, 0), (1, 1), (2, 2), (4, 0), (5, 0)] as [(Int8, Int)] {
      let n = try read(4, fields.set(8, .int8(mode)).set(16, .int8(3)), inputs: [0, 2], adding: [weights])
      #expect(n.kind == .conv2DFusion)
      #expect(n.attributes.int(4) == expected)
      #expect(n.attributes.ints(1) == [5, 3])
      #expect(n.attributes.ints(2) == [2, 1])
      #expect(n.attributes.ints(3) == [7, 4])
      #expect(n.attributes.ints(5) == [10, 11, 12, 13])
      #expect([0, 7, 8, 9, 10].map { n.attributes.int($0) } == [13, 2, 6, 8, 3])
    }
    // Only two activations could be fused.
    for (activation, expected) in [(0, 0), (1, 1), (2, 0), (3, 3), (5, 0), (19, 0)] as [(Int8, Int)] {
      let n = try read(4, fields.set(8, nil).set(16, .int8(activation)), inputs: [0, 2], adding: [weights])
      #expect(n.attributes.int(10) == expected)
    }
  }

  @Test func depthwise() throws {
    func weights(_ first: Int32) -> [TableBuilder] {
      [constant("w", dims: [first], type: 43, data: [UInt8](repeating: 0, count: 4 * Int(first)))]
    }
    func groups(_ kind: UInt8, _ channels: Int32?, _ multiplier: Int32?, _ first: Int32) throws -> [Int] {
      let fields = TableBuilder().set(1, channels.map { .int32($0) }).set(2, multiplier.map { .int32($0) })
      let n = try read(kind, fields, inputs: [0, 2], adding: weights(first))
      #expect(n.kind == (kind == 10 ? .conv2DFusion : .conv2dTransposeFusion))
      return (kind == 10 ? [7, 8, 9] : [8, 9, 10]).map { n.attributes.int($0) }
    }
    #expect(try groups(10, 6, 1, 6) == [6, 6, 6])
    #expect(try groups(10, 6, 2, 12) == [6, 6, 12])
    #expect(try groups(10, nil, 1, 6) == [6, 6, 6])
    #expect(try groups(10, nil, 2, 12) == [6, 6, 12])
    #expect(try groups(10, nil, nil, 6) == [6, 6, 6])
    #expect(try groups(11, nil, 2, 6) == [6, 6, 12])
    #expect(try groups(11, 6, nil, 6) == [6, 6, 6])
  }

  @Test func pooling() throws {
    let fields = int32s([(3, 2), (4, 3), (5, 4), (6, 5), (8, 1), (9, 2), (10, 3), (11, 4)])
      .set(2, .bool(true)).set(7, .int8(1)).set(12, .int8(1)).set(13, .int8(1))
    for (mode, kind) in [(nil, .maxPoolFusion), (1, .avgPoolFusion)] as [(Int8?, OperatorKind)] {
      let n = try read(8, fields.set(1, mode.map { .int8($0) }))
      #expect(n.kind == kind)
      #expect(n.attributes.ints(0) == [3, 2] && n.attributes.ints(1) == [5, 4] && n.attributes.ints(2) == [1, 2, 3, 4])
      #expect([3, 4, 7].map { n.attributes.int($0) } == [1, 1, 1])
      #expect(n.attributes.bool(6))
    }
  }

  /// Attributes that are inputs now.
  @Test func constants() throws {
    func values(_ n: Node, _ i: Int) -> [Int]? { n.inputs.count > i ? n.inputs[i].knownIntegers() : nil }
    let reshape = try read(18, TableBuilder().set(1, .int64s([2, -1])))
    #expect(reshape.kind == .reshape && values(reshape, 1) == [2, -1])
    #expect(reshape.inputs[1].type == .int32 && reshape.inputs[1].shape.dims == [2] && reshape.inputs[1].name == "n/shape")
    let list = constant("list", dims: [2], type: 34, data: littleEndian([Int32(3), 4]))
    // A node that has the input keeps it.
    #expect(values(try read(18, TableBuilder().set(1, .int64s([2, -1])), inputs: [0, 2], adding: [list]), 1) == [3, 4])

    let slice = TableBuilder().set(5, .int32s([1, 2])).set(6, .int32s([5, 6])).set(7, .int32s([1, 3])).set(1, .int32(2))
    let sliced = try read(24, slice)
    #expect(sliced.kind == .stridedSlice && sliced.inputs.count == 4 && sliced.attributes.int(1) == 2)
    #expect((1...3).map { values(sliced, $0) } == [[1, 2], [5, 6], [1, 3]])
    let missing = try read(24, slice, inputs: [0, 2], adding: [list])
    #expect((1...3).map { values(missing, $0) } == [[3, 4], [5, 6], [1, 3]])

    let power = try read(25, TableBuilder().set(0, .float32(3)).set(1, .float32(2)))
    #expect(power.kind == .powFusion && power.inputs[1].values(Float.self) == [3] && power.inputs[1].shape.rank == 0)
    #expect(power.attributes.float(0, 9) == 2 && power.attributes.float(1, 9) == 0)
    // Gather and Cast have other inputs before it.
    let gather = try read(86, int32s([(0, 1)]), inputs: [0, 2], adding: [list])
    #expect(gather.inputs.count == 3 && values(gather, 2) == [1] && values(gather, 1) == [3, 4])
    #expect(values(try read(43, int32s([(1, 34)])), 1) == [34])
    #expect(values(try read(41, int32s([(0, -1)])), 1) == [-1])
    #expect(values(try read(80, int32s([(0, 5)])), 1) == [5])
    #expect(try read(80, int32s([(0, 5)])).attributes.bool(0))
    #expect(values(try read(88, TableBuilder().set(0, .int32s([2, 3]))), 1) == [2, 3])
    #expect(values(try read(42, TableBuilder().set(0, .int32s([1, 2]))), 1) == [1, 2])
    #expect(values(try read(77, TableBuilder().set(0, .int32s([7, 2]))), 1) == [7, 2])
    #expect(values(try read(71, TableBuilder().set(0, .int32s([1, 0]))), 1) == [1, 0])
    #expect(values(try read(49, TableBuilder().set(0, .int64s([1, 0]))), 1) == [1, 0])
    #expect(values(try read(30, TableBuilder().set(0, .int32s([0, 1])).set(1, .int8(2))), 1) == [0, 1])
    let reduce = try read(101, TableBuilder().set(0, .int32s([1, 2])).set(1, .int32(1)).set(2, .int8(4)))
    #expect(reduce.kind == .reduceFusion && values(reduce, 1) == [1, 2] && reduce.attributes.int(1) == 4)
    #expect(reduce.attributes.bool(0) && reduce.attributes.float(3) == 1)
    let mean = try read(15, TableBuilder().set(0, .int32s([1])))
    #expect(mean.kind == .reduceFusion && values(mean, 1) == [1] && mean.attributes.int(1) == 0)
    let part = try read(26, TableBuilder().set(1, .int32s([0])).set(2, .int32s([1])).set(3, .int32s([2])))
    #expect(part.kind == .sliceFusion && values(part, 1) == [1] && values(part, 2) == [2] && part.attributes.ints(0) == [0])
    let prelu = try read(33, TableBuilder().set(1, .float32s([0.5, 0.25])))
    #expect(prelu.inputs[1].values(Float.self) == [0.5, 0.25])
    for (kind, order) in [(45, [0, 2, 3, 1]), (46, [0, 3, 1, 2])] as [(UInt8, [Int])] {
      let n = try read(kind)
      #expect(n.kind == .transpose && values(n, 1) == order)
    }
  }

  @Test func enumerations() throws {
    func activation(_ type: Int8) throws -> Int { try read(3, TableBuilder().set(0, .int8(type))).attributes.int(0) }
    #expect(try activation(12) == 12)
    #expect(try activation(19) == 21)
    let gelu = try read(204, TableBuilder().set(0, .bool(true)))
    #expect(gelu.kind == .activation && gelu.attributes.int(0) == 19 && gelu.attributes.bool(4))
    for (mode, aligns, expected) in [(0, false, 0), (0, true, 1), (5, false, 1), (1, false, 2), (3, true, 2), (6, true, 0), (4, false, 0)]
      as [(Int8, Bool, Int)]
    {
      let n = try read(
        12, TableBuilder().set(1, .int8(1)).set(2, .int64(8)).set(3, .int64(9)).set(4, .bool(aligns)).set(6, .int8(mode)))
      #expect([1, 2, 3, 5].map { n.attributes.int($0) } == [1, 8, 9, expected])
    }
  }

  /// Where the old default is not the new one.
  @Test func defaults() throws {
    #expect(try read(2).attributes.ints(0) == [-1])
    #expect(try read(3).attributes.float(1) == 0.2)
    #expect(try read(5).attributes.float(0) == 1e-5)
    #expect(try read(5).attributes.float(1) == 0.9)
    #expect(try read(6).attributes.float(0) == 1e-5)
    #expect(try read(36).attributes.int(1) == 1)
    #expect(try read(37).attributes.float(0) == -1)
    #expect(try read(37).attributes.float(1) == 1)
    #expect(try read(98).attributes.float(1) == 1e-6)
    #expect(try read(143).attributes.bool(8))
    #expect(try read(143, TableBuilder().set(9, .bool(false))).attributes.bool(9) == false)
    #expect(try read(180).attributes.int(0) == 1)
    let lrn = try read(78, int32s([(3, 5)]))
    #expect(lrn.kind == .lrn && lrn.attributes.int(0) == 2 && lrn.attributes.float(2) == Float(0.0001 / 5))
    #expect(lrn.attributes.float(3) == 0.75 && lrn.attributes.float(1) == 1)
  }

  @Test func others() throws {
    let norm = try read(174, TableBuilder().set(0, .int32s([4, 6])).set(2, .bool(true)))
    #expect(norm.kind == .layerNormFusion && norm.attributes.int(0) == -2 && norm.attributes.int(3) == -2 && norm.attributes.bool(2))
    let batch = try read(91, TableBuilder().set(0, .int32s([2, 2])).set(1, .int32s([0, 1, 2, 3])))
    #expect(batch.kind == .batchToSpace && batch.attributes.ints(0) == [2, 2] && batch.attributes.ints2D(1) == [[0, 1], [2, 3]])
    let boxes = try read(
      13, TableBuilder().set(2, .float32(5)).set(3, .float32(6)).set(4, .float32(7)).set(5, .float32(8)).set(8, .int64(10)))
    #expect(boxes.attributes.floats(2) == [5, 6, 7, 8] && boxes.attributes.int(5) == 10)
    let split = try read(48, TableBuilder().set(0, .int32(2)).set(1, .int32s([1, 3])).set(2, .int32(1)))
    #expect(split.attributes.int(0) == 2 && split.attributes.ints(1) == [1, 3] && split.attributes.int(2) == 1)
    let dense = try read(14, TableBuilder().set(0, .bool(true)).set(1, .int32(1)).set(2, .bool(true)).set(3, .int8(1)))
    #expect(dense.kind == .fullConnection && dense.attributes.bool(0) && dense.attributes.bool(1))
    #expect(dense.attributes.int(2) == 1 && dense.attributes.int(3) == 1)
    let product = try read(23, TableBuilder().set(1, .bool(true)).set(2, .bool(false)))
    #expect(product.kind == .matMulFusion && product.attributes.bool(0) && !product.attributes.bool(1))
    #expect(try read(21, TableBuilder().set(0, .int8(1))).attributes.int(0) == 1)
    #expect(try read(89).kind == .elu && read(34).kind == .leakyRelu && read(1, int32s([(0, 3)])).attributes.int(0) == 3)
  }

  @Test func tensorsOfTheOldSchema() throws {
    let m = try load(file(59))
    #expect(m.version == "MindSpore Lite 1.0.0")
    #expect(m.mainGraph.inputs[0].shape.dims == [1, 4, 4, 6] && !m.mainGraph.inputs[0].isConstant)
    let t = tensor("z", format: 100)
    #expect(try load(file(59, adding: [t])).mainGraph.tensors.last?.format == .nc4hw4)
  }

  /// Every primitive of the old schema is read, and has a counterpart or is refused by name.
  @Test func everyPrimitive() {
    var lost: [String] = []
    for kind in 1...204 {
      do {
        _ = try read(UInt8(kind))
      } catch {
        let text = withoutOffsets(error.message)
        let end = " of the old file format has no counterpart; convert the model again with release 1.1 or newer"
        if text.hasSuffix(end), let start = text.range(of: "the operator ") {
          lost.append(String(text[start.upperBound...].dropLast(end.count)))
        } else if kind != 187 {
          // Partial needs another subgraph.
          Issue.record("\(kind): \(text)")
        }
      }
    }
    #expect(lost.count == 58)
    for name in ["While", "NetOutput", "Loop", "LogicalXor", "SigmoidCrossEntropyWithLogits", "Custom"] { #expect(lost.contains(name)) }
    #expect(withoutOffsets(refusal(file(205))).hasSuffix("expected one of the 204 primitives of the old format"))
  }

  @Test func notThatEither() {
    let other = "not a model file: expected the identifier MSL2 at byte 4, or the tables of a file of release 1.0"
    #expect(refusal(ModelFileTests.file(TableBuilder().set(1, .string("MindSpore Lite 1.0.0")), identifier: "\0\0\0\0")) == other)
    #expect(refusal(ModelFileTests.file(model().set(7, nil), identifier: "TFL3")) == other)
    #expect(refusal(ModelFileTests.file(model().set(6, .tables([])), identifier: "TFL3")) == other)
  }
}
