import ConverterCore
import Graph

/// State that a TFLite interpreter keeps between runs, which a `.ms` graph cannot: each variable that the model changes becomes an
/// input and an output of the graph.
///
/// A variable NAME is the input `NAME`, which takes the value that the run starts with, and the output `NAME/next`, which gives the
/// value for the next run. A value to start the first run with that is not all zeros is the constant output `NAME/initial`.
/// Variables that are only read become constants.
struct StateVariables {
  private struct Variable {
    /// What the model sets it to before the first run; nil: zeros.
    var initial: Tensor? = nil
    var input: Tensor? = nil
    /// The value at the current place of the import.
    var current: Tensor? = nil
    var isAssigned = false
  }
  private var variables: [String: Variable] = [:]
  private var order: [String] = []

  private subscript(_ name: String) -> Variable {
    get { variables[name] ?? Variable() }
    set {
      if variables[name] == nil { order.append(name) }
      variables[name] = newValue
    }
  }

  /// Notes which variables the entry assigns, before it is imported.
  private(set) var assigned: Set<String> = []
  mutating func willAssign(_ name: String) { assigned.insert(name) }

  /// The value that an initialising subgraph gives a variable.
  mutating func initialise(_ name: String, _ value: Tensor) { self[name].initial = value }

  /// The variable's value. `like` gives type and shape of one that nothing has initialised.
  mutating func read(_ name: String, type: DataType, dims: [Int], in graph: GraphBuilder) -> Tensor {
    if let t = self[name].current { return t }
    if !assigned.contains(name), let initial = self[name].initial {
      let t = graph.constant(copying: initial)
      self[name].current = t
      return t
    }
    let initial = self[name].initial
    let input = graph.input(name, initial?.type ?? type, initial?.shape.dims ?? dims)
    self[name].input = input
    self[name].current = input
    return input
  }

  mutating func assign(_ name: String, _ value: Tensor) {
    self[name].current = value
    self[name].isAssigned = true
  }

  /// The further outputs of the graph, with their names; what they are is told as warnings.
  mutating func outputs(_ graph: GraphBuilder) throws(EngineError) -> [(String, Tensor)] {
    var result = [(String, Tensor)]()
    for name in order {
      let v = self[name]
      guard v.isAssigned, let value = v.current else { continue }
      result.append(("\(name)/next", value))
      guard v.input != nil else { continue }
      let isZero = v.initial.map { StateVariables.isZero($0) } ?? true
      if let initial = v.initial, !isZero { result.append(("\(name)/initial", graph.constant(copying: initial))) }
      graph.report.warn(
        "state \"\(name)\" is an input of the graph: give it the output \"\(name)/next\" of the run before, at first \(isZero ? "zeros" : "the output \"\(name)/initial\"")")
    }
    return result
  }

  private static func isZero(_ t: Tensor) -> Bool {
    guard let data = t.data else { return true }
    for i in 0..<t.byteCount where data.load(fromByteOffset: i, as: UInt8.self) != 0 { return false }
    return true
  }
}
