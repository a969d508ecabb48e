import ConverterCore
import Graph

/// The model's inputs: TensorFlow's placeholders.
enum GraphInputs {
  /// A placeholder whose default is a single truth value switches training on and off; it keeps its default.
  static func isInput(_ node: Tensorflow_NodeDef) -> Bool {
    switch node.op {
    case "Placeholder", "PlaceholderV2": return true
    case "PlaceholderWithDefault": return node.attr["dtype"]?.type != .dtBool
    default: return false
    }
  }

  /// Declares the inputs and gives what their nodes stand for.
  static func declare(
    _ inputs: [(name: String, node: String)], _ table: NodeTable, _ graph: GraphBuilder
  ) throws(EngineError) -> [String: [Value]] {
    let wanted = graph.model.options.inputShapes
    let unknown = wanted.keys.filter { key in !inputs.contains { $0.name == key || "\($0.name):0" == key } }.sorted()
    if !unknown.isEmpty {
      throw EngineError(
        .inputParameterInvalid,
        "the model has no input named \(unknown.joined(separator: ", ")); its inputs are \(inputs.map { $0.name }.joined(separator: ", "))")
    }
    var seeds: [String: [Value]] = [:]
    for input in inputs {
      guard let node = table[input.node] else { continue }
      do throws(EngineError) {
        let type = try ElementTypes.required(node.attr["dtype"]?.type ?? .dtInvalid, "the input")
        var dims = try node.attr["shape"]?.shape.dims("the input")
        if node.attr["shape"] == nil, let listed = node.attr["_output_shapes"]?.list.shape.first { dims = try listed.dims("the input") }
        if let given = wanted[input.name] ?? wanted["\(input.name):0"] {
          try check(given, dims)
          dims = given
        }
        seeds[input.node] = [.tensor(graph.input(input.name, type, dims))]
      } catch {
        graph.report.add(error, node: input.name, type: node.op)
        seeds[input.node] = [.tensor(graph.input(input.name, .float32, nil))]
      }
    }
    return seeds
  }

  /// A given shape must fit what the file says.
  private static func check(_ given: [Int], _ dims: [Int]?) throws(EngineError) {
    guard let dims else { return }
    let fits = dims.isEmpty || (given.count == dims.count && zip(given, dims).allSatisfy { $1 < 0 || $0 == $1 || $0 < 0 })
    if !fits { throw EngineError(.inputParameterInvalid, "the given shape \(Shape(given)) does not fit the input's \(Shape(dims))") }
  }
}
