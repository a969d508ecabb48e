import FlatBuffers
import Graph
import ModelFile
import Testing

/// Weights packed by the encoders of WeightEncoders.swift, and payloads computed by hand.
@Suite struct Compressions {
  static func table(
    _ data: [UInt8], dims: [Int32], type: Int32 = 32, compression: Int32 = 0, quant: [TableBuilder]? = nil, huffman: Bool = false
  ) -> TableBuilder {
    constant("w", dims: dims, type: type, data: data, quant: quant).set(10, .bool(huffman)).set(11, .int32(compression))
  }

  /// `filler`: bytes of another constant, for packings that a small file may not have.
  private func load(_ table: TableBuilder, filler: Int = 1) throws -> Tensor {
    let other = constant("other", dims: [Int32(filler)], type: 32, data: [UInt8](repeating: 0, count: filler))
    return try ModelFileTests.load(file(model(adding: [table, other]))).mainGraph.tensors[2]
  }

  /// The constant's integers.
  private func integers(_ table: TableBuilder, filler: Int = 1) throws -> [Int] {
    let t = try load(table, filler: filler)
    return t.type == .int8 ? t.values(Int8.self).map { Int($0) } : t.values(Int16.self).map { Int($0) }
  }

  private func refusal(_ table: TableBuilder) -> String {
    let text = withoutOffsets(ModelFileTests.refusal(file(model(adding: [table]))))
    let place = "tensor 2 \"w\" at byte N: "
    return text.hasPrefix(place) ? String(text.dropFirst(place.count)) : text
  }

