/// The value of one field of a table to be written.
public enum FieldValue {
  case bool(Bool)
  case int8(Int8)
  case uint8(UInt8)
  case int32(Int32)
  case uint32(UInt32)
  case int64(Int64)
  case float32(Float)
  case float64(Double)
  case string(String)
  /// Bytes whose first one is placed at a multiple of `alignment` (a power of two).
  case bytes([UInt8], alignment: Int)
  /// The same for bytes in memory that must stay valid until the buffer has been written.
  case memory(UnsafeRawBufferPointer, alignment: Int)
  case int32s([Int32])
  case uint32s([UInt32])
  case int64s([Int64])
  case float32s([Float])
  case table(TableBuilder)
  case tables([TableBuilder])

  /// Bytes in the table itself; what is not a scalar is a 4-byte offset.
  var inlineSize: Int {
    switch self {
    case .bool, .int8, .uint8: return 1
    case .int64, .float64: return 8
    default: return 4
    }
  }
}

/// A table to be written: the fields that have been set, by id. Tables refer to each other; each is written once per reference.
public final class TableBuilder {
  var fields: [(id: Int, value: FieldValue)] = []
  public init() {}

  /// Sets field `id`; nil leaves it out.
  @discardableResult
  public func set(_ id: Int, _ value: FieldValue?) -> TableBuilder {
    var i = 0
    while i < fields.count {
      if fields[i].id == id {
        if let value { fields[i].value = value } else { fields.remove(at: i) }
        return self
      }
      i += 1
    }
    if let value { fields.append((id, value)) }
    return self
  }
}
