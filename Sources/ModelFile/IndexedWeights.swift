import FlatBuffers
import Graph

/// Weights stored as a list of the values that occur and, for each element, its place in that list. In the sparse form only
/// elements that differ from the zero point have a place, and the gaps between them are counted.
///
/// Values q of b bits are stored as q + 2^(b-1), places with just as many bits as the list's length asks for.
enum IndexedWeights {
  static func decode(_ data: Bytes, bits: Int, into out: ElementSink) throws(FlatBufferError) {
    var reader = BitReader(data)
    let values = try ValueList(&reader, bits)
    for i in 0..<out.count { out.store(try values.next(&reader), at: i) }
  }

  /// `zeroPoints` are those of the channels, which share the elements evenly.
  static func decodeSparse(
    _ data: Bytes, bits: Int, zeroPoints: [Int32], into out: ElementSink
  ) throws(FlatBufferError) {
    var reader = BitReader(data)
    let gapBits = try reader.take(8)
    if gapBits > 32 { throw reader.error("a gap width of at most 32 bits") }
    let stored = try reader.take(32)
    if stored > out.count { throw reader.error("no more stored elements than the constant has") }
    if zeroPoints.isEmpty || out.count % zeroPoints.count != 0 {
      throw reader.error("quantisation parameters that share the elements evenly")
    }
    let perChannel = out.count / zeroPoints.count
    let values = try ValueList(&reader, bits)
    var gaps = BitReader(data, at: reader.position + stored * values.placeBits)
    var next = 0
    for _ in 0..<stored {
      let value = try values.next(&reader)
      let gap = try gaps.take(gapBits)
      if gap >= out.count - next { throw gaps.error("a gap that ends before the last element") }
      fill(next..<next + gap, zeroPoints, perChannel, out)
      out.store(value, at: next + gap)
      next += gap + 1
    }
    fill(next..<out.count, zeroPoints, perChannel, out)
  }

  private static func fill(_ range: Range<Int>, _ zeroPoints: [Int32], _ perChannel: Int, _ out: ElementSink) {
    for i in range { out.store(Int(zeroPoints[i / perChannel]), at: i) }
  }

  /// The values that occur.
  private struct ValueList {
    private var values: [Int] = []
    /// Width of a place in the list.
    private(set) var placeBits = 0

    init(_ reader: inout BitReader, _ bits: Int) throws(FlatBufferError) {
      var count = try reader.take(bits)
      if count == 0 { count = 1 << bits }
      values.reserveCapacity(count)
      for _ in 0..<count { values.append(try reader.take(bits) - 1 << (bits - 1)) }
      while 1 << placeBits < count { placeBits += 1 }
    }

    func next(_ reader: inout BitReader) throws(FlatBufferError) -> Int {
      let place = try reader.take(placeBits)
      if place >= values.count { throw reader.error("a place inside the list of values") }
      return values[place]
    }
  }
}