  /// Numbers that fit `bits` bits, `kinds` of them different at most.
  static func random(_ count: Int, bits: Int, kinds: Int, seed: UInt64) -> [Int] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    func next() -> Int {
      state ^= state >> 12
      state ^= state << 25
      state ^= state >> 27
      return Int((state &* 2685821657736338717) >> 33)
    }
    let low = -(1 << (bits - 1))
    let list = (0..<kinds).map { _ in low + next() % (1 << bits) }
    return (0..<count).map { _ in list[next() % kinds * (next() % 3) / 2] }
  }

  // MARK: by hand

  @Test func indexingByHand() throws {
    // 3 values: -4, 1, 3 as 000, 101, 111; places of two bits.
    let t = Self.table([0x62, 0xF1, 0x20], dims: [4], compression: 1, quant: [quantParam(bits: 3)])
    #expect(try integers(t) == [-4, 1, -4, 3])
  }

  @Test func sparseByHand() throws {
    // Gaps of 2 bits; 2 elements; 2 values: -4, 3; places 0, 1; gaps 2, 1. Everything else is the zero point 1.
    let t = Self.table(
      [2, 0, 0, 0, 2, 0x43, 0xB2], dims: [5], compression: 2, quant: [quantParam(zero: 1, bits: 3)])
    #expect(try integers(t) == [1, 1, -4, 1, 3])
  }

  @Test func huffmanByHand() throws {
    let t = Self.table(Array("-1 5 128 #0 10 11 #".utf8) + [0x46], dims: [4], huffman: true)
    #expect(try integers(t) == [-1, 5, -1, -1])
  }

  /// Symbols 7 (3 of 4) and -3: states 0, 1, 2 stand for 7 and 3 for -3. The bits are 10 and 11, read from the end.
  private static let fse: [UInt8] =
    [2, 0, 2, 0, 1, 0, 0, 0] + [3, 0, 0, 0, 1, 0, 0, 0] + [7, 0, 0, 0, 0xFD, 0xFF, 0xFF, 0xFF]
    + [0, 0, 0, 0, 0, 0, 0, 0xB0] + [4]

  @Test func fseByHand() throws {
    #expect(try integers(Self.table(Self.fse, dims: [4], compression: 5)) == [7, 7, 7, -3])
    #expect(try integers(Self.table(Self.fse, dims: [2, 2], type: 33, compression: 5)) == [7, 7, 7, -3])
  }

  // MARK: round trips

  @Test(arguments: 1...16) func indexing(bits: Int) throws {
    for (seed, kinds) in [1, 2, 3, 5, 64, 700].enumerated() {
      let values = Self.random(481, bits: bits, kinds: kinds, seed: UInt64(seed + 1))
      let t = Self.table(
        encodeIndexing(values, bits: bits), dims: [13, 37], type: bits <= 8 ? 32 : 33, compression: 1,
        quant: [quantParam(bits: Int32(bits))])
      #expect(try integers(t) == values)
    }
  }

  @Test func indexingWithEveryValue() throws {
    let values = (0..<256).map { $0 - 128 }.reversed()
    let t = Self.table(
      encodeIndexing(Array(values), bits: 8), dims: [256], compression: 1, quant: [quantParam(bits: 8)])
    #expect(try integers(t) == Array(values))
  }

  @Test(arguments: 1...16) func sparse(bits: Int) throws {
    for (seed, gapBits) in [0, 1, 2, 5, 10].enumerated() {
      for channels in [1, 7] {
        let zeroPoints = Self.random(channels, bits: bits, kinds: 3, seed: UInt64(77 + seed))
        var values = Self.random(7 * 41, bits: bits, kinds: 9, seed: UInt64(seed + 1))
        for i in values.indices where i % 5 != 0 && i % 17 != 1 { values[i] = zeroPoints[i / (values.count / channels)] }
        let t = Self.table(
          encodeSparse(values, bits: bits, gapBits: gapBits, zeroPoints: zeroPoints), dims: [7, 41],
          type: bits <= 8 ? 32 : 33, compression: 2,
          quant: zeroPoints.map { quantParam(zero: Int32($0), bits: Int32(bits)) })
        #expect(try integers(t) == values)
      }
    }
  }

  @Test(arguments: [1, 2, 3, 17, 256]) func huffman(kinds: Int) throws {
    let values = Self.random(1001, bits: 8, kinds: kinds, seed: UInt64(kinds))
    #expect(try integers(Self.table(encodeHuffman(values), dims: [7, 143], huffman: true)) == values)
    // The number of bits does not matter then.
    let t = Self.table(encodeHuffman(values), dims: [1001], quant: [quantParam(bits: 5)], huffman: true)
    #expect(try integers(t) == values)
  }

  @Test(arguments: [0, 2, 4, 5, 6, 7, 9, 12, 15, 16]) func fse(log: Int) throws {
    for (kinds, count) in [(1, 1), (1, 500), (2, 33), (3, 64), (40, 1001), (250, 2003)] where kinds <= 1 << log {
      let symbols = Self.random(count, bits: 16, kinds: kinds, seed: UInt64(log + kinds)).map { abs($0) % kinds }
      let coded = EncodedFSE(symbols, symbolCount: kinds, log: log)
      let values = (0..<kinds).map { $0 - 125 }
      let t = Self.table(
        coded.payload(centroids: values.map { UInt32(bitPattern: Int32($0)) }), dims: [Int32(count)], compression: 5)
      // Tables of many states for few symbols are refused in small files.
      #expect(try integers(t, filler: 1 << 14) == symbols.map { values[$0] })

      let floats = (0..<kinds).map { Float($0) * 0.25 - 3 }
      for (compression, points) in [(3, 0), (6, 0), (6, 3)] as [(Int32, Int)] where points <= count {
        let f = try load(
          Self.table(
            coded.payload(centroids: floats.map { $0.bitPattern }, restartPoints: points), dims: [Int32(count)], type: 43,
            compression: compression), filler: 1 << 14)
        #expect(f.type == .float32)
        #expect(f.values(Float.self) == symbols.map { floats[$0] })
      }
    }
  }

  // MARK: hostile

  @Test func everyTruncation() {
    let values = Self.random(99, bits: 5, kinds: 9, seed: 3)
    let quant = [quantParam(zero: 2, bits: 5)]
    let coded = EncodedFSE(values.map { $0 & 7 }, symbolCount: 8, log: 6)
    let payloads: [([UInt8], Int32, Bool)] = [
      (encodeIndexing(values, bits: 5), 1, false), (encodeSparse(values, bits: 5, gapBits: 3, zeroPoints: [2]), 2, false),
      (coded.payload(centroids: (0..<8).map { $0 }), 5, false), (encodeHuffman(values), 0, true),
    ]
    for (payload, compression, huffman) in payloads {
      func text(_ data: [UInt8]) -> String {
        refusal(Self.table(data, dims: [99], compression: compression, quant: quant, huffman: huffman))
      }
      #expect(text(payload) == "accepted")
      // The last byte of Huffman codes can be nothing but the end mark and padding.
      for count in 1..<payload.count - (huffman ? 2 : 0) { #expect(text(Array(payload[..<count])) != "accepted") }
    }
  }

  @Test func indexed() {
    let quant = [quantParam(bits: 3)]
    func text(_ data: [UInt8], _ dims: [Int32] = [4], _ compression: Int32 = 1, _ quant: [TableBuilder]?) -> String {
      refusal(Self.table(data, dims: dims, compression: compression, quant: quant))
    }
    #expect(text([0x62, 0xF3, 0x20], [4], 1, quant) == "byte N: expected a place inside the list of values")
    #expect(text([0x62, 0xF1], [4], 1, quant) == "byte N: expected more bits of a compressed constant")
    #expect(
      text([0x62, 0xF1, 0x20], [4], 1, nil)
        == "indexed weights without quantisation parameters, which say their number of bits")
    #expect(
      text([0x62, 0xF1, 0x20], [4], 1, [quantParam(bits: 9)])
        == "indexed weights of 9 bits as int8; expected 1...8 as int8 or 1...16 as int16")
    let sparse: [UInt8] = [2, 0, 0, 0, 2, 0x43, 0xB2]
    #expect(text(sparse, [4], 2, quant) == "byte N: expected a gap that ends before the last element")
    #expect(text(sparse, [1], 2, quant) == "byte N: expected no more stored elements than the constant has")
    #expect(text([33] + sparse.dropFirst(), [5], 2, quant) == "byte N: expected a gap width of at most 32 bits")
    #expect(
      text(sparse, [5], 2, quant + quant) == "byte N: expected quantisation parameters that share the elements evenly")
  }

  @Test func huffmanTexts() {
    func text(_ head: String, _ bits: [UInt8] = [0x46], type: Int32 = 32) -> String {
      refusal(Self.table(Array(head.utf8) + bits, dims: [4], type: type, huffman: true))
    }
    #expect(text("-1 5 128 #0 10 11 #") == "accepted")
    #expect(text("-1 5 128 #0 10 11 ") == "byte N: expected keys and codes that end with '#'")
    let key = "byte N: expected a key of -128...128 and a blank"
    for keys in ["-1 5 129 ", "-129 5 128 ", "-1 5 128", "-1  128 ", "-1 x 128 ", "- 5 128 ", "-1 00005 128 "] {
      #expect(text("\(keys)#0 10 11 #") == key)
    }
    let code = "byte N: expected codes of 0 and 1, none the beginning of another, each with a blank"
    for codes in ["0 10 2 ", "0 10 11", "0 10 10 ", "0 01 11 ", "10 1 11 ", "0  11 ", "01 0 11 "] {
      #expect(text("-1 5 128 #\(codes)#") == code)
    }
    #expect(text("-1 5 128 #0 10 11 111 #") == "byte N: expected as many codes as keys")
    #expect(text("-1 5 128 #0 10 11 #", [0xC0]) == "byte N: expected a code for every element before the end of data")
    #expect(text("-1 5 128 #0 10 110 #", [0xFF]) == "byte N: expected bits that are one of the codes")
    #expect(text("#" + "#", [0]) == "byte N: expected bits that are one of the codes")
    #expect(
      text("-1 5 128 #0 10 11 #", type: 33) == "Huffman codes with the data type int16; expected int8")
  }

  @Test func fseTexts() {
    func text(_ change: (inout [UInt8]) -> Void, type: Int32 = 32) -> String {
      var data = Self.fse
      change(&data)
      return refusal(Self.table(data, dims: [4], type: type, compression: 5))
    }
    #expect(text { $0 = [1, 0, 0] } == "byte N: expected the 8 bytes that start an FSE payload")
    #expect(text { $0[0] = 0 } == "byte N: expected at least one symbol")
    #expect(text { $0[2] = 17 } == "byte N: expected a table log of at most 16")
    let ends = "byte N: expected symbols and words that end inside the payload"
    for change in [(0, 200), (1, 255), (4, 0), (4, 2), (7, 255)] as [(Int, UInt8)] {
      #expect(text { $0[change.0] = change.1 } == ends)
    }
    let frequencies = "byte N: expected frequencies that sum up to the table's size and spread over all of it"
    for change in [(8, 2), (8, 4), (11, 255), (2, 3)] as [(Int, UInt8)] {
      #expect(text { $0[change.0] = change.1 } == frequencies)
    }
    // The right sum, but a table of 8 is not reached everywhere.
    #expect(text { $0.replaceSubrange(2..<16, with: [3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 2, 0, 0, 0]) } == frequencies)
    #expect(text { $0[32] = 65 } == "byte N: expected at most 64 bits in the last word")
    #expect(text { $0[32] = 3 } == "byte N: expected enough bits for all elements")
    #expect(text { $0[32] = 1 } == "byte N: expected enough bits for all elements")
    #expect(text({ _ in }, type: 34) == "FSE of integers with the data type int32; expected int8 or int16")
  }

  @Test func hugeConstantsNeedAFileToMatch() {
    // No bits per element: two bytes would be 16 million values.
    let t = Self.table([0x10, 0x80], dims: [4096, 4096], compression: 1, quant: [quantParam(bits: 4)])
    #expect(refusal(t) == "byte N: expected data that is not shared many times over")
    let small = Self.table([0x10, 0x80], dims: [100, 100], compression: 1, quant: [quantParam(bits: 4)])
    #expect(refusal(small) == "accepted")
  }

  @Test func tablesArePaidFor() {
    // A payload of a few bytes with a table of 65536 states.
    let payload = EncodedFSE([0], symbolCount: 1, log: 16).payload(centroids: [5])
    let many = (0..<200).map { _ in Self.table(payload, dims: [1], compression: 5) }
    #expect(ModelFileTests.refusal(file(model(adding: many))).hasSuffix("expected data that is not shared many times over"))
  }

  @Test func unknownCompression() {
    #expect(refusal(Self.table([1], dims: [1], compression: 9)) == "weight compression 9 is none of 0...6")
  }

  // MARK: what becomes of the values

  private func weights(_ table: TableBuilder, quantType: Int32 = 4, version: String = "MindSpore Lite 2.2.0") throws(EngineError) -> Tensor {
    let m = model(
      adding: [table, tensor("z")],
      nodes: [node("add", kind: 5, inputs: [1, 2], outputs: [3], quantType: quantType)], version: version)
    return try ModelFileTests.load(file(m)).mainGraph.nodes[1].inputs[1]
  }

  @Test func clusters() throws {
    let codebook: [Float] = [0.5, -1, 7, 2.25, 9]
    let places = [0, 4, 2, 2, 1, 3, 0]
    let raw = places.map { UInt8(bitPattern: Int8($0 - 128)) }
    func clustered(_ t: TableBuilder) -> TableBuilder { t.set(8, .float32s(codebook)) }
    let expected = places.map { codebook[$0] }
    let plain = try weights(clustered(Self.table(raw, dims: [7])))
    #expect(plain.type == .float32)
    #expect(plain.values(Float.self) == expected)
    let coded = EncodedFSE(places, symbolCount: 5, log: 7)
      .payload(centroids: (0..<5).map { UInt32(bitPattern: Int32($0 - 128)) })
    #expect(try weights(clustered(Self.table(coded, dims: [7], compression: 5))).values(Float.self) == expected)
    #expect(try weights(clustered(Self.table(raw, dims: [7])), quantType: 0).type == .int8)
    do {
      _ = try weights(clustered(Self.table([0x80, 0x85], dims: [2])))
      Issue.record("accepted")
    } catch {
      #expect(withoutOffsets(error.message).hasSuffix("tensor \"w\" int8 [2]: element 1 is of cluster 5; there are 5"))
    }
  }

  @Test func compressedWeightsAreDequantised() throws {
    let t = try weights(
      Self.table([0x62, 0xF1, 0x20], dims: [4], compression: 1, quant: [quantParam(scale: 0.5, zero: 1, bits: 3)]))
    #expect(t.values(Float.self) == [-2.5, 0, -2.5, 1])
  }

  @Test func int32() throws {
    let t = try weights(
      Self.table(littleEndian([Int32(100_000), -3]), dims: [2], type: 34, quant: [quantParam(scale: 0.5, zero: 1)]))
    #expect(t.type == .float32)
    #expect(t.values(Float.self) == [49999.5, -2])
  }

  /// Before 1.3 a node does not say that it is weight-quantised.
  @Test func oldFilesTellByTheirParameters() throws {
    func quant(_ inited: Bool) -> TableBuilder { quantParam(scale: 2).set(6, .bool(inited)) }
    func type(_ parameters: [TableBuilder], _ version: String, variable: TableBuilder? = nil) throws -> DataType {
      let w = Self.table([1, 2], dims: [2], quant: parameters)
      let x = variable ?? tensor("y")
      let m = metaGraph(
        tensors: [tensor("x"), x, w, tensor("z")],
        nodes: [node("abs", kind: 1, inputs: [0], outputs: [1]), node("add", kind: 5, inputs: [1, 2], outputs: [3])],
        outputs: [3], version: version)
      return try ModelFileTests.load(file(m)).mainGraph.nodes[1].inputs[1].type
    }
    for version in ["MindSpore Lite 1.2.0", "MindSpore Lite 1.2.1", "MindSpore Lite 1.0.0", ""] {
      #expect(try type([quant(true)], version) == .float32)
      #expect(try type([quant(false)], version) == .int8)
      #expect(try type([quant(true), quant(false)], version) == .int8)
      #expect(try type([quant(true)], version, variable: tensor("y", quant: [quant(true)])) == .int8)
      #expect(try type([quant(true)], version, variable: tensor("y", quant: [quant(false)])) == .float32)
    }
    for version in ["MindSpore Lite 1.3.0", "MindSpore Lite 1.10.0", "MindSpore Lite 2.2.0"] {
      #expect(try type([quant(true)], version) == .int8)
    }
  }
}
