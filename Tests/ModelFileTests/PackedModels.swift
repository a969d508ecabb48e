import FlatBuffers
import Foundation
import Graph
import ModelFile
import Testing

/// Small complete models, one for each packing of weights and for the old schema. With the environment variable
/// MSLITE_PACKED_MODELS they are written to that folder, which is how Tests/Models/packed was made.
@Suite struct PackedModels {
  private static let symbols = Compressions.random(77, bits: 16, kinds: 6, seed: 9).map { abs($0) % 6 }
  private static let integers = symbols.map { $0 - 3 }

  /// |x| + w, x and w of shape [7, 11].
  private static func sum(_ w: TableBuilder) -> [UInt8] {
    let shape: [Int32] = [7, 11]
    return file(
      metaGraph(
        tensors: [tensor("x", dims: shape), tensor("a", dims: shape), w, tensor("y", dims: shape)],
        nodes: [
          node("abs", kind: 1, inputs: [0], outputs: [1]), node("add", kind: 5, inputs: [1, 2], outputs: [3], quantType: 4),
        ], outputs: [3]))
  }

  private static func packed(
    _ data: [UInt8], type: Int32 = 32, compression: Int32 = 0, bits: Int32 = 8, channels: Int = 1, huffman: Bool = false
  ) -> TableBuilder {
    let quant = (0..<channels).map { quantParam(scale: 0.5 + Double($0), zero: -3, bits: bits, variance: 1.5, mean: 0.25) }
    return Compressions.table(data, dims: [7, 11], type: type, compression: compression, quant: quant, huffman: huffman)
  }

  private static var models: [(name: String, bytes: [UInt8])] {
    let raw = integers.map { UInt8(bitPattern: Int8($0)) }
    let coded = EncodedFSE(symbols, symbolCount: 6, log: 7)
    let numbers = coded.payload(centroids: (0..<6).map { UInt32(bitPattern: Int32($0 - 3)) })
    let floats = coded.payload(centroids: (0..<6).map { (Float($0) * 0.5).bitPattern }, restartPoints: 3)
    let int16s = integers.map { Int16($0) * 300 }
    let external = TableBuilder().set(1, .string("external.msw")).set(2, .int64(4096)).set(3, .int64(308))
    return [
      ("int8", sum(packed(raw, channels: 7))), ("int16", sum(packed(littleEndian(int16s), type: 33, bits: 16))),
      ("int32", sum(packed(littleEndian(integers.map { Int32($0) }), type: 34))),
      ("bits3", sum(packed(Constants.pack(integers, bits: 3), compression: 4, bits: 3, channels: 7))),
      ("bits12", sum(packed(Constants.pack(int16s.map { Int($0) }, bits: 12), type: 33, compression: 4, bits: 12))),
      ("indexing", sum(packed(encodeIndexing(integers, bits: 3), compression: 1, bits: 3, channels: 7))),
      ("sparse", sum(packed(encodeSparse(integers, bits: 3, gapBits: 2, zeroPoints: [-3]), compression: 2, bits: 3))),
      ("huffman", sum(packed(encodeHuffman(integers), channels: 7, huffman: true))),
      ("fse_int", sum(packed(numbers, compression: 5))),
      ("fse", sum(packed(floats, type: 43, compression: 3))), ("fse_infer", sum(packed(floats, type: 43, compression: 6))),
      (
        "clusters",
        sum(
          Compressions.table(symbols.map { UInt8(bitPattern: Int8($0 - 128)) }, dims: [7, 11])
            .set(8, .float32s([1, 2, 4, 8, 16, -1])))
      ),
      ("external", sum(tensor("w", dims: [7, 11], nodeType: 0).set(12, .tables([external])))),
      ("v0", v0),
    ]
  }

  /// Release 1.0: a convolution, a pooling, layout changes, a reshaping and a softmax.
  private static var v0: [UInt8] {
    func constant(_ dims: [Int32], _ count: Int) -> TableBuilder {
      ModelFileTests.constant(
        "", dims: dims, type: 43, data: littleEndian((0..<count).map { (Float($0 % 7) * 0.25 - 0.75).bitPattern })
      ).set(3, .int32(7))
    }
    let window = TableBuilder()
    for (id, value) in [(3, 2), (4, 2), (5, 2), (6, 2)] as [(Int, Int32)] { _ = window.set(id, .int32(value)) }
    let convolution = TableBuilder().set(16, .int8(1))
    for (id, value) in [(1, 1), (2, 2), (3, 4), (4, 3), (5, 3), (6, 1), (7, 1), (9, 1), (10, 1), (11, 1), (12, 1), (13, 1), (14, 1)]
      as [(Int, Int32)]
    {
      _ = convolution.set(id, .int32(value))
    }
    let depthwise = TableBuilder().set(8, .int8(1))
    for (id, value) in [(2, 1), (3, 3), (4, 3), (5, 1), (6, 1), (13, 1), (12, 1)] as [(Int, Int32)] {
      _ = depthwise.set(id == 8 ? 7 : id, .int32(value))
    }
    let variables: [[Int32]] = [[1, 6, 6, 2], [1, 6, 6, 4], [1, 6, 6, 4], [1, 3, 3, 4], [1, 4, 3, 3], [1, 36], [1, 36]]
    let root = metaGraph(
      tensors: variables.enumerated().map { tensor(nil, dims: $0.element, nodeType: $0.offset == 0 ? 0 : 2) }
        + [constant([4, 3, 3, 2], 72), constant([4], 4), constant([4, 3, 3, 1], 36)],
      nodes: [
        node("conv", kind: 4, attributes: convolution, inputs: [0, 7, 8], outputs: [1]),
        node("depthwise", kind: 10, attributes: depthwise.set(7, .int8(1)).set(8, nil), inputs: [1, 9], outputs: [2]),
        node("pool", kind: 8, attributes: window.set(1, .int8(1)), inputs: [2], outputs: [3]),
        node("nchw", kind: 46, inputs: [3], outputs: [4]),
        node("reshape", kind: 18, attributes: TableBuilder().set(1, .int64s([1, -1])), inputs: [4], outputs: [5]),
        node("softmax", kind: 2, inputs: [5], outputs: [6]),
      ], outputs: [6], version: "MindSpore Lite 1.0.0")
    return file(root.set(8, nil), identifier: "\0\0\0\0")
  }

  private static var externalFile: [UInt8] {
    [UInt8](repeating: 0, count: 4096) + littleEndian(symbols.map { Float($0).bitPattern })
  }

  @Test func allAreRead() throws {
    let folder = ProcessInfo.processInfo.environment["MSLITE_PACKED_MODELS"]
    if let folder { try Data(Self.externalFile).write(to: URL(fileURLWithPath: folder + "/external.msw")) }
    for (name, bytes) in Self.models {
      if let folder { try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name).ms")) }
      if name == "external" { continue }
      let graph = try load(bytes).mainGraph
      if name != "v0" { #expect(graph.nodes[1].inputs[1].type == .float32, "\(name)") }
    }
  }
}
