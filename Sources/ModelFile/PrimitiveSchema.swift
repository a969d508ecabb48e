import Graph

/// The attribute tables of all primitives: which field has which name and type.
public enum PrimitiveSchema {
  public enum FieldType {
    case bool, int8, int32, int64, float32, string, int64s, int32s, float32s, ints2D, named
  }

  /// Number of primitives the schema has; their kinds are 1...count.
  public static var count: Int { table.count }

  /// The name in the table, which is ``OperatorKind/name``; nil for kinds the schema does not have.
  public static func primitiveName(_ kind: OperatorKind) -> String? {
    guard let fields = SchemaFields(table, kind.rawValue) else { return nil }
    return String(decoding: fields.primitive, as: UTF8.self)
  }

  /// Number of attributes; 0 for kinds the schema does not have.
  public static func fieldCount(_ kind: OperatorKind) -> Int {
    guard var fields = SchemaFields(table, kind.rawValue) else { return 0 }
    var n = 0
    while fields.next() != nil { n += 1 }
    return n
  }

  /// The schema's name of attribute `id`; nil when there is none.
  public static func fieldName(_ kind: OperatorKind, _ id: Int) -> String? {
    guard let field = field(kind, id) else { return nil }
    return String(decoding: field.name, as: UTF8.self)
  }

  public static func fieldType(_ kind: OperatorKind, _ id: Int) -> FieldType? { field(kind, id)?.type }

  private static func field(_ kind: OperatorKind, _ id: Int) -> SchemaFields.Field? {
    guard id >= 0, var fields = SchemaFields(table, kind.rawValue) else { return nil }
    var i = 0
    while let field = fields.next() {
      if i == id { return field }
      i += 1
    }
    return nil
  }
}

/// Walks over the fields of one primitive in the order of their ids.
struct SchemaFields {
  struct Field {
    let name: UnsafeBufferPointer<UInt8>
    let type: PrimitiveSchema.FieldType
    /// What follows the type in the table; the old schema's table says there what becomes of the field.
    let rule: UnsafeBufferPointer<UInt8>
  }
  private let text: UnsafeBufferPointer<UInt8>
  private var position = 0
  /// The first word of the entry.
  private(set) var primitive = UnsafeBufferPointer<UInt8>(start: nil, count: 0)

  /// The entry of primitive `number` (from 1); nil when the table does not have it.
  init?(_ table: [StaticString], _ number: Int32) {
    guard number >= 1 && number <= Int32(table.count) else { return nil }
    let entry = table[Int(number) - 1]
    text = UnsafeBufferPointer(start: entry.utf8Start, count: entry.utf8CodeUnitCount)
    primitive = word()
  }

  mutating func next() -> Field? {
    let word = word()
    guard let colon = word.firstIndex(of: UInt8(ascii: ":")) else { return nil }
    var end = colon + 1
    while end < word.count, !SchemaFields.startsRule(word[end]) { end += 1 }
    return Field(
      name: UnsafeBufferPointer(rebasing: word[..<colon]),
      type: SchemaFields.type(UnsafeBufferPointer(rebasing: word[(colon + 1)..<end])),
      rule: UnsafeBufferPointer(rebasing: word[end...]))
  }

  private static func startsRule(_ character: UInt8) -> Bool {
    switch character {
    case UInt8(ascii: "="), UInt8(ascii: ">"), UInt8(ascii: "+"), UInt8(ascii: "!"): return true
    default: return false
    }
  }

  private mutating func word() -> UnsafeBufferPointer<UInt8> {
    let start = position
    while position < text.count && text[position] != UInt8(ascii: " ") { position += 1 }
    let word = UnsafeBufferPointer(rebasing: text[start..<position])
    if position < text.count { position += 1 }
    return word
  }

  private static func type(_ code: UnsafeBufferPointer<UInt8>) -> PrimitiveSchema.FieldType {
    switch code[0] {
    case UInt8(ascii: "b"): return .bool
    case UInt8(ascii: "s"): return .string
    case UInt8(ascii: "v"): return .ints2D
    case UInt8(ascii: "f"): return .float32
    case UInt8(ascii: "i"): return code[1] == UInt8(ascii: "8") ? .int8 : code[1] == UInt8(ascii: "3") ? .int32 : .int64
    default:  // a list
      if code[1] == UInt8(ascii: "a") { return .named }
      if code[1] == UInt8(ascii: "f") { return .float32s }
      return code[2] == UInt8(ascii: "3") ? .int32s : .int64s
    }
  }
}
