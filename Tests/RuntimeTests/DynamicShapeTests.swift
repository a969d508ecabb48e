import Graph
import ModelFile
import System
import Testing

@testable import Runtime

/// Models whose shapes the run decides: sizes change from run to run, and what follows takes them as they come.
struct DynamicShapeTests {
  private func tensor(_ name: String, _ type: DataType, _ dims: [Int]) -> Tensor { Tensor(name: name, type: type, shape: Shape(dims)) }

  private func constant<T: BitwiseCopyable>(_ name: String, _ type: DataType, _ dims: [Int], _ values: [T]) -> Tensor {
    let t = tensor(name, type, dims)
    let buffer = Buffer(count: max(t.byteCount, 1))!
    values.withUnsafeBytes { buffer.base.copyMemory(from: $0.baseAddress!, byteCount: t.byteCount) }
    t.setConstant(buffer.base, owner: buffer)
    return t
  }

  private func session(_ nodes: [Node], _ inputs: [Tensor], _ outputs: [Tensor]) throws -> Session {
    var tensors = [Tensor]()
    for t in nodes.flatMap({ $0.inputs + $0.outputs }) where !tensors.contains(where: { $0 === t }) { tensors.append(t) }
    let graph = Graph(name: "main", nodes: nodes, tensors: tensors, inputs: inputs, outputs: outputs)
    graph.renumber()
    return try ModelWriter.write(ModelContent(graphs: [graph], framework: 3)).withUnsafeBytes { try Session.open(ModelSource(bytes: $0, directory: nil), options: SessionOptions()) }
  }

  private func run<T: BitwiseCopyable>(_ session: Session, _ inputs: [T]...) throws {
    var buffers = [Buffer]()
    for (i, values) in inputs.enumerated() {
      let buffer = Buffer(count: max(values.count * MemoryLayout<T>.size, 1))!
      values.withUnsafeBytes { if let p = $0.baseAddress { buffer.base.copyMemory(from: p, byteCount: $0.count) } }
      buffers.append(buffer)
      session.bindInput(i, buffer.base)
    }
    try session.run(observer: nil)
    withExtendedLifetime(buffers) {}
  }

  private func ints(_ t: Tensor) -> [Int32] { (0..<t.count).map { t.pointer(Int32.self)[$0] } }

  @Test func suppressionThenGather() throws {
    let boxes = tensor("boxes", .float32, [4, 4]), scores = tensor("scores", .float32, [4])
    let picked = tensor("picked", .int32, [-1]), rows = tensor("rows", .float32, [-1])
    let model = try session(
      [
        Node(
          name: "nms", kind: .nonMaxSuppression, attributes: Attributes(),
          inputs: [
            boxes, scores, constant("limit", .int32, [1], [Int32(3)]), constant("overlap", .float32, [1], [Float(0.5)]),
            constant("least", .float32, [1], [Float(0.1)]),
          ], outputs: [picked]),
        Node(name: "gather", kind: .gather, attributes: Attributes(), inputs: [boxes, picked, constant("axis", .int32, [], [Int32(0)])], outputs: [rows]),
      ], [boxes, scores], [picked, rows])
    let squares: [Float] = [0, 0, 1, 1, 0, 0.1, 1, 1.1, 5, 5, 6, 6, 8, 8, 9, 9]
    for (values, wanted) in [([0.5, 0.9, 0.3, 0.05], [1, 2]), ([0, 0, 0, 0], []), ([0.2, 0.1, 0.3, 0.4], [3, 2, 0])] as [([Float], [Int32])] {
      try run(model, squares, values)
      #expect(ints(model.outputs[0]) == wanted)
      #expect(model.outputs[1].shape == Shape([wanted.count, 4]))
      for (i, row) in wanted.enumerated() { #expect(model.outputs[1].floats[i * 4] == squares[Int(row) * 4]) }
    }
  }

  /// Strings in, strings between, numbers out; a broken string tensor is an error of the run.
  @Test func strings() throws {
    let text = tensor("text", .string, [20]), normal = tensor("normal", .string, [-1])
    let labels = tensor("labels", .int32, [-1]), weights = tensor("weights", .float32, [-1])
    let model = try session(
      [
        Node(name: "normalize", kind: .customNormalize, attributes: Attributes(), inputs: [text], outputs: [normal]),
        Node(name: "features", kind: .customExtractFeatures, attributes: Attributes(), inputs: [normal], outputs: [labels, weights]),
      ], [text], [normal, labels, weights])
    // "HI" and "!!".
    try run(model, [2, 0, 0, 0, 16, 0, 0, 0, 18, 0, 0, 0, 20, 0, 0, 0, 72, 73, 33, 33] as [UInt8])
    #expect(model.outputs[0].byteCount == 16 + 10 + 9 && model.outputs[1].count == 2)
    #expect([model.outputs[2].floats[0], model.outputs[2].floats[1]] == [3, 3])
    try run(model, [UInt8](repeating: 0, count: 4) + [8, 0, 0, 0] + [UInt8](repeating: 0, count: 12))
    #expect(model.outputs[1].count == 1)
    for broken in [[UInt8](repeating: 0xff, count: 20), [1, 0, 0, 0, 12, 0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]] {
      let error = #expect(throws: EngineError.self) { try run(model, broken) }
      #expect(error?.message.contains("normalize") == true)
    }
  }

  @Test func unknownCustomTypes() {
    let x = tensor("x", .float32, [1]), y = tensor("y", .float32, [1])
    for (type, reason) in [("Mine", "of type Mine"), ("Conv3D", "strides, pads and dilations")] {
      var a = Attributes()
      a[0] = .string(type)
      let error = #expect(throws: EngineError.self) {
        _ = try session([Node(name: "n", kind: .custom, attributes: a, inputs: [x], outputs: [y])], [x], [y])
      }
      #expect(error?.message.contains(reason) == true)
    }
  }
}
