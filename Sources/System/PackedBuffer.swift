import CSystem

/// Weights in the form that kernels read. Those of a mapped file are packed once for all models of the process that need them in the
/// same form.
public final class PackedBuffer {
  private let memory: WeightMemory.Piece
  /// The file whose weights they are.
  private let content: FileContent?

  public var base: UnsafeMutableRawPointer { memory.base }

  private init(_ memory: WeightMemory.Piece, _ content: FileContent?) {
    self.memory = memory
    self.content = content
  }

  /// Memory for weights that are not constant; nil when there is none.
  public static func make(count: Int) -> PackedBuffer? {
    Buffer(count: count).map { PackedBuffer(WeightMemory.Piece(base: $0.base, owner: $0), nil) }
  }

  /// `source` packed by `fill`, or earlier, into `count` bytes; nil when there is no memory. Whoever reads the source afterwards finds
  /// it in the file again: its pages do not stay in memory.
  public static func make(
    _ key: PackingKey, of source: UnsafeRawBufferPointer, count: Int, in memory: WeightMemory,
    fill: (UnsafeMutableRawPointer) -> Void
  ) -> PackedBuffer? {
    memory.willPack(source.count)
    let files = FileContents.shared
    guard let content = files.content(holding: source) else {
      guard let piece = memory.take(count) else { return nil }
      fill(piece.base)
      return PackedBuffer(piece, nil)
    }
    defer { dropPages(source) }
    return files.packing(key, of: source, in: content, count: count, memory, fill: fill).map { PackedBuffer($0, content) }
  }

  deinit { if let content { FileContents.shared.leave(memory, content) } }

  /// The whole pages of `source`.
  private static func dropPages(_ source: UnsafeRawBufferPointer) {
    let page = UInt(mssys_page_size())
    let start = (UInt(bitPattern: source.baseAddress) + page - 1) & ~(page - 1)
    let end = (UInt(bitPattern: source.baseAddress) + UInt(source.count)) & ~(page - 1)
    if end > start, let first = UnsafeRawPointer(bitPattern: start) { mssys_drop_pages(first, Int(end - start)) }
  }
}

/// Where a model's packed weights lie, one behind the other, so that most of them are in large pages: those are touched in a third of
/// the time, and a small model has room for none of its own in each of its weights.
public final class WeightMemory {
  /// Memory for some weights, which lives as long as its owner.
  struct Piece {
    let base: UnsafeMutableRawPointer
    let owner: Buffer
  }

  /// Bytes that will be packed from now on, and room for them that is likely to do.
  private var expected = 0, room = 0
  private var chunk: Buffer?
  private var used = 0
  /// Bytes of the chunk whose pages are large ones or have been touched.
  private var settled = 0

  private static let largePage = 2 << 20

  public init() {}

  /// Weights of `bytes` bytes will be packed, into `room` bytes at most.
  public func expect(_ bytes: Int, room: Int) {
    expected += bytes
    self.room += room
  }

  fileprivate func willPack(_ bytes: Int) { expected = max(expected - bytes, 0) }

  /// nil when there is no memory.
  func take(_ count: Int) -> Piece? {
    guard count >= 0, count < 1 << 48 else { return nil }
    let size = (count + Buffer.alignment - 1) & ~(Buffer.alignment - 1)
    if chunk.map({ size > $0.count - used }) ?? true {
      // What is never touched takes no memory.
      chunk = Self.chunk(max(size, room)) ?? Self.chunk(size)
      room = 0
      used = 0
      settled = 0
    }
    guard let chunk else { return nil }
    let piece = Piece(base: chunk.base + used, owner: chunk)
    used += size
    // A large page is there as a whole once it is touched: only where all of it will be filled.
    while settled < used {
      if chunk.count - settled >= Self.largePage && used + expected >= settled + Self.largePage {
        mssys_use_large_pages(chunk.base + settled, Self.largePage)
      }
      settled += Self.largePage
    }
    return piece
  }

  private static func chunk(_ count: Int) -> Buffer? {
    if count < largePage { return Buffer(count: count) }
    return Buffer(count: (count + largePage - 1) & ~(largePage - 1), alignment: largePage)
  }
}
