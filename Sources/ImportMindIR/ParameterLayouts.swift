import Foundation
import Graph

/// Which weights of a training graph are kernels of convolutions. They are stored as [O, h, w, I], the form of the operators, since
/// a training run changes them where they are; so are the sums that an optimiser keeps for them.
final class ParameterLayouts {
  private var kernelNames: Set<String> = []
  private var kernels: Set<ObjectIdentifier> = []
  private var parameters: Set<ObjectIdentifier> = []
  private var views: [ObjectIdentifier: Tensor] = [:]
  private var retained: [Tensor] = []

  /// Operations whose input 1 is a kernel.
  private static let users: Set<String> = ["Conv2D", "Conv2DTranspose", "Conv2DBackpropInput", "DepthwiseConv2dNative"]
  /// Inputs of the optimisers that have the dimensions of input 0, the weight.
  private static let sums: [String: [Int]] = [
    "Adam": [1, 2], "AdamWeightDecay": [1, 2], "ApplyMomentum": [1], "Momentum": [1], "SGD": [3, 5],
  ]

  func find(_ graph: MindIr_GraphProto, _ primitives: [String: MindIr_PrimitiveProto]) {
    func type(_ node: MindIr_NodeProto) -> String {
      node.opType.hasPrefix("REF::") ? primitives[String(node.opType.dropFirst(5))]?.opType ?? "" : node.opType
    }
    var origin: [String: String] = [:]
    for node in graph.node where ["Load", "Depend"].contains(type(node)) {
      if let from = node.input.first, let to = node.output.first { origin[to] = origin[from] ?? from }
    }
    for node in graph.node where Self.users.contains(type(node)) && node.input.count > 1 {
      let attributes = node.attribute + (primitives[String(node.opType.dropFirst(5))]?.attribute ?? [])
      let isLast = attributes.contains { $0.name == "format" && ($0.s == Self.nhwc || $0.strings.first == Self.nhwc) }
      if !isLast { kernelNames.insert(origin[node.input[1]] ?? node.input[1]) }
    }
    for node in graph.node {
      guard let indices = Self.sums[type(node)], let weight = node.input.first else { continue }
      guard kernelNames.contains(origin[weight] ?? weight) else { continue }
      for i in indices where i < node.input.count { kernelNames.insert(origin[node.input[i]] ?? node.input[i]) }
    }
  }
  private static let nhwc = "NHWC".data(using: .utf8)

  func isKernel(_ name: String) -> Bool { kernelNames.contains(name) }
  func isKernel(_ tensor: Tensor) -> Bool { kernels.contains(ObjectIdentifier(tensor)) }
  func isParameter(_ tensor: Tensor) -> Bool { parameters.contains(ObjectIdentifier(tensor)) }
  func plain(_ kernel: Tensor) -> Tensor? { views[ObjectIdentifier(kernel)] }

  func noteKernel(_ tensor: Tensor) { kernels.insert(ObjectIdentifier(tensor)) }
  func noteParameter(_ tensor: Tensor) {
    parameters.insert(ObjectIdentifier(tensor))
    retained.append(tensor)
  }
  func setPlain(_ kernel: Tensor, _ view: Tensor) { views[ObjectIdentifier(kernel)] = view }
}
