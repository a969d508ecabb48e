import FlatBuffers
import Graph

extension Attributes {
  /// The attributes in a primitive's table: the fields that are present, by id. Fields the schema does not know are passed
  /// over, as are all fields of a kind it does not know.
  init(_ kind: OperatorKind, _ table: Table) throws(FlatBufferError) {
    self.init()
    guard var fields = SchemaFields(PrimitiveSchema.table, kind.rawValue) else { return }
    var id = 0
    while let field = fields.next() {
      if let value = try Attributes.value(field.type, table, id) { self[id] = value }
      id += 1
    }
  }

  /// The value of field `id`; nil when it is absent.
  static func value(
    _ type: PrimitiveSchema.FieldType, _ table: Table, _ id: Int
  ) throws(FlatBufferError) -> AttributeValue? {
    switch type {
    case .bool: if let v = try table.bool(id) { return .bool(v) }
    case .int8: if let v = try table.int8(id) { return .int(Int64(v)) }
    case .int32: if let v = try table.int32(id) { return .int(Int64(v)) }
    case .int64: if let v = try table.int64(id) { return .int(v) }
    case .float32: if let v = try table.float32(id) { return .float(Double(v)) }
    case .string: if let v = try table.string(id) { return .string(v) }
    case .int64s: if let v = try table.int64s(id) { return .ints(v) }
    case .float32s: if let v = try table.float32s(id) { return .floats(v) }
    case .int32s:
      guard let list = try table.int32s(id) else { return nil }
      var wide = [Int64]()
      wide.reserveCapacity(list.count)
      for v in list { wide.append(Int64(v)) }
      return .ints(wide)
    case .ints2D:
      guard let rows = try table.table(id) else { return nil }
      return .ints2D(try decodeRows(rows))
    case .named:
      guard let entries = try table.tables(id) else { return nil }
      return .named(try decodeNamed(entries))
    }
    return nil
  }

  /// A Vec2D: rows of numbers.
  private static func decodeRows(_ table: Table) throws(FlatBufferError) -> [[Int64]] {
    guard let rows = try table.tables(VectorField.data) else { return [] }
    var out = [[Int64]]()
    for i in 0..<rows.count {
      let row = try rows.table(i)
      out.append(try row.int64s(VectorField.data) ?? [])
    }
    return out
  }

  private static func decodeNamed(_ entries: TableVector) throws(FlatBufferError) -> [(name: String, bytes: [UInt8])] {
    var out = [(name: String, bytes: [UInt8])]()
    for i in 0..<entries.count {
      let entry = try entries.table(i)
      var copy = [UInt8]()
      if let bytes = try entry.bytes(NamedField.data) {
        try entry.charge(bytes.content.count)
        copy = [UInt8](bytes.content)
      }
      out.append((try entry.string(NamedField.name) ?? "", copy))
    }
    return out
  }
}
