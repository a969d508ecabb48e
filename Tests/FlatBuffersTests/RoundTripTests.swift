import FlatBuffers
import Testing

/// A table with a field of every kind, and what reading gives.
private func sample() -> TableBuilder {
  let child = TableBuilder().set(0, .int32(7)).set(1, .string("child"))
  let other = TableBuilder().set(0, .int32(-8)).set(1, .string(""))
  return TableBuilder()
    .set(0, .bool(true)).set(1, .int8(-5)).set(2, .uint8(250)).set(3, .int32(-70_000)).set(4, .uint32(4_000_000_000))
    .set(5, .int64(-1 << 40)).set(6, .float32(1.5)).set(7, .float64(-0.1)).set(8, .string("grüße"))
    .set(9, .bytes([1, 2, 3], alignment: 16)).set(10, .int32s([1, -2, 3])).set(11, .uint32s([4, .max]))
    .set(12, .int64s([.min, 5])).set(13, .float32s([0.5, -2])).set(14, .table(child)).set(15, .tables([child, other, child]))
    .set(20, .int32(99))
}

func write(_ root: TableBuilder) -> [UInt8] { FlatBufferWriter.write(root: root, identifier: "TEST")! }

func read<R>(_ bytes: [UInt8], _ body: (FlatBuffer) throws -> R) throws -> R {
  // An allocation of exactly the right size, so that a sanitiser sees reads past its end.
  let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 16)
  defer { copy.deallocate() }
  copy.copyBytes(from: bytes)
  return try body(FlatBuffer.open(UnsafeRawBufferPointer(rebasing: copy[..<bytes.count])))
}

/// Reads every field of the sample; throws as soon as one cannot be read.
private func walk(_ file: FlatBuffer) throws {
  let t = try file.root()
  for id in 0..<24 { _ = try (t.has(id), t.room(id)) }
  _ = try (t.bool(0), t.int8(1), t.uint8(2), t.int32(3), t.int64(5), t.float32(6), t.float64(7), t.string(8))
  _ = try (t.bytes(9)?.content.reduce(0) { $0 &+ $1 }, t.int32s(10), t.uint32s(11), t.int64s(12), t.float32s(13))
  if let child = try t.table(14) { _ = try (child.int32(0), child.string(1)) }
  if let children = try t.tables(15) {
    for i in 0..<children.count { _ = try (children.table(i).int32(0), children.table(i).string(1)) }
  }
}

@Suite struct RoundTrip {
  @Test func everyKindOfField() throws {
    try read(write(sample())) { file in
      #expect(file.hasIdentifier("TEST"))
      #expect(!file.hasIdentifier("TESS"))
      let t = try file.root()
      #expect(try t.bool(0) == true)
      #expect(try t.int8(1) == -5)
      #expect(try t.uint8(2) == 250)
      #expect(try t.int32(3) == -70_000)
      #expect(try t.int32(4) == Int32(bitPattern: 4_000_000_000))
      #expect(try t.int64(5) == -1 << 40)
      #expect(try t.float32(6) == 1.5)
      #expect(try t.float64(7) == -0.1)
      #expect(try t.string(8) == "grüße")
      #expect(try t.bytes(9).map { Array($0.content) } == [1, 2, 3])
      #expect(try t.int32s(10) == [1, -2, 3])
      #expect(try t.uint32s(11) == [4, .max])
      #expect(try t.int64s(12) == [.min, 5])
      #expect(try t.float32s(13) == [0.5, -2])
      let child = try #require(try t.table(14))
      #expect(try child.string(1) == "child")
      let children = try #require(try t.tables(15))
      #expect(children.count == 3)
      let second = try children.table(1)
      #expect(try second.int32(0) == -8)
      #expect(try second.string(1) == "")
      let third = try children.table(2)
      #expect(try third.string(1) == "child")
      #expect(throws: FlatBufferError.self) { try children.table(3) }
      #expect(throws: FlatBufferError.self) { try children.table(-1) }
      #expect(try t.int32(20) == 99)
    }
  }

  @Test func absentFields() throws {
    try read(write(sample())) { file in
      let t = try file.root()
      for id in [16, 19, 21, 1000] {
        #expect(try !t.has(id))
        #expect(try t.room(id) == 0)
        #expect(try t.int32(id) == nil)
        #expect(try t.string(id) == nil)
        #expect(try t.table(id) == nil)
        #expect(try t.int64s(id) == nil)
      }
    }
    try read(write(TableBuilder())) { file in
      let t = try file.root()
      #expect(try t.int32(0) == nil)
    }
  }

  @Test(arguments: [1, 2, 4, 8, 16, 64]) func alignmentOfBytes(alignment: Int) throws {
    let root = TableBuilder().set(0, .string("x")).set(1, .bytes([UInt8](repeating: 9, count: 5), alignment: alignment))
      .set(2, .int64s([1])).set(3, .bytes([7], alignment: alignment))
    try read(write(root)) { file in
      let t = try file.root()
      #expect(try t.bytes(1).map { $0.offset % alignment } == 0)
      #expect(try t.bytes(3).map { $0.offset % alignment } == 0)
      #expect(try t.int64s(2) == [1])
    }
  }

  @Test func memoryIsWrittenLikeBytes() throws {
    let content: [UInt8] = [5, 6, 7]
    content.withUnsafeBytes { memory in
      let one = write(TableBuilder().set(0, .memory(memory, alignment: 8)))
      #expect(one == write(TableBuilder().set(0, .bytes(content, alignment: 8))))
    }
  }

  @Test func equalTablesShareTheirVtable() {
    func size(_ count: Int) -> Int {
      var children: [TableBuilder] = []
      for i in 0..<count { children.append(TableBuilder().set(0, .int32(Int32(i))).set(9, .int32(1))) }
      return write(TableBuilder().set(0, .tables(children))).count
    }
    // A table of two words with its distance word, padded to 8 bytes, and the offset to it; no vtable of 24 bytes.
    #expect(size(101) - size(1) <= 100 * 20)
  }

  @Test func setReplacesAndRemoves() throws {
    let root = TableBuilder().set(0, .int32(1)).set(1, .int32(2))
    root.set(0, .int64(5)).set(1, nil)
    try read(write(root)) { file in
      let t = try file.root()
      #expect(try t.int64(0) == 5)
      #expect(try !t.has(1))
    }
  }
}

@Suite struct BrokenBytes {
  @Test func everyTruncation() throws {
    let bytes = write(sample())
    for count in 0..<bytes.count {
      // The last bytes are padding-free content here, so every truncation loses something.
      #expect(throws: FlatBufferError.self, "\(count) bytes") { try read(Array(bytes[..<count]), walk) }
    }
  }

  @Test func everyByteChanged() {
    let bytes = write(sample())
    for i in bytes.indices {
      for change in [1, 2, 4, 8, 16, 32, 64, 128, 255] as [UInt8] {
        var broken = bytes
        broken[i] ^= change
        try? read(broken, walk)
      }
    }
  }

  @Test func everyWordReplaced() {
    let bytes = write(sample())
    for i in bytes.indices.dropLast(3) {
      for value in [0, 1, 4, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, UInt32(bytes.count), UInt32(bytes.count - i)] {
        var broken = bytes
        for k in 0..<4 { broken[i + k] = UInt8(truncatingIfNeeded: value >> UInt32(8 * k)) }
        try? read(broken, walk)
      }
    }
  }
}
