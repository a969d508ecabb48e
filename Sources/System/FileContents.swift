import CSystem

/// One content of a file: its mapping, and what has been packed of it. Both are there as long as somebody uses them. All but the
/// constants belongs to the lock of ``FileContents``.
final class FileContent {
  fileprivate let identity: mssys_identity
  /// Another file that is opened may be this one.
  fileprivate let isShared: Bool
  /// The mapping; empty while nobody has the file open.
  fileprivate(set) var bytes = UnsafeRawBufferPointer(start: nil, count: 0)
  fileprivate var openings = 0
  fileprivate var packings: [Packing] = []
  /// Held while something is packed, so that whoever needs the same waits for it.
  fileprivate let packs: UnsafeMutablePointer<pthread_mutex_t>

  fileprivate struct Packing {
    let key: PackingKey
    let memory: WeightMemory.Piece
    var users: Int
  }

  fileprivate init(_ identity: mssys_identity, isShared: Bool) {
    self.identity = identity
    self.isShared = isShared
    packs = .allocate(capacity: 1)
    _ = pthread_mutex_init(packs, nil)
  }

  deinit {
    _ = pthread_mutex_destroy(packs)
    packs.deallocate()
  }

  fileprivate func holds(_ range: UnsafeRawBufferPointer) -> Bool {
    guard let base = bytes.baseAddress, let start = range.baseAddress, start >= base else { return false }
    let offset = start - base
    return offset <= bytes.count && range.count <= bytes.count - offset
  }

  fileprivate func isSame(_ other: mssys_identity) -> Bool {
    identity.device == other.device && identity.inode == other.inode && identity.size == other.size
      && identity.modified == other.modified && identity.changed == other.changed
  }

  fileprivate func packing(_ key: PackingKey) -> Int? {
    var i = 0
    while i < packings.count {
      if packings[i].key == key { return i }
      i += 1
    }
    return nil
  }
}

/// All files of the process that are mapped or packed.
final class FileContents: @unchecked Sendable {
  static let shared = FileContents()

  private let lock: UnsafeMutablePointer<pthread_mutex_t>
  private var contents: [FileContent] = []

  /// A file that has changed this short a time ago might change again without a difference in its times, which some file systems
  /// keep in steps of two seconds.
  private static let settlingNanoseconds: Int64 = 2_000_000_000

  private init() {
    lock = .allocate(capacity: 1)
    _ = pthread_mutex_init(lock, nil)
  }

  // MARK: mappings

  /// The mapping of a file that is open; nil with errno set when it cannot be made.
  func map(_ descriptor: Int32, _ identity: mssys_identity) -> FileContent? {
    let age = mssys_file_time() &- identity.changed
    let isShared = age > Self.settlingNanoseconds
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    let known = isShared ? contents.first { $0.isShared && $0.isSame(identity) } : nil
    let content = known ?? FileContent(identity, isShared: isShared)
    if content.openings == 0 {
      let size = Int(identity.size)
      guard let base = mssys_map(descriptor, size) else { return nil }
      content.bytes = UnsafeRawBufferPointer(start: base, count: size)
    }
    content.openings += 1
    if known == nil { contents.append(content) }
    return content
  }

  func unmap(_ content: FileContent) {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    content.openings -= 1
    if content.openings > 0 { return }
    if let base = content.bytes.baseAddress { _ = munmap(UnsafeMutableRawPointer(mutating: base), content.bytes.count) }
    content.bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    dropIfUnused(content)
  }

  private func dropIfUnused(_ content: FileContent) {
    if content.openings == 0 && content.packings.isEmpty { contents.removeAll { $0 === content } }
  }

  /// The file whose mapping holds `range`.
  func content(holding range: UnsafeRawBufferPointer) -> FileContent? {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return contents.first { $0.holds(range) }
  }

  // MARK: packings

  /// The packing of `key` in the file, made in `memory` by `fill` if there is none; nil when there is no memory for it.
  func packing(
    _ key: PackingKey, of source: UnsafeRawBufferPointer, in content: FileContent, count: Int, _ memory: WeightMemory,
    fill: (UnsafeMutableRawPointer) -> Void
  ) -> WeightMemory.Piece? {
    var key = key
    if let base = content.bytes.baseAddress, let start = source.baseAddress { key.offset = start - base }
    pthread_mutex_lock(content.packs)
    defer { pthread_mutex_unlock(content.packs) }
    if let piece = use(key, content) { return piece }
    guard let piece = memory.take(count) else { return nil }
    fill(piece.base)
    pthread_mutex_lock(lock)
    content.packings.append(FileContent.Packing(key: key, memory: piece, users: 1))
    pthread_mutex_unlock(lock)
    return piece
  }

  private func use(_ key: PackingKey, _ content: FileContent) -> WeightMemory.Piece? {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    guard let i = content.packing(key) else { return nil }
    content.packings[i].users += 1
    return content.packings[i].memory
  }

  /// One user less of a packing.
  func leave(_ memory: WeightMemory.Piece, _ content: FileContent) {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    guard let i = content.packings.firstIndex(where: { $0.memory.base == memory.base }) else { return }
    content.packings[i].users -= 1
    if content.packings[i].users > 0 { return }
    content.packings.remove(at: i)
    dropIfUnused(content)
  }
}

/// What the panels of packed weights depend on besides the weights: two packings of one place with equal keys are the same bytes.
public struct PackingKey: Equatable {
  public enum Layout: Int {
    case matrix, channelsLast, winograd, int8
  }
  let layout: Layout
  let function: UInt
  let sizes: (Int, Int, Int)
  let strides: (Int, Int)
  let variant: Int
  /// Where the weights lie in the file.
  fileprivate(set) var offset = 0

  /// `function`: the kernels that pack. `sizes`: depth, columns and number of the matrices. `strides`: from row to row and from column to
  /// column. `variant`: whatever else there is.
  public init<Kernels>(
    _ layout: Layout, _ function: UnsafePointer<Kernels>, sizes: (Int, Int, Int), strides: (Int, Int) = (0, 0), variant: Int = 0
  ) {
    self.layout = layout
    self.function = UInt(bitPattern: function)
    self.sizes = sizes
    self.strides = strides
    self.variant = variant
  }

  public static func == (a: PackingKey, b: PackingKey) -> Bool {
    a.offset == b.offset && a.layout == b.layout && a.function == b.function && a.sizes == b.sizes && a.strides == b.strides
      && a.variant == b.variant
  }
}
