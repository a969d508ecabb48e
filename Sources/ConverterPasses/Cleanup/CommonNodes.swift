import ConverterCore
import Graph
import ModelFile

/// Merges nodes that compute the same from the same tensors, and small constants of the same value.
public struct CommonNodes {
  let editor: GraphEditor
  let switches: FusionSwitch
  /// Constants of more elements are not merged.
  public static let constantLimit = 1024

  func run() {
    guard switches.allows("ReduceSameOpInHorizon") else { return }
    shareConstants()
    var known: [String: Node] = [:]
    for node in editor.nodes where !editor.isRemoved(node) && isPure(node) {
      let key = signature(node)
      guard let twin = known[key] else {
        known[key] = node
        continue
      }
      var merged = true
      for (y, z) in zip(node.outputs, twin.outputs) where !editor.replaceUses(of: y, with: z) { merged = false }
      if merged {
        editor.remove(node)
        switches.count("ReduceSameOpInHorizon")
      }
    }
  }

  private struct Value: Hashable {
    let type: Int32
    let dims: [Int]
    let bytes: [UInt8]
  }

  private func shareConstants() {
    var known: [Value: Tensor] = [:]
    var twins: [ObjectIdentifier: Tensor] = [:]
    for node in editor.nodes {
      for (i, t) in node.inputs.enumerated() where t.isConstant {
        if let twin = twins[ObjectIdentifier(t)] {
          if twin !== t { editor.setInput(node, i, twin) }
          continue
        }
        twins[ObjectIdentifier(t)] = t
        // Weights that begin with the same values are trained apart.
        if editor.builder.model.options.differentiates && t.count > 1 && t.type != .int32 { continue }
        guard t.list == nil, t.count <= Self.constantLimit, t.quantParams.isEmpty, t.type != .string, let data = t.data else { continue }
        let bytes = UnsafeRawBufferPointer(start: data, count: t.byteCount)
        let value = Value(type: t.type.rawValue, dims: t.shape.dims, bytes: Array(bytes))
        if let twin = known[value] {
          twins[ObjectIdentifier(t)] = twin
          editor.setInput(node, i, twin)
        } else {
          known[value] = t
        }
      }
    }
  }

  private func isPure(_ node: Node) -> Bool {
    if node.kind.hasSideEffect || node.kind.makesHandle { return false }
    switch node.kind {
    case .custom, .depend, .randomNormal, .randomStandardNormal, .uniformReal, .dropout, .assign, .assignAdd, .sgd, .adam, .applyMomentum,
      .adamWeightDecay, .tensorListFromTensor, .tensorListReserve, .tensorListSetItem, .tensorListGetItem, .tensorListStack, .tensorArray,
      .tensorArrayRead:
      return false
    default: return !node.outputs.contains { $0.type == .tensorList }
    }
  }

  private func signature(_ node: Node) -> String {
    var text = "\(node.kind.rawValue) \(node.quantType) \(node.outputs.count)"
    for id in 0..<PrimitiveSchema.fieldCount(node.kind) {
      if let value = node.attributes[id] { text += " \(id)=\(value)" }
    }
    for t in node.inputs { text += " \(t.index)" }
    for t in node.outputs {
      text += " \(t.type.rawValue)"
      for p in t.quantParams { text += " \(p.scale) \(p.zeroPoint)" }
    }
    return text
  }
}
