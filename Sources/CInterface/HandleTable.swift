import CSystem
import Synchronization

/// An object that C programs know by a handle. The table holds one reference until the handle is destroyed; calls in progress
/// hold their own, so destroying a handle never takes an object away from under another thread.
open class HandleObject {
  /// Set once when the object enters the table.
  public fileprivate(set) var handle: UnsafeMutableRawPointer?
  public init() {}
}

/// All live handles of a library.
///
/// A handle is not a pointer but a number: a tag that no user-space address has, the kind of object that it stands for (1 to 15, each
/// library has its own), the slot's generation, and the slot's index. Stale handles, handles of another kind and garbage are told apart
/// from live ones without touching what they point to. Lookups take no lock; the lock orders creation and destruction only.
public final class HandleTable: @unchecked Sendable {
  public static let shared = HandleTable()

  // The fields of a handle, from the lowest bit.
  private static let wide = UInt.bitWidth == 64
  private static var indexBits: UInt64 { wide ? 24 : 14 }
  private static var generationBits: UInt64 { wide ? 28 : 10 }
  private static let kindBits: UInt64 = 4
  private static var tag: UInt64 { wide ? 0x5A : 0xA }
  private static var indexMask: UInt64 { (1 << indexBits) - 1 }
  private static var generationMask: UInt64 { (1 << generationBits) - 1 }
  private static var kindShift: UInt64 { indexBits + generationBits }
  private static var tagShift: UInt64 { kindShift + kindBits }

  /// Segment s holds 64 << s slots, so that slots never move and the index grows as far as its bits allow.
  private static let firstSegmentBits = 6
  private static var segmentCount: Int { Int(indexBits) - firstSegmentBits }

  private struct Slot: ~Copyable {
    /// Bits 36...: generation; 32..35: kind, 0 while free; bit 31: the handle is destroyed, the object waits for the last lookup;
    /// bits 0..30: lookups that are just reading `object`.
    let state = Atomic<UInt64>(0)
    var object: Unmanaged<HandleObject>?
    /// The next free slot, while this one is free; -1: none.
    var next = -1
  }
  private static let closingBit: UInt64 = 1 << 31
  private static let pinMask: UInt64 = closingBit - 1

  private let segments: UnsafeMutablePointer<Atomic<UInt>>
  private let lock: UnsafeMutablePointer<pthread_mutex_t>
  // Under the lock. Free slots are reused in the order they became free, which keeps generations low.
  private var firstFree = -1
  private var lastFree = -1
  private var used = 0

  private init() {
    segments = .allocate(capacity: Self.segmentCount)
    var i = 0
    while i < Self.segmentCount {
      (segments + i).initialize(to: Atomic(0))
      i += 1
    }
    lock = .allocate(capacity: 1)
    _ = pthread_mutex_init(lock, nil)
  }

  // MARK: Looking up

  /// The live object of that kind behind `handle`, or nil.
  public func object(_ handle: UnsafeMutableRawPointer?, _ kind: UInt64) -> HandleObject? {
    guard let (slot, identity) = locate(handle), identity & 15 == kind else { return nil }
    return retainedObject(slot, identity)
  }

  /// Whether `handle` is live, of whatever kind.
  public func isLive(_ handle: UnsafeMutableRawPointer?) -> Bool {
    guard let (slot, identity) = locate(handle) else { return false }
    return slot.pointee.state.load(ordering: .acquiring) & ~Self.pinMask == identity << 32
  }

  /// Whether `handle` was given out for that kind at some time, live or not.
  public func wasIssued(_ handle: UnsafeMutableRawPointer?, _ kind: UInt64) -> Bool {
    guard let (slot, identity) = locate(handle), identity & 15 == kind else { return false }
    let now = slot.pointee.state.load(ordering: .acquiring) >> 32
    return now == identity || now >> 4 > identity >> 4
  }

  /// The slot a handle names, with generation and kind as the upper half of the slot's state has them.
  private func locate(_ handle: UnsafeMutableRawPointer?) -> (UnsafeMutablePointer<Slot>, UInt64)? {
    let bits = UInt64(UInt(bitPattern: handle))
    guard bits >> Self.tagShift == Self.tag, let slot = slot(Int(bits & Self.indexMask)) else { return nil }
    let kind = (bits >> Self.kindShift) & 15
    return (slot, ((bits >> Self.indexBits) & Self.generationMask) << 4 | kind)
  }

  private func slot(_ index: Int) -> UnsafeMutablePointer<Slot>? {
    let position = index + (1 << Self.firstSegmentBits)
    let segment = Int.bitWidth - 1 - position.leadingZeroBitCount - Self.firstSegmentBits
    guard segment < Self.segmentCount else { return nil }
    let base = UnsafeMutableRawPointer(bitPattern: segments[segment].load(ordering: .acquiring))
    guard let base else { return nil }
    return base.assumingMemoryBound(to: Slot.self) + (position - (1 << (segment + Self.firstSegmentBits)))
  }

