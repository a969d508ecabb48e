import CNeuralNetworkRuntime

/// The memory that executors have given to programs, which know it by the address of a struct.
final class MemoryRegistry: @unchecked Sendable {
  static let shared = MemoryRegistry()

  private let lock = Lock()
  private var entries: [Entry] = []

  private struct Entry {
    let pointer: UnsafeMutablePointer<OH_NN_Memory>
    let memory: DeviceMemory
    let length: Int
    let owner: ObjectIdentifier
    let isInput: Bool
    let index: UInt32
  }

  private init() {}

  func add(
    _ memory: DeviceMemory, _ length: Int, _ owner: ExecutorSlots, _ isInput: Bool, _ index: UInt32
  ) -> UnsafeMutablePointer<OH_NN_Memory> {
    let pointer = UnsafeMutablePointer<OH_NN_Memory>.allocate(capacity: 1)
    pointer.initialize(to: OH_NN_Memory(data: memory.base, length: length))
    lock.lock()
    entries.append(
      Entry(
        pointer: pointer, memory: memory, length: length, owner: ObjectIdentifier(owner), isInput: isInput, index: index))
    lock.unlock()
    return pointer
  }

  /// The memory behind a program's pointer, and the bytes that it was asked for.
  func memory(_ pointer: UnsafePointer<OH_NN_Memory>?) throws(Failure) -> (memory: DeviceMemory, length: Int) {
    lock.lock()
    defer { lock.unlock() }
    guard let pointer else { throw .invalid("memory is NULL") }
    guard let entry = entries.first(where: { UnsafePointer($0.pointer) == pointer }) else {
      throw .invalid("memory is none that an executor has given out, or it is destroyed")
    }
    return (entry.memory, entry.length)
  }

  /// Frees memory of an executor's input or output. What is bound to a run stays until that is over.
  func remove(_ pointer: UnsafeMutablePointer<OH_NN_Memory>, _ owner: ExecutorSlots, _ isInput: Bool, _ index: UInt32) -> Bool {
    lock.lock()
    defer { lock.unlock() }
    guard let i = entries.firstIndex(where: { $0.pointer == pointer }), entries[i].owner == ObjectIdentifier(owner),
      entries[i].isInput == isInput, entries[i].index == index
    else { return false }
    entries.remove(at: i)
    pointer.deallocate()
    return true
  }

  func removeAll(of owner: ExecutorSlots) {
    lock.lock()
    defer { lock.unlock() }
    for entry in entries where entry.owner == ObjectIdentifier(owner) { entry.pointer.deallocate() }
    entries.removeAll { $0.owner == ObjectIdentifier(owner) }
  }
}
