import Foundation
import Graph
import ModelFile
import Testing

/// The biases of layers in 8 bits can be read without their quantisation parameters; nothing else may lose any.
@Suite struct BiasParameterTests {
  private static let models = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Models")

  /// `derived`: whether the model has layers of which that holds; weights that are stored in 8 bits only need them.
  @Test(arguments: [
    ("ms_variants/lenet28__full8.ms", true), ("ms_variants/lenet28__wq8.ms", false),
    ("tf_front_end/mobilenet_v1_025_128_int8.ms", true),
  ])
  func onlyBiasesLoseThem(path: String, derived: Bool) throws {
    let content = [UInt8](try Data(contentsOf: Self.models.appendingPathComponent(path)))
    let all = try load(content).mainGraph
    let owner = ModelBytes(content)
    let some = try ModelReader.read(owner.bytes, owner: owner, copyConstants: false, withoutBiasParameters: true).mainGraph
    var biases = Set<Int>(), lost = 0
    for node in some.nodes where [.conv2DFusion, .fullConnection, .matMulFusion].contains(node.kind) && node.inputs.count > 2 {
      biases.insert(node.inputs[2].index)
    }
    try #require(all.tensors.count == some.tensors.count)
    for (before, after) in zip(all.tensors, some.tensors) {
      if before.quantParams.count == after.quantParams.count {
        #expect(before.quantParams.map(\.scale) == after.quantParams.map(\.scale))
        continue
      }
      lost += 1
      #expect(after.quantParams.isEmpty && before.type == .int32 && biases.contains(before.index), "\(before.name)")
    }
    #expect((lost > 0) == derived)
  }
}
