import CInterface
import CMindSpore
import CSystem
import Graph
import Synchronization

/// A tensor of the C interface: a description and, perhaps, memory. Name and shape live in C memory, because C programs keep
/// pointers to them.
final class TensorObject: HandleObject {
  /// Whose the memory behind `data` is.
  enum Storage {
    case none
    /// This object's.
    case own
    /// The caller's.
    case borrowed
    /// The session's: a result, valid until the model runs again.
    case session
  }

  private(set) var name: UnsafeMutablePointer<CChar>
  var type: OH_AI_DataType
  var format = OH_AI_FORMAT_NHWC
  let dims: UnsafeMutablePointer<Int64>
  private(set) var rank = 0
  private(set) var storage = Storage.none
  private(set) var data: UnsafeMutableRawPointer?
  /// Bytes that `data` holds, as far as anyone has said.
  private(set) var capacity = 0
  /// What to free for `data` of one's own.
  private var base: UnsafeMutableRawPointer?
  /// Handle of the allocator that was set.
  var allocator: UnsafeMutableRawPointer?
  /// Handle of the model that owns the tensor; nil: the caller's.
  var model: UnsafeMutableRawPointer?
  /// Runs that use the memory right now: it must not go away under them.
  let uses = Atomic<Int>(0)

  static let alignment = 64

  /// nil when memory runs out. `name` is taken over.
  init?(name: UnsafeMutablePointer<CChar>?, type: OH_AI_DataType) {
    guard let name else { return nil }
    guard let memory = calloc(Shape.maximumRank, MemoryLayout<Int64>.size) else {
      free(name)
      return nil
    }
    self.name = name
    self.type = type
    dims = memory.bindMemory(to: Int64.self, capacity: Shape.maximumRank)
  }

  deinit {
    free(base)
    free(name)
    free(dims)
  }

  // MARK: Description

  func setName(_ newName: UnsafePointer<CChar>) -> Bool {
    guard let copy = duplicate(newName) else { return false }
    free(name)
    name = copy
    return true
  }

  /// At most 8 dimensions.
  func setShape(_ shape: UnsafePointer<Int64>, _ count: Int) {
    var i = 0
    while i < count {
      dims[i] = shape[i]
      i += 1
    }
    rank = count
  }

  func setShape(_ shape: Shape) {
    var i = 0
    while i < min(shape.rank, Shape.maximumRank) {
      dims[i] = Int64(shape[i])
      i += 1
    }
    rank = i
  }

  func hasShape(_ shape: Shape) -> Bool {
    if rank != shape.rank { return false }
    var i = 0
    while i < rank {
      if dims[i] != Int64(shape[i]) { return false }
      i += 1
    }
    return true
  }

  /// Bytes per element; 0: the type has no size.
  static func size(of type: OH_AI_DataType) -> Int {
    DataType(rawValue: Int32(truncatingIfNeeded: type.rawValue))?.size ?? 0
  }

  /// Product of the dimensions; 0 when one is negative, Int64.max when it does not fit.
  var elementCount: Int64 { count(paddingChannels: format == OH_AI_FORMAT_NC4HW4) }

  /// Bytes of the elements, in layouts with channels in fours the padding included; Int.max when they do not fit.
  var dataSize: Int {
    let elements = count(paddingChannels: format == OH_AI_FORMAT_NC4HW4 || format == OH_AI_FORMAT_NHWC4)
    let (bytes, overflow) = elements.multipliedReportingOverflow(by: Int64(Self.size(of: type)))
    return overflow ? Int.max : Int(clamping: bytes)
  }

  private func count(paddingChannels: Bool) -> Int64 {
    var channel = -1
    if paddingChannels && rank == 4 { channel = format == OH_AI_FORMAT_NHWC4 ? 3 : 1 }
    if paddingChannels && rank == 2 { channel = 1 }
    var product: Int64 = 1
    var saturated = false
    var i = 0
    while i < rank {
      var dim = dims[i]
      if dim < 0 { return 0 }
      if i == channel && dim <= Int64.max - 3 { dim = (dim + 3) / 4 * 4 }
      // A zero further on still makes the product zero.
      if dim == 0 {
        product = 0
        saturated = false
      } else {
        let (next, overflow) = product.multipliedReportingOverflow(by: dim)
        if overflow { saturated = true } else { product = next }
      }
      i += 1
    }
    return saturated ? Int64.max : product
  }

  // MARK: Memory

  /// A run is using memory that changing the tensor would free.
  var isPinned: Bool { storage == .own && uses.load(ordering: .acquiring) > 0 }

  private func replaceData(_ storage: Storage, _ pointer: UnsafeMutableRawPointer?, _ bytes: Int) {
    free(base)
    base = nil
    self.storage = pointer == nil ? .none : storage
    data = pointer
    capacity = pointer == nil ? 0 : bytes
  }

  func dropData() { replaceData(.none, nil, 0) }

  func borrow(_ pointer: UnsafeMutableRawPointer?, bytes: Int) { replaceData(.borrowed, pointer, bytes) }

  /// A result in the session's memory.
  func show(_ pointer: UnsafeMutableRawPointer?, bytes: Int) { replaceData(.session, pointer, bytes) }

  /// The data, with room for `dataSize` when the memory is the tensor's own: it grows after the shape or type did.
  var currentData: UnsafeMutableRawPointer? {
    if storage == .own && capacity < dataSize && (isPinned || !allocate(dataSize, keeping: true)) { return nil }
    return data
  }

  /// As ``currentData``, but a tensor without memory gets its own, filled with zeros.
  func mutableData() -> UnsafeMutableRawPointer? {
    if storage == .none && dataSize > 0 && !allocate(dataSize, keeping: false) { return nil }
    return currentData
  }

  private func allocate(_ bytes: Int, keeping: Bool) -> Bool {
    let (total, overflow) = bytes.addingReportingOverflow(Self.alignment)
    guard !overflow, let memory = calloc(1, total) else { return false }
    let mask = UInt(Self.alignment - 1)
    let aligned = UnsafeMutableRawPointer(bitPattern: (UInt(bitPattern: memory) &+ mask) & ~mask)
    if keeping, let data, let aligned { memcpy(aligned, data, min(capacity, bytes)) }
    replaceData(.own, aligned, bytes)
    base = memory
    return true
  }
}

/// Where tensors get memory from. There is one kind; the object exists to be handed on and to be told from garbage.
final class AllocatorObject: HandleObject {}

/// Whether a tensor without allocator was asked for it since a model was last destroyed: NULL then counts as known.
let nullAllocatorWasIssued = Atomic<Bool>(false)
