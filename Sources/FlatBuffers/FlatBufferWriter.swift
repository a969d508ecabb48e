/// Writes a tree of tables as one FlatBuffer.
///
/// The buffer grows forwards: a table is written with empty offset fields, its children follow, and each offset is filled in
/// when its target's place is known. So offsets lead forward as the format wants, nothing is moved once it is written, and
/// positions are final from the start, which makes alignment to any power of two simple.
///
/// Values given as memory are not copied: the result is a list of pieces, some of which are that memory. The same memory given for
/// several fields is written once.
public struct FlatBufferWriter {
  /// What the writer has made itself; `bytes` without the pieces of memory that lie between.
  private var bytes: [UInt8] = []
  /// Memory of the caller: where it lies in `bytes`.
  private var inserted: [(at: Int, memory: UnsafeRawBufferPointer)] = []
  private var insertedCount = 0
  /// Where memory that was given has been written, by address.
  private var shared: [UInt: (vector: Int, count: Int)] = [:]
  /// Position in the buffer of the next byte.
  private var end: Int { bytes.count + insertedCount }
  /// A place in the buffer that is in `bytes`.
  private struct Place {
    var index: Int
    var position: Int
  }
  private var here: Place { Place(index: bytes.count, position: end) }
  /// Offset fields without a target yet, in the order in which their targets are written.
  private var pending: [(place: Place, value: FieldValue)] = []
  /// A distance does not fit an offset field.
  private var isTooLarge = false
  /// The distinct vtables written so far. Files have a few dozen, so a linear search does.
  private var vtables: [(position: Int, content: [UInt16])] = []

  /// The bytes of a buffer with this root table and 4-byte identifier. nil when they would not fit 2 GiB, the format's limit.
  public static func write(root: TableBuilder, identifier: StaticString) -> [UInt8]? {
    var all = [UInt8]()
    let size = pieces(root: root, identifier: identifier) { all.append(contentsOf: $0) }
    return size == nil ? nil : all
  }

  /// Gives `take` the pieces of the buffer, in order, and returns its size; nil, and nothing given, when that is 2 GiB or more.
  public static func pieces(root: TableBuilder, identifier: StaticString, _ take: (UnsafeRawBufferPointer) -> Void) -> Int? {
    var writer = FlatBufferWriter()
    writer.pending.append((writer.here, .table(root)))
    writer.append(UInt32(0))
    for i in 0..<identifier.utf8CodeUnitCount { writer.bytes.append(identifier.utf8Start[i]) }
    var next = 0
    while next < writer.pending.count {
      let (place, value) = writer.pending[next]
      next += 1
      writer.write(value, for: place)
    }
    if writer.isTooLarge || writer.end > Int(Int32.max) { return nil }
    writer.bytes.withUnsafeBytes { own in
      var done = 0
      for piece in writer.inserted {
        if piece.at > done { take(UnsafeRawBufferPointer(rebasing: own[done..<piece.at])) }
        take(piece.memory)
        done = piece.at
      }
      if done < own.count { take(UnsafeRawBufferPointer(rebasing: own[done...])) }
    }
    return writer.end
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
    while (end + ahead) % alignment != 0 { bytes.append(0) }
  }

  /// Fills the offset field at `place` with the distance to `target`, the end of what is written unless given.
  private mutating func patch(_ place: Place, to target: Int? = nil) {
    let distance = (target ?? end) - place.position
    if distance > Int(Int32.max) { isTooLarge = true }
    for i in 0..<4 { bytes[place.index + i] = UInt8(truncatingIfNeeded: distance >> (8 * i)) }
  }

  /// Starts a vector whose first element is aligned, and makes the offset field at `field` lead to it.
  private mutating func startVector(_ field: Place, count: Int, alignment: Int) {
    align(max(alignment, 4), ahead: 4)
    patch(field)
    append(UInt32(truncatingIfNeeded: count))
  }

  private mutating func write(_ value: FieldValue, for field: Place) {
    switch value {
    case .table(let table): write(table, for: field)
    case .tables(let tables):
      startVector(field, count: tables.count, alignment: 4)
      for table in tables {
        pending.append((here, .table(table)))
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
      let address = UInt(bitPattern: content.baseAddress)
      // Offsets lead forward only.
      if let known = shared[address], known.count == content.count, known.vector > field.position, known.vector % alignment == (alignment - 4) % alignment {
        patch(field, to: known.vector)
        return
      }
      if content.count > Int(UInt32.max) { isTooLarge = true }
      startVector(field, count: content.count, alignment: alignment)
      shared[address] = (end - 4, content.count)
      if content.isEmpty { return }
      inserted.append((bytes.count, content))
      insertedCount += content.count
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

  private mutating func write(_ table: TableBuilder, for field: Place) {
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

    var vtable = -1
    for v in vtables where v.content == content { vtable = v.position }
    align(2)
    if vtable < 0 {
      vtable = end
      for v in content { append(v) }
      vtables.append((vtable, content))
    }
    align(8, ahead: 4)
    patch(field)
    append(Int32(truncatingIfNeeded: end - vtable))
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
      pending.append((here, value))
      append(UInt32(0))
    }
  }
}
