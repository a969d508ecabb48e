import FlatBuffers
import Graph
import ModelFile
import Testing

@Suite struct AttributeDecoding {
  private func decode(_ kind: UInt8, _ table: TableBuilder) throws -> Attributes {
    let root = metaGraph(
      tensors: [tensor("x"), tensor("y")], nodes: [node("n", kind: kind, attributes: table, inputs: [0], outputs: [1])])
    return try load(file(root)).mainGraph.nodes[0].attributes
  }

  @Test func scalarsAndLists() throws {
    let conv = TableBuilder().set(0, .int32(1)).set(1, .int64s([3, 5])).set(4, .int8(-1)).set(6, .int64(1 << 40))
    let a = try decode(35, conv)  // Conv2DFusion
    guard case .int(1) = a[0], case .ints([3, 5]) = a[1], case .int(-1) = a[4], case .int(1 << 40) = a[6] else {
      Issue.record("\(a)")
      return
    }
    #expect(a[2] == nil && a[3] == nil && a[10] == nil)

    let activation = try decode(2, TableBuilder().set(1, .float32(0.25)).set(4, .bool(true)))
    #expect(activation.float(1) == 0.25)
    guard case .bool(true) = activation[4] else {
      Issue.record("approximate is \(String(describing: activation[4]))")
      return
    }
  }

  @Test func tablesAndStrings() throws {
    func row(_ v: [Int64]?) -> TableBuilder { TableBuilder().set(0, v.map { .int64s($0) }) }
    let paddings = TableBuilder().set(0, .tables([row([1, 2]), row(nil), row([-3])]))
    #expect(try decode(107, TableBuilder().set(0, .table(paddings))).ints2D(0) == [[1, 2], [], [-3]])
    #expect(try decode(107, TableBuilder().set(0, .table(TableBuilder()))).ints2D(0) == [])

    func entry(_ name: String?, _ bytes: [UInt8]?) -> TableBuilder {
      TableBuilder().set(0, name.map { .string($0) }).set(1, bytes.map { .bytes($0, alignment: 1) })
    }
    let custom = try decode(
      191, TableBuilder().set(0, .string("GridSampler")).set(1, .tables([entry("a", [1, 2]), entry(nil, nil)])))
    #expect(custom.string(0) == "GridSampler")
    guard case .named(let list) = custom[1] else {
      Issue.record("no list")
      return
    }
    #expect(list.map(\.name) == ["a", ""])
    #expect(list.map(\.bytes) == [[1, 2], []])
  }

  /// A value for every field of every primitive, and the same value back.
  @Test func everyFieldOfEveryPrimitive() throws {
    #expect(PrimitiveSchema.count == 221)
    // GenOP (194) is refused, and PartialFusion (108) must name a subgraph that exists.
    for raw in 1...221 where raw != 194 && raw != 108 {
      let kind = OperatorKind(rawValue: Int32(raw))
      let table = TableBuilder()
      let count = PrimitiveSchema.fieldCount(kind)
      for id in 0..<count {
        switch try #require(PrimitiveSchema.fieldType(kind, id)) {
        case .bool: table.set(id, .bool(true))
        case .int8: table.set(id, .int8(Int8(-1 - id)))
        case .int32: table.set(id, .int32(Int32(-1000 - id)))
        case .int64: table.set(id, .int64(Int64(-1_000_000 - id)))
        case .float32: table.set(id, .float32(Float(id) + 0.5))
        case .string: table.set(id, .string("s\(id)"))
        case .int64s: table.set(id, .int64s([Int64(id), -1]))
        case .int32s: table.set(id, .int32s([Int32(id), -1]))
        case .float32s: table.set(id, .float32s([Float(id), -1]))
        case .ints2D: table.set(id, .table(TableBuilder().set(0, .tables([TableBuilder().set(0, .int64s([Int64(id)]))]))))
        case .named: table.set(id, .tables([TableBuilder().set(0, .string("n\(id)"))]))
        }
      }
      let withFields = try decode(UInt8(raw), table)
      for id in 0..<count {
        switch PrimitiveSchema.fieldType(kind, id) {
        case .bool: #expect(withFields.bool(id))
        case .int8: #expect(withFields.int(id) == -1 - id)
        case .int32: #expect(withFields.int(id) == -1000 - id)
        case .int64: #expect(withFields.int(id) == -1_000_000 - id)
        case .float32: #expect(withFields.float(id) == Float(id) + 0.5)
        case .string: #expect(withFields.string(id) == "s\(id)")
        case .int64s, .int32s: #expect(withFields.ints(id) == [id, -1])
        case .float32s: #expect(withFields.floats(id) == [Float(id), -1])
        case .ints2D: #expect(withFields.ints2D(id) == [[id]])
        case .named, nil: break
        }
      }
      #expect(withFields[count] == nil)
    }
  }

  @Test func fieldNames() {
    #expect(PrimitiveSchema.fieldName(.conv2DFusion, 1) == "kernel_size")
    #expect(PrimitiveSchema.fieldName(.matMulFusion, 1) == "transpose_b")
    #expect(PrimitiveSchema.fieldName(.matMulFusion, 3) == nil)
    #expect(PrimitiveSchema.fieldName(.abs, 0) == nil)
    #expect(PrimitiveSchema.fieldName(.custom, -1) == nil)
    #expect(PrimitiveSchema.fieldName(OperatorKind(rawValue: 222), 0) == nil)
    #expect(PrimitiveSchema.primitiveName(.fillV2) == "FillV2")
  }

  /// The table's entries are in the places that the operator numbers say.
  @Test func namesAgreeWithOperatorKinds() {
    for raw in 1...221 {
      let kind = OperatorKind(rawValue: Int32(raw))
      #expect(PrimitiveSchema.primitiveName(kind) == kind.name)
    }
  }

  @Test func unknownKindsKeepTheirNumber() throws {
    let m = try load(
      file(
        metaGraph(
          tensors: [tensor("x"), tensor("y")],
          nodes: [node("n", kind: 250, attributes: TableBuilder().set(0, .int64(5)), inputs: [0], outputs: [1])])))
    #expect(m.mainGraph.nodes[0].kind.name == "primitive 250")
    #expect(m.mainGraph.nodes[0].attributes[0] == nil)
  }
}
