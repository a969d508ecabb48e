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

  private struct Model {
    let name: String
    let bytes: [UInt8]
    /// What a weight is, by its place.
    var weight: (Int) -> Float
  }

  private static var models: [Model] {
    let raw = integers.map { UInt8(bitPattern: Int8($0)) }
    let coded = EncodedFSE(symbols, symbolCount: 6, log: 7)
    let numbers = coded.payload(centroids: (0..<6).map { UInt32(bitPattern: Int32($0 - 3)) })
    let floats = coded.payload(centroids: (0..<6).map { (Float($0) * 0.5).bitPattern }, restartPoints: 3)
    let int16s = integers.map { Int16($0) * 300 }
    let external = TableBuilder().set(1, .string("external.msw")).set(2, .int64(4096)).set(3, .int64(308))
    let codebook: [Float] = [1, 2, 4, 8, 16, -1]
    /// One parameter for all, and one for each of seven channels.
    func one(_ i: Int) -> Float { Float(integers[i] + 3) * 0.5 }
    func seven(_ i: Int) -> Float { Float(integers[i] + 3) * (0.5 + Float(i / 11)) * 1.5 + 0.25 }
    func half(_ i: Int) -> Float { Float(symbols[i]) * 0.5 }
    func model(_ name: String, _ w: TableBuilder, _ weight: @escaping (Int) -> Float) -> Model {
      Model(name: name, bytes: sum(w), weight: weight)
    }
    return [
      model("int8", packed(raw, channels: 7), seven),
      model("int16", packed(littleEndian(int16s), type: 33, bits: 16)) { Float(int16s[$0] + 3) * 0.5 },
      model("int32", packed(littleEndian(integers.map { Int32($0) }), type: 34), one),
      model("bits3", packed(Constants.pack(integers, bits: 3), compression: 4, bits: 3, channels: 7), seven),
      model("bits12", packed(Constants.pack(int16s.map { Int($0) }, bits: 12), type: 33, compression: 4, bits: 12)) {
        Float(int16s[$0] + 3) * 0.5
      },
      model("indexing", packed(encodeIndexing(integers, bits: 3), compression: 1, bits: 3, channels: 7), seven),
      model("sparse", packed(encodeSparse(integers, bits: 3, gapBits: 2, zeroPoints: [-3]), compression: 2, bits: 3), one),
      model("huffman", packed(encodeHuffman(integers), channels: 7, huffman: true), seven),
      model("fse_int", packed(numbers, compression: 5), one),
      model("fse", packed(floats, type: 43, compression: 3), half),
      model("fse_infer", packed(floats, type: 43, compression: 6), half),
      model(
        "clusters",
        Compressions.table(symbols.map { UInt8(bitPattern: Int8($0 - 128)) }, dims: [7, 11]).set(8, .float32s(codebook))
      ) { codebook[symbols[$0]] },
      model("external", tensor("w", dims: [7, 11], nodeType: 0).set(12, .tables([external]))) { Float(symbols[$0]) },
    ]
  }

  /// Release 1.0: a convolution, a pooling, layout changes, a reshaping and a softmax.
  private static var v0: [UInt8] {
    func constant(_ dims: [Int32], _ count: Int, first: Float = -0.75) -> TableBuilder {
      ModelFileTests.constant(
        "", dims: dims, type: 43, data: littleEndian((0..<count).map { (Float($0 % 7) * 0.25 + first).bitPattern })
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
    let depthwise = TableBuilder()
    for (id, value) in [(2, 1), (3, 3), (4, 3), (5, 1), (6, 1), (8, 1), (9, 1), (10, 1), (11, 1), (12, 1), (13, 1)] as [(Int, Int32)] {
      _ = depthwise.set(id, .int32(value))
    }
    let variables: [[Int32]] = [[1, 6, 6, 2], [1, 6, 6, 4], [1, 6, 6, 4], [1, 3, 3, 4], [1, 4, 3, 3], [1, 36], [1, 36]]
    let root = metaGraph(
      tensors: variables.enumerated().map { tensor(nil, dims: $0.element, nodeType: $0.offset == 0 ? 0 : 2) }
        + [constant([4, 3, 3, 2], 72), constant([4], 4, first: 0.25), constant([4, 3, 3, 1], 36)],
      nodes: [
        node("conv", kind: 4, attributes: convolution, inputs: [0, 7, 8], outputs: [1]),
        node("depthwise", kind: 10, attributes: depthwise, inputs: [1, 9], outputs: [2]),
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
    func write(_ bytes: [UInt8], _ name: String) throws {
      if let folder { try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name)")) }
    }
    try write(Self.externalFile, "external.msw")
    try write(Self.v0, "v0.ms")
    #expect(try load(Self.v0).mainGraph.nodes.count == 6)
    for model in Self.models {
      let expected = (0..<77).map { model.weight($0) }
      try write(model.bytes, "\(model.name).ms")
      // With zeros for an input the weights are the output.
      try write(littleEndian(expected.map { $0.bitPattern }), "\(model.name).out_0.bin")
      if model.name == "external" { continue }
      let w = try load(model.bytes).mainGraph.nodes[1].inputs[1]
      #expect(w.type == .float32 && w.values(Float.self) == expected, "\(model.name)")
    }
  }
}
