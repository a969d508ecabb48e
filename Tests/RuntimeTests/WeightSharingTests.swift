import Foundation
import System
import Testing

/// Models of one file share its mapping and what is packed of it.
@Suite struct WeightSharingTests {
  /// A file that nobody has changed for a while.
  private static let settled = #filePath

  private func open(_ path: String) throws -> MappedFile { try path.withCString { try MappedFile.open(path: $0) } }

  private func part(_ file: MappedFile, _ offset: Int, _ count: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: file.bytes[offset..<offset + count])
  }

  /// Copies the source; `packings` counts the copies.
  private func pack(
    _ source: UnsafeRawBufferPointer, k: Int, _ packings: inout Int, _ memory: WeightMemory = WeightMemory()
  ) throws -> PackedBuffer {
    let kernels = UnsafePointer<UInt8>(bitPattern: 64).unsafelyUnwrapped
    var count = 0
    let packed = PackedBuffer.make(PackingKey(.matrix, kernels, sizes: (k, 1, 1)), of: source, count: source.count, in: memory) {
      $0.copyMemory(from: source.baseAddress.unsafelyUnwrapped, byteCount: source.count)
      count += 1
    }
    packings += count
    return try #require(packed)
  }

  private func holds(_ packed: PackedBuffer, _ source: UnsafeRawBufferPointer) -> Bool {
    memcmp(packed.base, source.baseAddress.unsafelyUnwrapped, source.count) == 0
  }

  @Test func oneMappingAndOnePacking() throws {
    let first = try open(Self.settled), second = try open(Self.settled)
    #expect(first.bytes.baseAddress == second.bytes.baseAddress)
    var packings = 0
    let a = try pack(part(first, 16, 999), k: 1, &packings), b = try pack(part(second, 16, 999), k: 1, &packings)
    #expect(a.base == b.base)
    #expect(packings == 1)
    // Another form, another place.
    let c = try pack(part(second, 16, 999), k: 2, &packings), d = try pack(part(second, 17, 999), k: 1, &packings)
    #expect(c.base != a.base)
    #expect(d.base != a.base)
    #expect(packings == 3)
    #expect(holds(d, part(first, 17, 999)))
  }

  @Test(arguments: [true, false]) func oneGoesTheOtherStays(firstGoes: Bool) throws {
    var files: [MappedFile?] = [try open(Self.settled), try open(Self.settled)]
    // A key of its own: the cases run at the same time.
    let k = firstGoes ? 3 : 6
    var packings = 0
    let copy = [UInt8](part(try #require(files[0]), 0, 1000))
    var packed: [PackedBuffer?] = try files.map { try pack(part(try #require($0), 0, 1000), k: k, &packings) }
    let gone = firstGoes ? 0 : 1
    packed[gone] = nil
    files[gone] = nil
    let place = try #require(packed[1 - gone]?.base)
    #expect(memcmp(place, copy, 1000) == 0)
    #expect(copy == [UInt8](part(try #require(files[1 - gone]), 0, 1000)))
    // The packing outlives the mapping that it was made of, and is found again.
    files[1 - gone] = nil
    let again = try open(Self.settled)
    #expect(try pack(part(again, 0, 1000), k: k, &packings).base == place)
    #expect(packings == 1)
    // When nobody uses it, it is gone.
    packed[1 - gone] = nil
    _ = try pack(part(again, 0, 1000), k: k, &packings)
    #expect(packings == 2)
  }

  @Test func otherMemoryIsNotShared() throws {
    let bytes = [UInt8](repeating: 7, count: 333)
    var packings = 0
    try bytes.withUnsafeBytes {
      let a = try pack($0, k: 4, &packings), b = try pack($0, k: 4, &packings)
      #expect(a.base != b.base)
    }
    #expect(packings == 2)
  }

  @Test func rewrittenFile() throws {
    let path = NSTemporaryDirectory() + "mslite-sharing-\(getpid())"
    defer { unlink(path) }
    try Data(repeating: 1, count: 500).write(to: URL(fileURLWithPath: path))
    let old = try open(path)
    var packings = 0
    let packed = try pack(part(old, 0, 500), k: 5, &packings)
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try handle.write(contentsOf: Data(repeating: 2, count: 500))
    try handle.close()
    let new = try open(path)
    let repacked = try pack(part(new, 0, 500), k: 5, &packings)
    #expect(packings == 2)
    #expect(packed.base.load(as: UInt8.self) == 1)
    #expect(repacked.base.load(as: UInt8.self) == 2)
  }

  /// Pieces of a model's memory do not overlap, whatever was expected, and each is aligned to a cache line.
  @Test(arguments: [0, 1000, 3 << 20, 9 << 20]) func piecesOfMemory(expected: Int) throws {
    let memory = WeightMemory()
    memory.expect(expected, room: expected)
    var packings = 0
    var pieces: [(PackedBuffer, [UInt8])] = []
    for (i, count) in [1, 63, 64, 65, 100_000, 2 << 20, (2 << 20) + 1, 3_000_001, 5].enumerated() {
      let bytes = [UInt8](repeating: UInt8(i + 1), count: count)
      try bytes.withUnsafeBytes { pieces.append((try pack($0, k: i, &packings, memory), bytes)) }
    }
    for (piece, bytes) in pieces {
      #expect(UInt(bitPattern: piece.base) % 64 == 0)
      bytes.withUnsafeBytes { #expect(holds(piece, $0)) }
    }
  }

  @Test func manyThreads() async throws {
    let reference = try open(Self.settled)
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for k in 0..<200 {
            guard let file = try? self.open(Self.settled) else { return false }
            var packings = 0
            let source = self.part(file, k % 7, 1001)
            guard let packed = try? self.pack(source, k: 100 + k % 3, &packings), self.holds(packed, source) else { return false }
          }
          return true
        }
      }
      for await isRight in group { #expect(isRight) }
    }
    #expect(reference.bytes.count > 1100)
  }
}
