/// Writes a tree of tables as one FlatBuffer.
///
/// The buffer grows forwards: a table is written with empty offset fields, its children follow, and each offset is filled in
/// when its target's place is known. So offsets lead forward as the format wants, nothing is moved once it is written, and
/// positions are final from the start, which makes alignment to any power of two simple.
public struct FlatBufferWriter {
  private var bytes: [UInt8] = []
  /// Offset fields without a target yet, in the order in which their targets are written.
  private var pending: [(position: Int, value: FieldValue)] = []
  /// The distinct vtables written so far. Files have a few dozen, so a linear search does.
  private var vtables: [(position: Int, content: [UInt16])] = []

  /// The bytes of a buffer with this root table and 4-byte identifier.
  public static func write(root: TableBuilder, identifier: StaticString) -> [UInt8] {
    var writer = FlatBufferWriter()
    writer.append(UInt32(0))
    for i in 0..<identifier.utf8CodeUnitCount { writer.bytes.append(identifier.utf8Start[i]) }
    writer.pending.append((0, .table(root)))
    var next = 0
    while next < writer.pending.count {
      let (position, value) = writer.pending[next]
      next += 1
      writer.write(value, for: position)
    }
    return writer.bytes
  }

  private mutating func append<T: FixedWidthInteger>(_ value: T) {
    var v = value
    for _ in 0..<T.bitWidth / 8 {
      bytes.append(UInt8(truncatingIfNeeded: v))
      if T.bitWidth > 8 { v >>= 8 }
    }
  }

  /// Pads so that the byte `ahead` bytes from here lies at a multiple of `alignment`.
  private mutating func align(_ alignment: Int, ahead: Int = 0) {
    while (bytes.count + ahead) % alignment != 0 { bytes.append(0) }
  }

  /// Fills the offset field at `position` with the distance to the end of what is written.
  private mutating func patch(_ position: Int) {
    let distance = UInt32(bytes.count - position)
    for i in 0..<4 { bytes[position + i] = UInt8(truncatingIfNeeded: distance >> UInt32(8 * i)) }
  }

  /// Starts a vector whose first element is aligned, and makes the offset field at `field` lead to it.
  private mutating func startVector(_ field: Int, count: Int, alignment: Int) {
    align(max(alignment, 4), ahead: 4)
    patch(field)
    append(UInt32(count))
  }

  private mutating func write(_ value: FieldValue, for field: Int) {
    switch value {
    case .table(let table): write(table, for: field)
    case .tables(let tables):
      startVector(field, count: tables.count, alignment: 4)
      for table in tables {
        pending.append((bytes.count, .table(table)))
        append(UInt32(0))
      }
    case .string(let text):
      startVector(field, count: text.utf8.count, alignment: 4)
      bytes.append(contentsOf: text.utf8)
      bytes.append(0)
    case .bytes(let content, let alignment):
      startVector(field, count: content.count, alignment: alignment)
      bytes.append(contentsOf: content)
    case .memory(let content, let alignment):
      startVector(field, count: content.count, alignment: alignment)
      bytes.append(contentsOf: content)
    case .int32s(let list):
      startVector(field, count: list.count, alignment: 4)
      for v in list { append(v) }
    case .uint32s(let list):
      startVector(field, count: list.count, alignment: 4)
      for v in list { append(v) }
    case .int64s(let list):
      startVector(field, count: list.count, alignment: 8)
      for v in list { append(v) }
    case .float32s(let list):
      startVector(field, count: list.count, alignment: 4)
      for v in list { append(v.bitPattern) }
    case .bool, .int8, .uint8, .int32, .uint32, .int64, .float32, .float64:
      break  // written inside the table
    }
  }

  private mutating func write(_ table: TableBuilder, for field: Int) {
    // Largest fields first: no padding between them. The table starts 4 bytes before a multiple of 8 when it has such a field.
    var highest = -1
    for f in table.fields { highest = max(highest, f.id) }
    var content = [UInt16](repeating: 0, count: highest + 3)
    var size = 4
    for width in [8, 4, 1] {
      for f in table.fields where f.value.inlineSize == width {
        content[f.id + 2] = UInt16(size)
        size += width
      }
    }
    content[0] = UInt16(2 * content.count)
    content[1] = UInt16(size)

    var shared = -1
    for v in vtables where v.content == content { shared = v.position }
    align(2)
    if shared < 0 {
      shared = bytes.count
      for v in content { append(v) }
      vtables.append((shared, content))
    }
    align(8, ahead: 4)
    patch(field)
    append(Int32(bytes.count - shared))
    for width in [8, 4, 1] {
      for f in table.fields where f.value.inlineSize == width { appendInline(f.value) }
    }
  }

  private mutating func appendInline(_ value: FieldValue) {
    switch value {
    case .bool(let v): bytes.append(v ? 1 : 0)
    case .int8(let v): append(v)
    case .uint8(let v): bytes.append(v)
    case .int32(let v): append(v)
    case .uint32(let v): append(v)
    case .int64(let v): append(v)
    case .float32(let v): append(v.bitPattern)
    case .float64(let v): append(v.bitPattern)
    case .string, .bytes, .memory, .int32s, .uint32s, .int64s, .float32s, .table, .tables:
      pending.append((bytes.count, value))
      append(UInt32(0))
    }
  }
}
