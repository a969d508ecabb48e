import FlatBuffers
import Foundation
import Graph
import ModelFile
import Testing

/// Loads what may be broken. A description that comes back must be usable: every constant can be read to its last byte.
private func tryToLoad(_ content: [UInt8]) {
  guard let m = try? load(content) else { return }
  var sum: UInt8 = 0
  for graph in m.graphs {
    for t in graph.tensors where t.isConstant && t.type != .tensorList {
      guard let data = t.data else { continue }
      #expect(t.type.size == 0 || UInt(bitPattern: data) % UInt(t.type.size) == 0)
      for i in 0..<t.byteCount { sum &+= data.load(fromByteOffset: i, as: UInt8.self) }
    }
  }
  withExtendedLifetime(sum) {}
}

@Suite struct Robustness {
  /// A model with every kind of container table, control flow and quantised weights.
  static func rich() -> [UInt8] {
    let scale = constant("scale", dims: nil, type: 43, data: littleEndian([Float(2).bitPattern]))
    let weights = constant(
      "w", dims: [2, 3], type: 32, data: Constants.pack([1, 2, 3, -1, -2, -3], bits: 3),
      quant: [quantParam(scale: 0.5, bits: 3), quantParam(scale: 0.25, zero: 1, bits: 3)])
    let list = tensor("list", dims: [1], type: 17, nodeType: 0, data: littleEndian([43, 1, 2, 1, 1, 2] as [Int32]))
    let tensors = [
      tensor("x"), tensor("y"), scale, tensor("handle"), tensor("a"), tensor("b"), weights, tensor("c"), list,
    ]
    let conv = TableBuilder().set(0, .int32(1)).set(1, .int64s([3, 5])).set(4, .int8(-1)).set(20, .bool(true))
    let rows = TableBuilder().set(0, .tables([TableBuilder().set(0, .int64s([1, 2]))]))
    let nodes = [
      node("bind", kind: 108, attributes: TableBuilder().set(0, .int64(1)), inputs: [0, 2], outputs: [3]),
      node("call", kind: 190, inputs: [3], outputs: [1]),
      node("conv", kind: 35, attributes: conv, inputs: [4, 6], outputs: [7], quantType: 4),
      node("pad", kind: 107, attributes: TableBuilder().set(0, .table(rows)), inputs: [7, 2], outputs: [5]),
    ]
    return file(
      metaGraph(
        tensors: tensors, nodes: nodes,
        subgraphs: [
          subgraph(inputs: [0], outputs: [1], nodes: [0, 1], tensors: [0, 1, 2, 3, 8]),
          subgraph("body", inputs: [4], outputs: [5], nodes: [2, 3], tensors: [4, 5, 2, 6, 7]),
        ]))
  }

  @Test func theRichModelIsGood() throws {
    let m = try load(Self.rich())
    #expect(m.graphs.map(\.nodes.count) == [2, 2])
  }

  /// Small real models when the repository has them.
  static var models: [[UInt8]] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Models")
    let names = (try? FileManager.default.subpathsOfDirectory(atPath: folder.path())) ?? []
    var out = [rich()]
    for name in names.sorted() where name.hasSuffix(".ms") {
      if let data = try? Data(contentsOf: folder.appending(path: name)), data.count < 1000, out.count < 8 { out.append([UInt8](data)) }
    }
    return out
  }

  /// Texts in errors must not be made ahead for every node: here that would copy 20 GB.
  @Test(.timeLimit(.minutes(1))) func longNamesOfLargeGraphs() throws {
    let count = 20_000
    let root = metaGraph(
      tensors: (0...count).map { _ in tensor(nil) },
      nodes: (0..<count).map { node("", kind: 1, inputs: [UInt32($0)], outputs: [UInt32($0 + 1)]) }, outputs: [UInt32(count)],
      subgraphs: [
        subgraph(
          String(repeating: "n", count: 1_000_000), inputs: [0], outputs: [UInt32(count)],
          nodes: (0..<count).map { UInt32($0) }, tensors: [])
      ])
    let clock = ContinuousClock()
    let content = file(root)
    var loaded: ModelDescription?
    let time = try clock.measure { loaded = try load(content) }
    #expect(loaded?.mainGraph.nodes.count == count)
    #expect(time < .seconds(2))
  }

  @Test func everyTruncation() {
    for bytes in Self.models {
      for count in 0..<bytes.count { tryToLoad(Array(bytes[..<count])) }
    }
  }

  @Test func everyByteChanged() {
    for bytes in Self.models {
      for i in bytes.indices {
        for change in [1, 2, 4, 8, 16, 32, 64, 128, 255] as [UInt8] {
          var broken = bytes
          broken[i] ^= change
          tryToLoad(broken)
        }
      }
    }
  }

  @Test func everyWordReplaced() {
    for bytes in Self.models {
      for i in stride(from: 0, to: bytes.count - 3, by: 4) {
        for value in [0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000, UInt32(bytes.count - i)] {
          var broken = bytes
          for k in 0..<4 { broken[i + k] = UInt8(truncatingIfNeeded: value >> UInt32(8 * k)) }
          tryToLoad(broken)
        }
      }
    }
  }
}
