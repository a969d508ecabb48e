import ConverterCore
import Graph
import ModelFile
import System
import Testing

@testable import Quantization

/// Packed forms are read back by the reader of `.ms` files.
@Suite struct QuantPackingTests {
  /// Writes a product whose weights have these integers, and reads the file.
  private func readBack(_ values: [Int32], bits: Int, _ form: PackedConstant?) throws -> [Float] {
    let graph = Graph(name: "g")
    let x = Tensor(name: "x", type: .float32, shape: Shape([1, values.count / 4]))
    let y = Tensor(name: "y", type: .float32, shape: Shape([1, 4]))
    let w = Tensor(name: "w", type: bits <= 8 ? .int8 : .int16, shape: Shape([4, values.count / 4]))
    if bits <= 8 {
      try w.replace(.int8, with: values.map { Int8(truncatingIfNeeded: $0) })
    } else {
      try w.replace(.int16, with: values.map { Int16(truncatingIfNeeded: $0) })
    }
    w.quantParams = [QuantParam(scale: 1, zeroPoint: 0, bits: Int32(bits), varianceCorrection: 1, meanCorrection: 0)]
    for t in [x, y, w] { graph.addTensor(t) }
    let node = Node(name: "n", kind: .fullConnection, inputs: [x, w], outputs: [y])
    node.quantType = 4
    graph.nodes = [node]
    graph.inputs = [x]
    graph.outputs = [y]
    let bytes = try ModelWriter.write(ModelContent(graphs: [graph], framework: 3) { $0 === w ? form : nil })
    let read = try bytes.withUnsafeBytes { try ModelReader.read($0, owner: nil, copyConstants: true) }
    return read.mainGraph.nodes[0].inputs[1].realValues()
  }

  /// Integers of `bits` bits, most of them near 0; `sparsity` of 8 are 0.
  private func integers(_ count: Int, bits: Int, sparsity: Int = 0) -> [Int32] {
    var state: UInt32 = 12345
    func next() -> Int {
      state = state &* 1_664_525 &+ 1_013_904_223
      return Int(state >> 8)
    }
    let top = 1 << (bits - 1)
    return (0..<count).map { _ in
      if next() % 8 < sparsity { return 0 }
      let spread = max(1, next() % top + 1)
      return Int32(max(-top, min(next() % (2 * spread) - spread, top - 1)))
    }
  }

  @Test(arguments: 1...16)
  func everyWidth(_ bits: Int) throws {
    for sparsity in [0, 7] {
      for compresses in [false, true] {
        let values = integers(4000, bits: bits, sparsity: sparsity)
        let form = IntegerPacking.smallest(values, bits: bits, zeroPoints: [0], compresses: compresses)
        #expect(try readBack(values, bits: bits, form) == values.map { Float($0) })
      }
    }
  }

  @Test func theSmallestFormIsTaken() {
    let few = (0..<4000).map { Int32([-90, 3, 17, 101][$0 % 4]) }
    #expect((IntegerPacking.smallest(few, bits: 8, zeroPoints: [0], compresses: true)?.bytes.count ?? 0) < 1100)
    let rare = (0..<4000).map { Int32($0 % 100 == 0 ? $0 / 100 : 0) }
    #expect((IntegerPacking.smallest(rare, bits: 8, zeroPoints: [0], compresses: true)?.bytes.count ?? 4000) < 300)
    #expect(IntegerPacking.smallest(few, bits: 8, zeroPoints: [0], compresses: false) == nil)
    #expect(IntegerPacking.smallest(few, bits: 5, zeroPoints: [0], compresses: false)?.bytes.count == 2500)
  }

  @Test func halfFloats() {
    for bits in 0...UInt16.max where bits & 0x7c00 != 0x7c00 { #expect(HalfFloat.bits(HalfFloat.float(bits)) == bits) }
    #expect(HalfFloat.bits(1 + 0x1p-11) == 0x3c00)
    #expect(HalfFloat.bits(1 + 3 * 0x1p-11) == 0x3c02)
    #expect(HalfFloat.bits(1e9) == 0x7c00)
  }
}
