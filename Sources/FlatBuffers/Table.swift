/// One table of a FlatBuffer. Fields are named by their id: the position in the schema, counted from 0.
public struct Table {
  let buffer: FlatBuffer
  /// Where the table starts, for messages.
  public let position: Int
  private let size: Int
  private let vtable: Int
  private let vtableSize: Int

  init(_ buffer: FlatBuffer, at position: Int) throws(FlatBufferError) {
    let bytes = buffer.bytes
    let distance = Int(Int32(bitPattern: try buffer.word(at: position)))
    let (vtable, overflow) = position.subtractingReportingOverflow(distance)
    if overflow || vtable < 0 || vtable > bytes.count - 4 || vtable & 1 != 0 {
      throw FlatBufferError(offset: position, expected: "a distance to a vtable inside the buffer")
    }
    let vtableSize = Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: vtable, as: UInt16.self)))
    let size = Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: vtable + 2, as: UInt16.self)))
    if vtableSize < 4 || vtableSize & 1 != 0 || vtableSize > bytes.count - vtable {
      throw FlatBufferError(offset: vtable, expected: "a vtable of an even size that ends inside the buffer")
    }
    if size < 4 || size > bytes.count - position {
      throw FlatBufferError(offset: vtable + 2, expected: "a table that ends inside the buffer")
    }
    try buffer.charge(size, at: position)
    self.buffer = buffer
    self.position = position
    self.size = size
    self.vtable = vtable
    self.vtableSize = vtableSize
  }

  /// The fields of the table at `position`, inside the buffer with room for a word, if it is like this one: it has the same vtable,
  /// and its fields are aligned alike.
  @inline(__always)
  fileprivate func alike(at position: Int) throws(FlatBufferError) -> TableFields? {
    guard (position ^ self.position) & 7 == 0, size <= buffer.bytes.count - position else { return nil }
    let start = buffer.bytes.baseAddress! + position
    if Int(Int32(littleEndian: start.loadUnaligned(as: Int32.self))) != position - vtable { return nil }
    try buffer.charge(size, at: position)
    return TableFields(start: start)
  }

  /// Where the `size` bytes of a field lie, counted from the table's start; nil when the field is absent. It is the same in all
  /// tables that are alike, see ``TableVector/fields(_:like:)``.
  public func place(_ id: Int, size: Int) throws(FlatBufferError) -> Int? { try slot(id, size: size).map { $0 - position } }

  /// The fields of this table, by their places.
  public var fields: TableFields { TableFields(start: buffer.bytes.baseAddress! + position) }

  /// Where the `size` bytes of a field are; nil when the field is absent.
  private func slot(_ id: Int, size fieldSize: Int) throws(FlatBufferError) -> Int? {
    let entry = 4 + 2 * id
    if entry >= vtableSize { return nil }
    let offset = Int(UInt16(littleEndian: buffer.bytes.loadUnaligned(fromByteOffset: vtable + entry, as: UInt16.self)))
    if offset == 0 { return nil }
    if offset < 4 || offset > size - fieldSize {
      throw FlatBufferError(offset: vtable + entry, expected: "a field that lies inside its table")
    }
    if (position + offset) & (fieldSize - 1) != 0 {
      throw FlatBufferError(offset: position + offset, expected: "a field aligned to its size")
    }
    return position + offset
  }

  /// The field is present.
  public func has(_ id: Int) throws(FlatBufferError) -> Bool { try slot(id, size: 1) != nil }

  /// Bytes from the field's start to the table's end; 0 when the field is absent. Tells apart schemas that give one id
  /// different types.
  public func room(_ id: Int) throws(FlatBufferError) -> Int {
    guard let at = try slot(id, size: 1) else { return 0 }
    return position + size - at
  }

  public func bool(_ id: Int) throws(FlatBufferError) -> Bool? {
    guard let at = try slot(id, size: 1) else { return nil }
    return buffer.bytes[at] != 0
  }
  public func uint8(_ id: Int) throws(FlatBufferError) -> UInt8? {
    guard let at = try slot(id, size: 1) else { return nil }
    return buffer.bytes[at]
  }
  public func int8(_ id: Int) throws(FlatBufferError) -> Int8? {
    guard let at = try slot(id, size: 1) else { return nil }
    return Int8(bitPattern: buffer.bytes[at])
  }
  public func int32(_ id: Int) throws(FlatBufferError) -> Int32? {
    guard let at = try slot(id, size: 4) else { return nil }
    return Int32(bitPattern: try buffer.word(at: at))
  }
  public func int64(_ id: Int) throws(FlatBufferError) -> Int64? {
    guard let at = try slot(id, size: 8) else { return nil }
    return Int64(littleEndian: buffer.bytes.loadUnaligned(fromByteOffset: at, as: Int64.self))
  }
  public func float32(_ id: Int) throws(FlatBufferError) -> Float? {
    guard let at = try slot(id, size: 4) else { return nil }
    return Float(bitPattern: try buffer.word(at: at))
  }
  public func float64(_ id: Int) throws(FlatBufferError) -> Double? {
    guard let at = try slot(id, size: 8) else { return nil }
    return Double(bitPattern: UInt64(littleEndian: buffer.bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)))
  }

  /// The position that an offset field leads to.
  private func target(_ id: Int) throws(FlatBufferError) -> Int? {
    guard let at = try slot(id, size: 4) else { return nil }
    return try buffer.target(of: at)
  }

  public func table(_ id: Int) throws(FlatBufferError) -> Table? {
    guard let at = try target(id) else { return nil }
    return try Table(buffer, at: at)
  }

  /// Text that is not valid UTF-8 is repaired with replacement characters.
  public func string(_ id: Int) throws(FlatBufferError) -> String? {
    guard let at = try target(id) else { return nil }
    let (start, count) = try buffer.elements(at: at, size: 1)
    if start + count >= buffer.bytes.count || buffer.bytes[start + count] != 0 {
      throw FlatBufferError(offset: at, expected: "a string that ends with a zero byte inside the buffer")
    }
    try buffer.charge(count + 4, at: at)
    return String(decoding: UnsafeRawBufferPointer(rebasing: buffer.bytes[start..<start + count]), as: UTF8.self)
  }

  /// A vector of bytes, in place.
  public func bytes(_ id: Int) throws(FlatBufferError) -> Bytes? {
    guard let at = try target(id) else { return nil }
    let (start, count) = try buffer.elements(at: at, size: 1)
    return Bytes(offset: start, content: UnsafeRawBufferPointer(rebasing: buffer.bytes[start..<start + count]))
  }

  public func tables(_ id: Int) throws(FlatBufferError) -> TableVector? {
    guard let at = try target(id) else { return nil }
    let (start, count) = try buffer.elements(at: at, size: 4)
    try buffer.charge(4 * count, at: at)
    return TableVector(buffer: buffer, start: start, count: count)
  }

  public func uint32s(_ id: Int) throws(FlatBufferError) -> [UInt32]? {
    guard let v = try vector(id, size: 4) else { return nil }
    var out = [UInt32]()
    out.reserveCapacity(v.count)
    for i in 0..<v.count {
      out.append(UInt32(littleEndian: buffer.bytes.loadUnaligned(fromByteOffset: v.start + 4 * i, as: UInt32.self)))
    }
    return out
  }
  public func int32s(_ id: Int) throws(FlatBufferError) -> [Int32]? {
    guard let v = try vector(id, size: 4) else { return nil }
    var out = [Int32]()
    out.reserveCapacity(v.count)
    for i in 0..<v.count {
      out.append(Int32(littleEndian: buffer.bytes.loadUnaligned(fromByteOffset: v.start + 4 * i, as: Int32.self)))
    }
    return out
  }
  public func int64s(_ id: Int) throws(FlatBufferError) -> [Int64]? {
    guard let v = try vector(id, size: 8) else { return nil }
    var out = [Int64]()
    out.reserveCapacity(v.count)
    for i in 0..<v.count {
      out.append(Int64(littleEndian: buffer.bytes.loadUnaligned(fromByteOffset: v.start + 8 * i, as: Int64.self)))
    }
    return out
  }
  public func float32s(_ id: Int) throws(FlatBufferError) -> [Float]? {
    guard let v = try vector(id, size: 4) else { return nil }
    var out = [Float]()
    out.reserveCapacity(v.count)
    for i in 0..<v.count {
      let bits = UInt32(littleEndian: buffer.bytes.loadUnaligned(fromByteOffset: v.start + 4 * i, as: UInt32.self))
      out.append(Float(bitPattern: bits))
    }
    return out
  }

  /// Pays for `count` bytes that are about to be copied out of this table's children; see ``FlatBuffer/charge(_:at:)``.
  public func charge(_ count: Int) throws(FlatBufferError) { try buffer.charge(count, at: position) }

  /// A vector that is about to be copied.
  private func vector(_ id: Int, size: Int) throws(FlatBufferError) -> (start: Int, count: Int)? {
    guard let at = try target(id) else { return nil }
    let v = try buffer.elements(at: at, size: size)
    try buffer.charge(size * v.count + 4, at: at)
    return v
  }
}

