import CInterface
import CMindSpore
import CSystem
import Graph

/// Memory of the handle lists that are given out. It is never returned to the system, and every address in it is known: a list in
/// it that is not the model's own is a leftover of another model (of a stack slot that was used before), and is not trusted.
final class ListMemory: @unchecked Sendable {
  static let shared = ListMemory()

  private static let chunkEntries = 1024
  private let lock: UnsafeMutablePointer<pthread_mutex_t>
  // Under the lock.
  private var chunks: [(base: UInt, bytes: UInt)] = []
  private var next: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
  private var remaining = 0
  /// Free blocks of 1 << i entries; each one's first entry points to the next.
  private var free = [UnsafeMutablePointer<UnsafeMutableRawPointer?>?](repeating: nil, count: Int.bitWidth)

  private init() {
    lock = .allocate(capacity: 1)
    _ = pthread_mutex_init(lock, nil)
  }

  private static func sizeClass(_ count: Int) -> Int { Int.bitWidth - max(count - 1, 0).leadingZeroBitCount }

  /// Room for `count` entries; nil when memory runs out.
  func allocate(_ count: Int) -> UnsafeMutablePointer<UnsafeMutableRawPointer?>? {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    let sizeClass = Self.sizeClass(count)
    if let block = free[sizeClass] {
      free[sizeClass] = block.pointee?.assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
      return block
    }
    let entries = 1 << sizeClass
    if remaining < entries {
      let wanted = max(entries, Self.chunkEntries)
      let bytes = wanted * MemoryLayout<UnsafeMutableRawPointer?>.stride
      guard let memory = malloc(bytes) else { return nil }
      chunks.append((UInt(bitPattern: memory), UInt(bytes)))
      next = memory.bindMemory(to: UnsafeMutableRawPointer?.self, capacity: wanted)
      remaining = wanted
    }
    let block = next
    next = next.map { $0 + entries }
    remaining -= entries
    return block
  }

  func release(_ block: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ count: Int) {
    pthread_mutex_lock(lock)
    let sizeClass = Self.sizeClass(count)
    block.pointee = UnsafeMutableRawPointer(free[sizeClass])
    free[sizeClass] = block
    pthread_mutex_unlock(lock)
  }

  /// Whether the address lies in this memory.
  func contains(_ pointer: UnsafeRawPointer) -> Bool {
    let address = UInt(bitPattern: pointer)
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    for chunk in chunks where address &- chunk.base < chunk.bytes { return true }
    return false
  }
}

/// A model's inputs or outputs: the tensor handles, and a list of them to give out.
final class TensorList {
  let tensors: [TensorObject]
  /// What callers see. They may write into it, so it is filled in again whenever it is given out.
  let list: UnsafeMutablePointer<UnsafeMutableRawPointer?>

  /// One handle per tensor of the session, owned by `model`; nil when memory runs out.
  init?(_ values: [Tensor], model: UnsafeMutableRawPointer?, allocator: UnsafeMutableRawPointer?) {
    var made: [TensorObject] = []
    guard let list = ListMemory.shared.allocate(max(values.count, 1)) else { return nil }
    for value in values {
      let name = value.name.utf8.isEmpty ? "\(value.index)" : value.name
      guard let tensor = TensorObject(name: cString(name), type: OH_AI_DataType(engine: value.type)) else { break }
      tensor.describe(value)
      tensor.model = model
      tensor.allocator = allocator
      if HandleTable.shared.insert(tensor, .tensor) == nil { break }
      made.append(tensor)
    }
    tensors = made
    self.list = list
    if made.count < values.count { return nil }
  }

  deinit {
    for tensor in tensors { HandleTable.shared.destroy(tensor.handle) }
    ListMemory.shared.release(list, max(tensors.count, 1))
  }

  /// The list as the caller is to see it.
  var array: OH_AI_TensorHandleArray {
    var i = 0
    while i < tensors.count {
      list[i] = tensors[i].handle
      i += 1
    }
    return OH_AI_TensorHandleArray(handle_num: tensors.count, handle_list: list)
  }

  func named(_ name: UnsafePointer<CChar>) -> UnsafeMutableRawPointer? {
    for tensor in tensors where strcmp(tensor.name, name) == 0 { return tensor.handle }
    return nil
  }
}

extension OH_AI_DataType {
  /// The engine's numbers are the interface's.
  init(engine type: DataType) { self.init(rawValue: RawValue(truncatingIfNeeded: type.rawValue)) }
}

extension TensorObject {
  /// Takes over type, layout and shape of a value of the graph.
  func describe(_ value: Tensor) {
    type = OH_AI_DataType(engine: value.type)
    format = OH_AI_Format(rawValue: .init(truncatingIfNeeded: value.format.rawValue))
    setShape(value.shape)
  }
}

/// A malloc'd C string; nil when memory runs out.
func cString(_ text: String) -> UnsafeMutablePointer<CChar>? {
  let count = text.utf8.count
  guard let memory = malloc(count + 1) else { return nil }
  let bytes = memory.bindMemory(to: UInt8.self, capacity: count + 1)
  var i = 0
  for byte in text.utf8 {
    bytes[i] = byte
    i += 1
  }
  bytes[i] = 0
  return UnsafeMutableRawPointer(bytes).assumingMemoryBound(to: CChar.self)
}

/// Whether `count` handles can be read at `list`, which a caller may not have set. What shares a page with `known`, an address
/// that the caller does vouch for, needs no question to the system.
func isReadable(
  _ list: UnsafePointer<UnsafeMutableRawPointer?>, _ count: Int, known: UnsafeRawPointer?
) -> Bool {
  let start = UInt(bitPattern: list)
  let word = UInt(MemoryLayout<UnsafeMutableRawPointer?>.stride)
  let (bytes, overflow) = UInt(bitPattern: count).multipliedReportingOverflow(by: word)
  if start % word != 0 || overflow || count == 0 || start.addingReportingOverflow(bytes).overflow { return false }
  // One word of every page, and the last one.
  let page: UInt = 4096
  if let known {
    let knownPage = UInt(bitPattern: known) / page
    if start / page == knownPage && (start + bytes - 1) / page == knownPage { return true }
  }
  var address = start
  while address < start + bytes {
    if !mssys_is_readable(UnsafeRawPointer(bitPattern: address)) { return false }
    address = (address / page + 1) * page
    if address == 0 { return false }
  }
  return true
}
