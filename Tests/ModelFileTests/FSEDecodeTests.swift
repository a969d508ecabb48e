import FlatBuffers
import Graph
import ModelFile
import Testing

/// Custom nodes that unpack a weight: they become constants while the model is read.
@Suite struct FSEDecode {
  private static let symbols = Compressions.random(300, bits: 16, kinds: 11, seed: 4).map { abs($0) % 11 }
  private static let values = (0..<11).map { Float($0) * 1.5 - 4 }

  private struct Parts {
    var words: [UInt64]
    var last: UInt64
    var lastBits: Int
    var bases: [UInt16]
    var bitCounts: [UInt8]
    var states: [UInt16]
    var shape: [Int32] = [20, 15]
    var points: [UInt64]
    var log = 7
    var isVariable = false

    /// The tables of the states, from the frequencies and the symbols in the order of the states.
    init(_ coded: EncodedFSE, points: Int) {
      (words, last, lastBits) = coded.words
      states = coded.spread.map { UInt16($0) }
      bases = []
      bitCounts = []
      var next = coded.frequencies
      for s in coded.spread {
        var n = 0
        while next[s] << (n + 1) < 2 << coded.log { n += 1 }
        bitCounts.append(UInt8(n))
        bases.append(UInt16(next[s] << n - 1 << coded.log))
        next[s] += 1
      }
      self.points = coded.points(points)
    }
  }

  private func file(_ p: Parts, decimal: Bool = false) -> [UInt8] {
    func number(_ name: String, _ value: UInt64) -> TableBuilder {
      let bytes = decimal ? Array(String(value).utf8) : littleEndian([value])
      return TableBuilder().set(0, .string(name)).set(1, .bytes(bytes, alignment: 4))
    }
    let custom = TableBuilder().set(0, .string("FSEDecode")).set(
      1, .tables([number("curr_chunk", p.last), number("curr_bit_count", UInt64(p.lastBits)), number("table_log", UInt64(p.log))]))
    let words = littleEndian(p.words)
    var inputs = [
      constant("chunks", dims: [1, Int32(words.count)], type: 32, data: words),
      constant("states_table", dims: [Int32(p.bases.count)], type: 38, data: littleEndian(p.bases)),
      constant("bit_count_table", dims: [Int32(p.bitCounts.count)], type: 37, data: p.bitCounts),
      constant("symbol_table", dims: [Int32(p.states.count)], type: 38, data: littleEndian(p.states)),
      constant("centroids", dims: [11], type: 43, data: littleEndian(Self.values.map { $0.bitPattern })),
      constant("input_shape", dims: [Int32(p.shape.count)], type: 34, data: littleEndian(p.shape)),
      p.points.isEmpty
        ? tensor("chunk_ends", dims: [0], type: 40, nodeType: 0)
        : constant("chunk_ends", dims: [Int32(p.points.count)], type: 40, data: littleEndian(p.points)),
    ]
    if p.isVariable { inputs[1] = tensor("states_table", dims: [1], type: 38) }
    return ModelFileTests.file(
      model(
        adding: inputs + [tensor("w", dims: [1]), tensor("z")],
        nodes: [
          node("decode", kind: 191, attributes: custom, inputs: [2, 3, 4, 5, 6, 7, 8], outputs: [9]),
          node("add", kind: 5, inputs: [1, 9], outputs: [10]),
        ]))
  }

  private static func parts(points: Int = 4) -> Parts { Parts(EncodedFSE(symbols, symbolCount: 11, log: 7), points: points) }

  @Test(arguments: [1, 2, 4, 7, 300]) func restartPoints(count: Int) throws {
    for decimal in [false, true] {
      let graph = try load(file(Self.parts(points: count), decimal: decimal)).mainGraph
      #expect(graph.nodes.map { $0.name } == ["abs", "add"])
      let w = graph.nodes[1].inputs[1]
      #expect(w.isConstant && w.type == .float32 && w.shape.dims == [20, 15])
      #expect(w.values(Float.self) == Self.symbols.map { Self.values[$0] })
    }
  }

  private func refusal(_ change: (inout Parts) -> Void) -> String {
    var p = Self.parts()
    change(&p)
    let text = withoutOffsets(ModelFileTests.refusal(file(p)))
    let place = "node 1 Custom \"decode\" at byte N: "
    return text.hasPrefix(place) ? String(text.dropFirst(place.count)) : text
  }

  @Test func hostile() {
    let tables =
      "the tables \"states_table\" uint16 [128], \"bit_count_table\" uint8 [128] and \"symbol_table\" uint16 [128] do not fit each other and the values \"centroids\" float32 [11]"
    #expect(refusal { $0.bases[5] = 128 } == tables)
    #expect(refusal { $0.bitCounts[5] = 8 } == tables)
    #expect(refusal { $0.bitCounts[5] = 255 } == tables)
    #expect(refusal { $0.states[5] = 11 } == tables)
    #expect(refusal { $0.states.removeLast() } != "accepted")
    let outside = " of \"chunk_ends\" uint64 [4] lies outside of the bits or the tables"
    #expect(refusal { $0.points[3] |= 0x7FFF_FFFF << 32 } == "restart point 3" + outside)
    #expect(refusal { $0.points[1] = .max } == "restart point 1" + outside)
    #expect(refusal { $0.points[0] |= 0xFFFF << 16 } == "restart point 0" + outside)
    #expect(refusal { $0.points[0] |= 0xFFFF } == "restart point 0" + outside)
    #expect(refusal { $0.points[2] = 0xFFFF_FFFF << 32 }.hasSuffix("end before all elements are there"))
    #expect(refusal { $0.lastBits = 65 }.hasPrefix("its attributes curr_chunk and curr_bit_count are missing"))
    for shape in [[0, 15], [-1], [.max, .max], [1 << 20, 1 << 12]] as [[Int32]] {
      #expect(refusal { $0.shape = shape }.hasSuffix("is not the shape of a constant"))
    }
    #expect(refusal { $0.shape = [1 << 16, 1 << 12] }.hasSuffix("expected data that is not shared many times over"))
    #expect(refusal { $0.isVariable = true } == "its input \"states_table\" uint16 [1] must be a constant")
  }
}
