import Graph

/// One output of a node, or an argument of a function.
struct Reference: Hashable {
  var node: String
  var output: Int
}

/// The nodes of a graph or of a function's body, by name.
final class NodeTable {
  let nodes: [Tensorflow_NodeDef]
  private var positions: [String: Int] = [:]
  /// How many outputs of each node somebody reads, counted to the last one.
  private var read: [String: Int] = [:]
  /// Nodes that another one waits for without reading them.
  private(set) var awaited: Set<String> = []
  /// Outputs of functions by name, for calls that name the function as their operator.
  private let outputNames: (String) -> [String]?

  /// `outputNames` gives the names of a library function's outputs, nil for a name that is no function.
  init(_ nodes: [Tensorflow_NodeDef], outputNames: @escaping (String) -> [String]?) throws(EngineError) {
    self.nodes = nodes
    self.outputNames = outputNames
    for (i, node) in nodes.enumerated() {
      if positions.updateValue(i, forKey: node.name) != nil {
        throw EngineError(.formatError, "two nodes are named \"\(node.name)\"")
      }
    }
    for node in nodes {
      for input in node.input {
        if input.hasPrefix("^") {
          awaited.insert(String(input.dropFirst()))
        } else {
          let reference = try parse(input)
          read[reference.node] = max(read[reference.node] ?? 0, min(reference.output, 1023) + 1)
        }
      }
    }
  }

  subscript(_ name: String) -> Tensorflow_NodeDef? { positions[name].map { nodes[$0] } }

  /// Outputs of the node up to the last one that another node reads.
  func readOutputs(_ node: String) -> Int { read[node] ?? 0 }

  /// What an input names: `node`, `node:output`, or in functions `argument` and `node:output name:position`.
  func parse(_ input: String) throws(EngineError) -> Reference {
    let parts = input.split(separator: ":", omittingEmptySubsequences: false)
    let node = String(parts[0])
    if parts.count == 1 { return Reference(node: node, output: 0) }
    if parts.count == 2, let output = Int(parts[1]), output >= 0 { return Reference(node: node, output: output) }
    if parts.count <= 3, let position = parts.count == 3 ? Int(parts[2]) : 0, position >= 0 {
      return Reference(node: node, output: offset(of: String(parts[1]), node: node) &+ position)
    }
    throw EngineError(.formatError, "\"\(input)\" names no output of a node")
  }

  /// The position of a named output among all outputs. Only operators with several named outputs are listed: an operator with
  /// one name has its outputs numbered below it.
  private func offset(of output: String, node: String) -> Int {
    guard let op = self[node]?.op, let names = outputNames(op) ?? NodeTable.outputs[op] else { return 0 }
    return names.firstIndex(of: output) ?? 0
  }

  private static let outputs: [String: [String]] = [
    "Switch": ["output_false", "output_true"], "RefSwitch": ["output_false", "output_true"], "Merge": ["output", "value_index"],
    "RefMerge": ["output", "value_index"], "TopK": ["values", "indices"], "TopKV2": ["values", "indices"], "Unique": ["y", "idx"],
    "FusedBatchNorm": batchNorm, "FusedBatchNormV2": batchNorm, "FusedBatchNormV3": batchNorm, "_FusedBatchNormEx": batchNorm,
    "TensorArrayV3": ["handle", "flow"], "NonMaxSuppressionV4": ["selected_indices", "valid_outputs"],
    "NonMaxSuppressionV5": ["selected_indices", "selected_scores", "valid_outputs"],
    "RaggedRange": ["rt_nested_splits", "rt_dense_values"], "SparseReshape": ["output_indices", "output_shape"],
    "SparseFillEmptyRows": ["output_indices", "output_values", "empty_row_indicator", "reverse_index_map"],
    "TensorListPopBack": ["output_handle", "tensor"],
  ]
  private static let batchNorm = ["y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2", "reserve_space_3"]
}
