import ConverterCore
import Graph

/// Branches and loops in both of TensorFlow's forms.
enum ControlFlow {
  // MARK: branches

  /// What makes the results of a branch, in a graph and of the values that are given.
  typealias Part = (GraphBuilder, [Value]) throws(EngineError) -> [Value]

  /// A scalar truth value: numbers hold when they are not zero.
  private static func truth(_ graph: GraphBuilder, _ x: Tensor) throws(EngineError) -> Tensor {
    if x.type == .bool || x.type == .unknown { return x }
    let zero = x.type == .float32 ? graph.constant(floats: [0], dims: []) : graph.constant(ints: [0], dims: [])
    return try graph.add1(.notEqual, [:], [x, zero])
  }

  /// The values given to a subgraph: variables of the outer graph become its inputs, constants are constants there too.
  private static func take(_ values: [Value], from outer: GraphBuilder, into inner: GraphBuilder) -> (inner: [Value], arguments: [Tensor]) {
    var taken = [Value]()
    var arguments = [Tensor]()
    for value in values {
      guard case .tensor(let tensor) = value else {
        taken.append(value)
        continue
      }
      if tensor.isConstant {
        taken.append(.tensor(inner.constant(copying: tensor)))
      } else {
        taken.append(.tensor(inner.input(like: tensor, of: outer, name: "\(inner.graph.name)/\(tensor.name)")))
        arguments.append(tensor)
      }
    }
    return (taken, arguments)
  }

  private static func tensors(_ values: [Value]) throws(EngineError) -> [Tensor] {
    var all = [Tensor]()
    for value in values {
      guard case .tensor(let tensor) = value else { throw EngineError(.notSupported, "a branch or loop gives a resource as its result") }
      all.append(tensor)
    }
    return all
  }

  /// The results of one of two parts. A condition that is known leaves one of them.
  static func choose(
    _ node: TensorFlowNode, _ condition: Tensor, _ values: [Value], then: Part, otherwise: Part
  ) throws(EngineError) -> [Value] {
    let graph = node.graph
    if condition.isConstant, let known = condition.knownIntegers(), let first = known.first {
      return try (first != 0 ? then : otherwise)(graph, values)
    }
    let name = node.scope.prefix + node.name
    func branch(_ suffix: String, _ part: Part) throws(EngineError) -> Branch {
      let inner = graph.model.addGraph("\(name)_\(suffix)")
      let (taken, arguments) = take(values, from: graph, into: inner)
      let results = try tensors(try part(inner, taken))
      inner.scope = "\(name)_\(suffix)/result"
      try inner.setOutputs(results, names: results.indices.map { "\(name)_\(suffix):\($0)" })
      return Branch(inner, arguments)
    }
    let (a, b) = (try branch("then", then), try branch("else", otherwise))
    guard a.graph.graph.outputs.count == b.graph.graph.outputs.count else {
      throw EngineError(.formatError, "the branches give \(a.graph.graph.outputs.count) and \(b.graph.graph.outputs.count) results")
    }
    graph.scope = name
    return graph.branch(try truth(graph, condition), then: a, else: b).map { .tensor($0) }
  }

  /// If and StatelessIf.
  static func conditional(_ node: TensorFlowNode) throws(EngineError) -> [Value] {
    let (then, otherwise) = (try node.function("then_branch"), try node.function("else_branch"))
    let (run, scope) = (node.scope.run, node.scope)
    func part(_ function: String, _ suffix: String) -> Part {
      { (graph, values) throws(EngineError) in try run.call(function, values, in: scope, into: graph, as: "\(node.name)/\(suffix)") }
    }
    return try choose(
      node, node.input(0), Array(node.values.dropFirst()), then: part(then, "then"), otherwise: part(otherwise, "else"))
  }

