import FlatBuffers
import Graph

/// Weights stored as an FSE bit string with its symbols' frequencies and values:
///
///     uint16 N symbols, uint16 table log L, uint32 full words + 1
///     uint32 frequency of each symbol, padding to 8 bytes
///     4-byte value of each symbol (float32 or int32), padding to 8 bytes
///     uint64 full words, uint64 last word with its bits at the top, uint8 number of its bits
///
/// What may follow (restart points) serves decoding in parallel only.
enum FSEWeights {
  /// Bytes of working memory and time beyond the payload's own size that decoding it takes.
  static func tableSize(_ data: Bytes) -> Int {
    guard data.content.count >= 4, half(data, 2) <= FSE.maximumLog else { return 0 }
    return 1 << half(data, 2)
  }

  static func decode(_ data: Bytes, into out: ElementSink) throws(FlatBufferError) {
    let size = data.content.count
    func error(_ at: Int, _ expected: StaticString) -> FlatBufferError { FlatBufferError(offset: data.offset + at, expected: expected) }
    if size < 8 { throw error(0, "the 8 bytes that start an FSE payload") }
    let symbolCount = half(data, 0)
    let log = half(data, 2)
    if symbolCount == 0 { throw error(0, "at least one symbol") }
    if log > FSE.maximumLog { throw error(2, "a table log of at most 16") }
    let centroids = (8 + 4 * symbolCount + 7) & ~7
    let words = (centroids + 4 * symbolCount + 7) & ~7
    let wordsAndOne = Int(UInt32(littleEndian: data.content.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
    // The last word and its number of bits follow the full words.
    if wordsAndOne == 0 || size < words + 9 || wordsAndOne - 1 > (size - words - 9) / 8 {
      throw error(4, "symbols and words that end inside the payload")
    }
    var frequencies = [UInt32]()
    frequencies.reserveCapacity(symbolCount)
    for s in 0..<symbolCount {
      frequencies.append(UInt32(littleEndian: data.content.loadUnaligned(fromByteOffset: 8 + 4 * s, as: UInt32.self)))
    }
    guard let fse = FSE(frequencies: frequencies, log: log) else {
      throw error(8, "frequencies that sum up to the table's size and spread over all of it")
    }
    let last = words + 8 * (wordsAndOne - 1)
    let lastBits = Int(data.content[last + 8])
    if lastBits > 64 { throw error(last + 8, "at most 64 bits in the last word") }
    var stream = FSE.Stream(
      words: UnsafeRawBufferPointer(rebasing: data.content[words..<last]),
      last: UInt64(littleEndian: data.content.loadUnaligned(fromByteOffset: last, as: UInt64.self)),
      position: 64 * (wordsAndOne - 1) + lastBits)
    guard let state = stream.take(log),
      let base = data.content.baseAddress,
      fse.decode(&stream, state: state, 0..<out.count, base + centroids, into: out)
    else { throw error(words, "enough bits for all elements") }
  }

  private static func half(_ data: Bytes, _ at: Int) -> Int {
    Int(UInt16(littleEndian: data.content.loadUnaligned(fromByteOffset: at, as: UInt16.self)))
  }
}
