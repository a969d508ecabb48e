import Graph

extension Node {
  /// The type of a Custom node.
  var customType: String { attributes.string(0) ?? "" }

  /// The bytes of a Custom node's attribute `index`, which built-in types read by position.
  func customBytes(_ index: Int) -> [UInt8] {
    guard case .named(let list) = attributes[1], index < list.count else { return [] }
    return list[index].bytes
  }

  /// A little-endian number of `size` bytes at `at` in the bytes of attribute `index`; nil when they end before.
  func customNumber(_ index: Int, at: Int = 0, size: Int) -> Int? {
    let bytes = customBytes(index)
    if at + size > bytes.count { return nil }
    var value: UInt64 = 0
    for i in 0..<size { value |= UInt64(bytes[at + i]) << UInt64(8 * i) }
    if size == 4 { return Int(Int32(truncatingIfNeeded: value)) }
    return size == 8 ? Int(Int64(bitPattern: value)) : Int(value)
  }
}

/// Strings compared byte by byte, which needs none of Unicode's tables.
func same(_ text: String, _ letters: StaticString) -> Bool {
  letters.withUTF8Buffer { text.utf8.elementsEqual($0) }
}