/// A byte vector in place.
public struct Bytes {
  /// Position of the first byte, counted from the buffer's start.
  public let offset: Int
  public let content: UnsafeRawBufferPointer

  public init(offset: Int, content: UnsafeRawBufferPointer) {
    self.offset = offset
    self.content = content
  }
}

/// A vector of tables.
public struct TableVector {
  let buffer: FlatBuffer
  let start: Int
  public let count: Int

  /// Where the vector's elements start, for messages.
  public var position: Int { start }

  public func table(_ index: Int) throws(FlatBufferError) -> Table {
    if index < 0 || index >= count { throw FlatBufferError(offset: start, expected: "an index below the vector's count") }
    return try Table(buffer, at: buffer.target(of: start + 4 * index))
  }

  /// The fields of an element that is like `form`, a table of this buffer: what both have lies in the same places. nil when it is not,
  /// or when its offset leads nowhere: ``table(_:)`` tells.
  @inline(__always)
  public func fields(_ index: Int, like form: Table) throws(FlatBufferError) -> TableFields? {
    if index < 0 || index >= count { throw FlatBufferError(offset: start, expected: "an index below the vector's count") }
    let entry = start + 4 * index
    let distance = Int(UInt32(littleEndian: buffer.bytes.baseAddress!.loadUnaligned(fromByteOffset: entry, as: UInt32.self)))
    return distance == 0 ? nil : try form.alike(at: entry + distance)
  }
}

/// The fields of a table whose places were found in it or in one like it (``Table/place(_:size:)``); of no place, `absent`. It lives
/// no longer than the buffer: long lists of tables are read without counting references to it.
public struct TableFields {
  let start: UnsafeRawPointer

  @inline(__always)
  public func bits32(_ place: Int?, absent: UInt32) -> UInt32 {
    guard let place else { return absent }
    return UInt32(littleEndian: start.loadUnaligned(fromByteOffset: place, as: UInt32.self))
  }
  @inline(__always)
  public func bits64(_ place: Int?, absent: UInt64) -> UInt64 {
    guard let place else { return absent }
    return UInt64(littleEndian: start.loadUnaligned(fromByteOffset: place, as: UInt64.self))
  }
  @inline(__always)
  public func byte(_ place: Int?, absent: UInt8) -> UInt8 {
    guard let place else { return absent }
    return start.load(fromByteOffset: place, as: UInt8.self)
  }
}
