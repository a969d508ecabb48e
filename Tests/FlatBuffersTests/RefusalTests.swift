import FlatBuffers
import Testing

/// Hand-made buffers with one thing wrong, so that offset and text of the error are known.
@Suite struct Refusals {
  /// A vtable of one field at 8, the table at 16 with its field at 20, a string at 24.
  private func buffer(
    root: UInt32 = 16, vtableSize: UInt16 = 6, tableSize: UInt16 = 8, slot: UInt16 = 4, distance: Int32 = 8, field: UInt32 = 4,
    tail: [UInt8] = [3, 0, 0, 0, 97, 98, 99, 0]
  ) -> [UInt8] {
    var out: [UInt8] = []
    func put<T: FixedWidthInteger>(_ v: T) { withUnsafeBytes(of: v.littleEndian) { out += Array($0) } }
    put(root)
    out += Array("TEST".utf8)
    put(vtableSize)
    put(tableSize)
    put(slot)
    put(UInt16(0))
    put(distance)
    put(field)
    return out + tail
  }

  private func refusal(_ bytes: [UInt8], _ body: (Table) throws -> Void = { _ = try $0.string(0) }) -> String {
    do {
      try read(bytes) { try body($0.root()) }
      return "accepted"
    } catch let error as FlatBufferError { return error.text } catch { return "\(error)" }
  }

  @Test func theBufferIsGoodToBeginWith() throws {
    try read(buffer()) { file in
      let t = try file.root()
      #expect(try t.string(0) == "abc")
    }
  }

  @Test func texts() {
    #expect(refusal([]) == "byte 0: expected at least the 8 bytes of root offset and identifier")
    for root in [0, 1000, 0xFFFF_FFFF] as [UInt32] {
      #expect(refusal(buffer(root: root)) == "byte 0: expected an offset that leads forward and inside the buffer")
    }
    for root in [14, 32, 30] as [UInt32] {
      #expect(refusal(buffer(root: root)) == "byte 0: expected an offset to a multiple of 4 inside the buffer")
    }
    for distance in [100, -100, Int32.min, Int32.max, 7] {
      #expect(refusal(buffer(distance: distance)) == "byte 16: expected a distance to a vtable inside the buffer")
    }
    for size in [0, 2, 7, 0xFFFE] as [UInt16] {
      #expect(refusal(buffer(vtableSize: size)) == "byte 8: expected a vtable of an even size that ends inside the buffer")
    }
    for size in [0, 3, 17, 0xFFFF] as [UInt16] {
      #expect(refusal(buffer(tableSize: size)) == "byte 10: expected a table that ends inside the buffer")
    }
    for slot in [1, 3, 5, 8, 0xFFFF] as [UInt16] {
      #expect(refusal(buffer(slot: slot)) == "byte 12: expected a field that lies inside its table")
    }
    #expect(refusal(buffer(tableSize: 12, slot: 6)) == "byte 22: expected a field aligned to its size")
    #expect(refusal(buffer(field: 0)) == "byte 20: expected an offset that leads forward and inside the buffer")
    #expect(refusal(buffer(field: 5)) == "byte 20: expected an offset to a multiple of 4 inside the buffer")
    #expect(
      refusal(buffer(tail: [5, 0, 0, 0, 97, 98, 99, 0])) == "byte 24: expected a vector that ends inside the buffer")
    #expect(
      refusal(buffer(tail: [255, 255, 255, 255, 97, 98, 99, 0])) == "byte 24: expected a vector that ends inside the buffer")
    #expect(
      refusal(buffer(tail: [3, 0, 0, 0, 97, 98, 99, 1]))
        == "byte 24: expected a string that ends with a zero byte inside the buffer")
    #expect(
      refusal(buffer(tail: [4, 0, 0, 0, 97, 98, 99, 0]))
        == "byte 24: expected a string that ends with a zero byte inside the buffer")
  }

  @Test func vectorsOfWiderElements() {
    let numbers = [2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0] as [UInt8]
    #expect(refusal(buffer(tail: numbers)) { _ = try $0.int32s(0) } == "accepted")
    #expect(
      refusal(buffer(tail: numbers)) { _ = try $0.int64s(0) } == "byte 24: expected a vector that ends inside the buffer")
    #expect(
      refusal(buffer(tail: [1, 0, 0, 0] + [UInt8](repeating: 0, count: 8))) { _ = try $0.int64s(0) }
        == "byte 24: expected vector elements aligned to their size")
    // A count whose size in bytes overflows 32 bits.
    for count in [0x4000_0000, 0x2000_0001, 0x8000_0000] as [UInt32] {
      var tail = numbers
      for k in 0..<4 { tail[k] = UInt8(truncatingIfNeeded: count >> UInt32(8 * k)) }
      for body in [{ _ = try $0.int64s(0) }, { _ = try $0.uint32s(0) }, { _ = try $0.tables(0) }] as [(Table) throws -> Void] {
        #expect(refusal(buffer(tail: tail), body) == "byte 24: expected a vector that ends inside the buffer")
      }
    }
  }

  /// A vector of a thousand offsets to one table: cheap to write down, and read a thousand times.
  @Test func sharedTablesUseUpTheAllowance() throws {
    let count = 1000
    let child = TableBuilder().set(0, .bytes([], alignment: 4))
    for id in 1..<200 { child.set(id, .int64(0)) }
    var bytes = write(TableBuilder().set(0, .tables([child] + (1..<count).map { _ in TableBuilder() })))
    // Point every offset to where the first one leads.
    let (start, target) = try read(bytes) { file in
      let list = try #require(try file.root().tables(0))
      return try (list.position, list.table(0).position)
    }
    for i in 0..<count {
      for k in 0..<4 { bytes[start + 4 * i + k] = UInt8(truncatingIfNeeded: (target - start - 4 * i) >> (8 * k)) }
    }
    try read(bytes) { file in
      let list = try #require(try file.root().tables(0))
      #expect(throws: FlatBufferError.self) { for i in 0..<count { _ = try list.table(i) } }
    }
  }
}