  /// Case: the branch with the number, the last one for numbers outside.
  static func cases(_ node: TensorFlowNode) throws(EngineError) -> [Value] {
    guard case .list(let list)? = node.proto.attr["branches"]?.value, !list.func.isEmpty, list.func.count <= 16 else {
      throw EngineError(.notSupported, "attribute \"branches\" must list 1 to 16 functions")
    }
    let (run, scope, index) = (node.scope.run, node.scope, try node.input(0))
    func part(_ i: Int) -> Part {
      { (graph, values) throws(EngineError) in
        let rest = Array(values.dropFirst())
        let function = list.func[i].name
        let call = { (graph: GraphBuilder, values: [Value]) throws(EngineError) -> [Value] in
          try run.call(function, values, in: scope, into: graph, as: "\(node.name)/branch\(i)")
        }
        guard i + 1 < list.func.count, case .tensor(let number)? = values.first else { return try call(graph, rest) }
        let isThis = try graph.add1(.equal, [:], [number, graph.constant(ints: [i], dims: [])])
        let inner = TensorFlowNode(
          node.proto, values, try TensorFlowScope(run, scope.table, graph, prefix: "\(scope.prefix)\(i)/", depth: scope.depth + 1, seeds: [:]))
        return try choose(
          inner, isThis, values, then: { (g, v) throws(EngineError) in try call(g, Array(v.dropFirst())) }, otherwise: part(i + 1))
      }
    }
    return try part(0)(node.graph, [.tensor(index)] + node.values.dropFirst())
  }

  /// The Merge at the end of two branches that began at Switch nodes.
  static func merge(_ node: TensorFlowNode) throws(EngineError) -> [Value] {
    let scope = node.scope
    guard let choice = try scope.run.frames(of: scope.table).choice(node.name) else {
      throw EngineError(.notSupported, "the branches that the node joins begin at no common Switch")
    }
    guard case .tensor(let condition) = try scope.value(choice.condition) else {
      throw EngineError(.formatError, "the condition is a resource")
    }
    var captured = [Value]()
    for input in choice.captured { captured.append(try scope.value(input)) }
    func part(_ result: String) -> Part {
      { (graph, values) throws(EngineError) in
        var seeds: [String: [Value]] = [:]
        for (name, value) in zip(choice.switches, values) { seeds[name] = [value, value] }
        return try scope.region(graph, seeds: seeds).values(of: [result])
      }
    }
    let results = try choose(node, condition, captured, then: part(choice.then), otherwise: part(choice.otherwise))
    // The second output, the number of the branch that was taken, is what the first input's side says.
    return results
  }

  // MARK: loops

  /// A loop over `initial`. `condition` and `body` make the test and the next values in a graph, of the variables' values there;
  /// a variable that does not vary has the same value in every round.
  private static func loop(
    _ node: TensorFlowNode, name: String, _ initial: [Value], varying: [Bool], condition: Part, body: Part
  ) throws(EngineError) -> [Value] {
    let graph = node.graph
    var variables = [Int]()
    for (i, value) in initial.enumerated() {
      if case .tensor(let tensor) = value { if varying[i] || !tensor.isConstant { variables.append(i) } } else if varying[i] {
        throw EngineError(.notSupported, "variable \(i) of the loop is a resource that the loop changes")
      }
    }
    let starts = try tensors(variables.map { initial[$0] })
    func enter(_ inner: GraphBuilder, _ dims: [[Int]?]) -> [Value] {
      var values = [Value]()
      for (i, value) in initial.enumerated() {
        if let k = variables.firstIndex(of: i) {
          values.append(.tensor(inner.input("\(inner.graph.name)/\(starts[k].name)", starts[k].type, dims[k])))
        } else if case .tensor(let tensor) = value {
          values.append(.tensor(inner.constant(copying: tensor)))
        } else {
          values.append(value)
        }
      }
      return values
    }
    let dims = try stableDims(node, name, starts.map { graph.dims(of: $0) }) { (inner, dims) throws(EngineError) in
      let next = try body(inner, enter(inner, dims))
      return try tensors(variables.map { next[$0] })
    }
    let test = graph.model.addGraph("\(name)_cond")
    let tested = try tensors(try condition(test, enter(test, dims)))
    guard let first = tested.first else { throw EngineError(.formatError, "the loop's condition gives nothing") }
    test.scope = "\(test.graph.name)/test"
    try test.setOutputs([try truth(test, first)], names: ["\(test.graph.name):0"])
    let round = graph.model.addGraph("\(name)_body")
    let next = try body(round, enter(round, dims))
    round.scope = "\(round.graph.name)/next"
    let results = try tensors(variables.map { next[$0] })
    for (result, start) in zip(results, starts) where result.type == .unknown { result.type = start.type }
    try round.setOutputs(results, names: variables.map { "\(round.graph.name):\($0)" })
    graph.scope = name
    let last = graph.loop(starts, condition: test, body: round)
    var all = initial
    for (k, i) in variables.enumerated() where varying[i] { all[i] = .tensor(last[k]) }
    return all
  }

