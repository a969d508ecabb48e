/// One attribute's value.
public enum AttributeValue: Sendable {
  case int(Int64)
  case float(Double)
  case bool(Bool)
  case string(String)
  case ints([Int64])
  case floats([Float])
  case ints2D([[Int64]])
  /// Named byte strings of a Custom node, in file order.
  case named([(name: String, bytes: [UInt8])])
}

/// The attributes of a node, by the field number that the `.ms` schema gives them in the primitive's table. A field that is
/// absent has the default that the operator's file states.
public struct Attributes {
  private var fields: [(id: Int, value: AttributeValue)] = []
  public init() {}

  public subscript(_ id: Int) -> AttributeValue? {
    @export(interface) get {
      for f in fields where f.id == id { return f.value }
      return nil
    }
    @export(interface) set {
      var i = 0
      while i < fields.count {
        if fields[i].id == id {
          if let newValue { fields[i].value = newValue } else { fields.remove(at: i) }
          return
        }
        i += 1
      }
      if let newValue { fields.append((id, newValue)) }
    }
  }

  /// A number saturated to Int32's range, so that arithmetic on attributes cannot overflow Int.
  @export(interface)
  public func int(_ id: Int, _ fallback: Int = 0) -> Int {
    switch self[id] {
    case .int(let v): return Int(max(min(v, Int64(Int32.max)), Int64(Int32.min)))
    case .bool(let b): return b ? 1 : 0
    default: return fallback
    }
  }
  @export(interface)
  public func float(_ id: Int, _ fallback: Float = 0) -> Float {
    if case .float(let v) = self[id] { return Float(v) }
    return fallback
  }
  @export(interface)
  public func bool(_ id: Int, _ fallback: Bool = false) -> Bool {
    switch self[id] {
    case .bool(let b): return b
    case .int(let v): return v != 0
    default: return fallback
    }
  }
  /// Saturated like ``int(_:_:)``; empty when absent.
  @export(interface)
  public func ints(_ id: Int) -> [Int] {
    guard case .ints(let list) = self[id] else { return [] }
    var out = [Int]()
    for v in list { out.append(Int(max(min(v, Int64(Int32.max)), Int64(Int32.min)))) }
    return out
  }
  @export(interface)
  public func floats(_ id: Int) -> [Float] {
    if case .floats(let list) = self[id] { return list }
    return []
  }
  @export(interface)
  public func ints2D(_ id: Int) -> [[Int]] {
    guard case .ints2D(let rows) = self[id] else { return [] }
    var out = [[Int]]()
    for row in rows {
      var r = [Int]()
      for v in row { r.append(Int(max(min(v, Int64(Int32.max)), Int64(Int32.min)))) }
      out.append(r)
    }
    return out
  }
  @export(interface)
  public func string(_ id: Int) -> String? {
    if case .string(let s) = self[id] { return s }
    return nil
  }
}
