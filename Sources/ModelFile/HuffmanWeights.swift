import FlatBuffers
import Graph

/// Int8 weights stored as Huffman codes: the keys as text, '#', their codes as text, '#', the bits. A key is a decimal number with
/// a blank after it, a code a word of the letters 0 and 1 with a blank after it; the key 128 ends the data.
struct HuffmanWeights {
  /// Nodes of the code tree: the next one for a 0 and for a 1 (0: there is none), and for a leaf its key.
  private var nodes: [(zero: Int32, one: Int32, key: Int16)] = [(0, 0, HuffmanWeights.none)]
  private static let none: Int16 = .max
  private static let end: Int16 = 128

  static func decode(_ data: Bytes, into out: ElementSink) throws(FlatBufferError) {
    guard let keysEnd = find(data, 0), let codesEnd = find(data, keysEnd + 1) else {
      throw FlatBufferError(offset: data.offset, expected: "keys and codes that end with '#'")
    }
    var tree = HuffmanWeights()
    try tree.build(data, keysEnd, codesEnd)
    var reader = BitReader(data, at: 8 * (codesEnd + 1))
    for i in 0..<out.count {
      let key = try tree.next(&reader)
      if key == end { throw reader.error("a code for every element before the end of data") }
      out.store(Int(key), at: i)
    }
  }

  private static func find(_ data: Bytes, _ start: Int) -> Int? {
    var i = start
    while i < data.content.count {
      if data.content[i] == UInt8(ascii: "#") { return i }
      i += 1
    }
    return nil
  }

  private mutating func build(_ data: Bytes, _ keysEnd: Int, _ codesEnd: Int) throws(FlatBufferError) {
    var key = 0
    var code = keysEnd + 1
    while key < keysEnd {
      let value = try HuffmanWeights.number(data, &key, keysEnd)
      try add(value, data, &code, codesEnd)
    }
    if code != codesEnd { throw FlatBufferError(offset: data.offset + code, expected: "as many codes as keys") }
  }

  /// A number and the blank after it.
  private static func number(_ data: Bytes, _ at: inout Int, _ end: Int) throws(FlatBufferError) -> Int16 {
    let start = at
    let isNegative = data.content[at] == UInt8(ascii: "-")
    if isNegative { at += 1 }
    var value = 0
    var digits = 0
    while at < end, data.content[at] >= 48, data.content[at] <= 57, digits < 4 {
      value = value * 10 + Int(data.content[at]) - 48
      digits += 1
      at += 1
    }
    if isNegative { value = -value }
    if digits == 0 || at >= end || data.content[at] != UInt8(ascii: " ") || value < -128 || value > 128 {
      throw FlatBufferError(offset: data.offset + start, expected: "a key of -128...128 and a blank")
    }
    at += 1
    return Int16(value)
  }

  /// Enters the code at `at`, and the blank after it, into the tree.
  private mutating func add(_ key: Int16, _ data: Bytes, _ at: inout Int, _ end: Int) throws(FlatBufferError) {
    let start = at
    var node = 0
    while at < end, data.content[at] == UInt8(ascii: "0") || data.content[at] == UInt8(ascii: "1") {
      let isOne = data.content[at] == UInt8(ascii: "1")
      var next = Int(isOne ? nodes[node].one : nodes[node].zero)
      if next == 0 {
        next = nodes.count
        nodes.append((0, 0, HuffmanWeights.none))
        if isOne { nodes[node].one = Int32(next) } else { nodes[node].zero = Int32(next) }
      }
      if nodes[node].key != HuffmanWeights.none { break }
      node = next
      at += 1
    }
    if node == 0 || at >= end || data.content[at] != UInt8(ascii: " ") || nodes[node].key != HuffmanWeights.none
      || nodes[node].zero != 0 || nodes[node].one != 0
    {
      throw FlatBufferError(offset: data.offset + start, expected: "codes of 0 and 1, none the beginning of another, each with a blank")
    }
    nodes[node].key = key
    at += 1
  }

  private func next(_ reader: inout BitReader) throws(FlatBufferError) -> Int16 {
    var node = 0
    while nodes[node].key == HuffmanWeights.none {
      node = Int(try reader.take(1) == 1 ? nodes[node].one : nodes[node].zero)
      if node == 0 { throw reader.error("bits that are one of the codes") }
    }
    return nodes[node].key
  }
}