  private func retainedObject(_ slot: UnsafeMutablePointer<Slot>, _ identity: UInt64) -> HandleObject? {
    guard pin(slot, identity, adding: 1) else { return nil }
    let object = slot.pointee.object
    _ = object?.retain()
    unpin(slot)
    return object?.takeRetainedValue()
  }

  /// Adds to the state of a slot that is live with that identity.
  private func pin(_ slot: UnsafeMutablePointer<Slot>, _ identity: UInt64, adding amount: UInt64) -> Bool {
    var state = slot.pointee.state.load(ordering: .acquiring)
    while true {
      if state & ~Self.pinMask != identity << 32 { return false }
      let (exchanged, seen) = slot.pointee.state.compareExchange(
        expected: state, desired: state &+ amount, ordering: .acquiringAndReleasing)
      if exchanged { return true }
      state = seen
    }
  }

  // Kept out of line: the reference taken just before must not be moved past it.
  @inline(never)
  private func unpin(_ slot: UnsafeMutablePointer<Slot>) {
    let state = slot.pointee.state.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue
    if state & Self.closingBit != 0 && state & Self.pinMask == 0 { release(slot) }
  }

  // MARK: Creating and destroying

  /// Enters `object` and gives it its handle; nil when memory or the index runs out.
  public func insert(_ object: HandleObject, _ kind: UInt64) -> UnsafeMutableRawPointer? {
    pthread_mutex_lock(lock)
    var index = firstFree
    if index >= 0 {
      firstFree = slot(index).unsafelyUnwrapped.pointee.next
      if firstFree < 0 { lastFree = -1 }
    } else if makeSegment(for: used) {
      index = used
      used += 1
    }
    pthread_mutex_unlock(lock)
    guard index >= 0, let slot = slot(index) else { return nil }
    let generation = slot.pointee.state.load(ordering: .relaxed) >> 36
    let bits =
      Self.tag << Self.tagShift | kind << Self.kindShift | generation << Self.indexBits | UInt64(index)
    object.handle = UnsafeMutableRawPointer(bitPattern: UInt(truncatingIfNeeded: bits))
    slot.pointee.object = Unmanaged.passRetained(object)
    slot.pointee.state.store(generation << 36 | kind << 32, ordering: .releasing)
    return object.handle
  }

  /// Ends the life of `handle`, of whatever kind; false when it is not live. The object goes when nobody uses it any more.
  @discardableResult
  public func destroy(_ handle: UnsafeMutableRawPointer?) -> Bool {
    guard let (slot, identity) = locate(handle), pin(slot, identity, adding: Self.closingBit &+ 1) else { return false }
    unpin(slot)
    return true
  }

  /// Makes the segment of `index` exist. Under the lock.
  private func makeSegment(for index: Int) -> Bool {
    let position = index + (1 << Self.firstSegmentBits)
    let segment = Int.bitWidth - 1 - position.leadingZeroBitCount - Self.firstSegmentBits
    if segment >= Self.segmentCount { return false }
    if segments[segment].load(ordering: .relaxed) != 0 { return true }
    let count = 1 << (segment + Self.firstSegmentBits)
    guard let memory = malloc(count * MemoryLayout<Slot>.stride) else { return false }
    let slots = memory.bindMemory(to: Slot.self, capacity: count)
    var i = 0
    while i < count {
      // Generation 1 first: a handle is never made of zeros only.
      (slots + i).initialize(to: Slot())
      slots[i].state.store(1 << 36, ordering: .relaxed)
      i += 1
    }
    segments[segment].store(UInt(bitPattern: memory), ordering: .releasing)
    return true
  }

  /// Empties a slot that nobody reads any more and lets go of its object.
  private func release(_ slot: UnsafeMutablePointer<Slot>) {
    let object = slot.pointee.object
    slot.pointee.object = nil
    guard let handle = object?._withUnsafeGuaranteedRef({ $0.handle }) else { return }
    let index = Int(UInt64(UInt(bitPattern: handle)) & Self.indexMask)
    let generation = slot.pointee.state.load(ordering: .relaxed) >> 36 &+ 1
    slot.pointee.next = -1
    slot.pointee.state.store(generation << 36, ordering: .releasing)
    // A slot whose generations are used up stays out of use: a handle is never given out twice.
    if generation <= Self.generationMask {
      pthread_mutex_lock(lock)
      if lastFree >= 0 { self.slot(lastFree).unsafelyUnwrapped.pointee.next = index } else { firstFree = index }
      lastFree = index
      pthread_mutex_unlock(lock)
    }
    object?.release()
  }
}
