import ConverterCore
import Graph

/// Variables, whose values lie in a SavedModel's checkpoint. They are constants of the converted model.
enum Variables {
  static func evaluate(_ n: TensorFlowNode) throws(EngineError) -> [Value] {
    switch n.op {
    case "VarHandleOp":
      let shared = try n.string("shared_name", "")
      return [.variable(shared.isEmpty ? n.name : shared)]
    case "Variable", "VariableV2": return [.tensor(try constant(n, n.name))]
    case "ReadVariableOp":
      if case .tensor(let tensor)? = n.values.first { return [.tensor(tensor)] }
      return [.tensor(try constant(n, name(n)))]
    default:
      // ResourceGather: rows of a variable.
      let table = try constant(n, name(n))
      return [.tensor(try n.graph.add1(.gather, [:], [table, n.input(1), n.graph.constant(ints: [0], dims: [])]))]
    }
  }

  private static func name(_ n: TensorFlowNode) throws(EngineError) -> String {
    guard case .variable(let name)? = n.values.first else { throw EngineError(.formatError, "operand 0 is no variable") }
    return name
  }

  private static func constant(_ n: TensorFlowNode, _ name: String) throws(EngineError) -> Tensor {
    guard let checkpoint = n.scope.run.checkpoint else {
      throw EngineError(
        .notSupported,
        "the graph has the variable \"\(name)\", whose value is not in the file: freeze the graph (convert_variables_to_constants_v2), or give the SavedModel's folder")
    }
    return try checkpoint.constant(n.graph, name)
  }
}
