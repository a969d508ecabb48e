import CInterface

/// What a handle stands for. Part of the handle, so that one of another kind is recognised.
enum HandleKind: UInt64 {
  case context = 1
  case deviceInfo, tensor, allocator, model, trainConfig
}

extension HandleTable {
  /// The live object of that kind behind `handle`, or nil.
  func object(_ handle: UnsafeMutableRawPointer?, _ kind: HandleKind) -> HandleObject? { object(handle, kind.rawValue) }

  /// Whether `handle` was given out for that kind at some time, live or not.
  func wasIssued(_ handle: UnsafeMutableRawPointer?, _ kind: HandleKind) -> Bool { wasIssued(handle, kind.rawValue) }

  /// Enters `object` and gives it its handle; nil when memory or the index runs out.
  func insert(_ object: HandleObject, _ kind: HandleKind) -> UnsafeMutableRawPointer? { insert(object, kind.rawValue) }
}