  /// The variables' dimensions that hold in every round: those in which the first value and the next ones agree. The body is
  /// imported for trial, into a model that is thrown away.
  private static func stableDims(
    _ node: TensorFlowNode, _ name: String, _ initial: [[Int]?], _ body: (GraphBuilder, [[Int]?]) throws(EngineError) -> [Tensor]
  ) throws(EngineError) -> [[Int]?] {
    var dims = initial
    for round in 0..<10 {
      let trial = ModelBuilder(.tensorFlow, options: node.graph.model.options, report: Report())
      let inner = trial.addGraph(name)
      let results = try body(inner, dims)
      var next = dims
      for (i, result) in results.enumerated() {
        guard let old = dims[i] else { continue }
        guard let new = inner.dims(of: result), new.count == old.count, round < 8 else {
          if inner.dims(of: result).map({ $0 != old }) ?? true { next[i] = nil }
          continue
        }
        next[i] = zip(old, new).map { $0 == $1 ? $0 : -1 }
      }
      if zip(next, dims).allSatisfy({ $0 == $1 }) { break }
      dims = next
    }
    return dims
  }

  /// While and StatelessWhile.
  static func whileLoop(_ node: TensorFlowNode) throws(EngineError) -> [Value] {
    let (condition, body) = (try node.function("cond"), try node.function("body"))
    let (run, scope) = (node.scope.run, node.scope)
    let unchanged = try run.unchangedArguments(body)
    guard unchanged.count == node.count else {
      throw EngineError(.formatError, "the loop has \(node.count) variables, its body \(unchanged.count) results")
    }
    return try loop(
      node, name: scope.prefix + node.name, node.values, varying: unchanged.map { !$0 },
      condition: { (graph, values) throws(EngineError) in try run.call(condition, values, in: scope, into: graph, as: "\(node.name)/cond") },
      body: { (graph, values) throws(EngineError) in try run.call(body, values, in: scope, into: graph, as: "\(node.name)/body") })
  }

  /// An Exit: the loop it leaves is imported once, for all its Exit nodes.
  static func exit(_ node: TensorFlowNode) throws(EngineError) -> [Value] {
    let scope = node.scope
    let nodes = scope.run.frames(of: scope.table)
    guard let frame = nodes.frame(ofExit: node.name), let variable = nodes.variable(ofExit: node.name), let condition = frame.condition else {
      throw EngineError(.formatError, "the node leaves no loop that has Enter, Merge, Switch and NextIteration nodes")
    }
    if let known = scope.finishedLoops[frame.name] { return [known[variable]] }
    var sources: [String: String] = [:]
    for enter in frame.enters { sources[enter.name] = enter.input[0] }
    let names = frame.variables.map { $0.enter } + frame.invariants
    var initial = [Value]()
    for name in names {
      guard let source = sources[name] else { throw EngineError(.formatError, "Enter \"\(name)\" has no input") }
      initial.append(try scope.value(source))
    }
    func region(_ graph: GraphBuilder, _ values: [Value]) throws(EngineError) -> TensorFlowScope {
      var seeds: [String: [Value]] = [:]
      for (i, value) in values.enumerated() {
        if i < frame.variables.count {
          seeds[frame.variables[i].merge] = [value]
          for name in frame.variables[i].switches { seeds[name] = [value, value] }
        } else {
          seeds[frame.invariants[i - frame.variables.count]] = [value]
        }
      }
      return try scope.region(graph, seeds: seeds)
    }
    // Resources are the same in every round.
    let varying = initial.enumerated().map { $0.offset < frame.variables.count && $0.element.tensor != nil }
    let results = try loop(
      node, name: scope.prefix + (frame.name.isEmpty ? node.name : frame.name), initial, varying: varying,
      condition: { (graph, values) throws(EngineError) in try region(graph, values).values(of: [condition]) },
      body: { (graph, values) throws(EngineError) in
        try region(graph, values).values(of: frame.variables.map { $0.next }) + values.dropFirst(frame.variables.count)
      })
    scope.finishedLoops[frame.name] = results
    return [results[variable]]
  }
}
