import Graph

/// A subgraph together with the tensors of the calling graph that it is given as inputs.
public struct Branch {
  public let graph: GraphBuilder
  public let arguments: [Tensor]
  public init(_ graph: GraphBuilder, _ arguments: [Tensor]) {
    self.graph = graph
    self.arguments = arguments
  }
}

// Control flow in the format: PartialFusion makes a handle of a subgraph and its arguments, Switch chooses one of two handles, Call
// runs the graph of a handle. A loop is a condition graph that calls the body or leaves, and a body that calls the condition.

extension GraphBuilder {
  /// The outputs of one of two subgraphs. `condition`: one boolean. Both graphs have the same number of outputs.
  public func branch(_ condition: Tensor, then: Branch, else otherwise: Branch) -> [Tensor] {
    let handles = append(.switch, [:], [condition, handle(then), handle(otherwise)], 1)
    let results = append(.call, ["is_tail_call": false], [handles[0]], then.graph.graph.outputs.count)
    for (i, t) in results.enumerated() {
      let a = then.graph.graph.outputs[i]
      let b = otherwise.graph.graph.outputs[i]
      t.type = a.type == .unknown ? b.type : a.type
      declare(t, merged(then.graph.dims(of: a), otherwise.graph.dims(of: b)))
    }
    return results
  }

  /// Dimensions that two shapes share; nil when their ranks differ.
  private func merged(_ a: [Int]?, _ b: [Int]?) -> [Int]? {
    guard let a, let b, a.count == b.count else { return nil }
    return zip(a, b).map { $0 == $1 ? $0 : -1 }
  }

  /// A while loop. `condition` takes the loop's variables and gives one boolean, `body` takes them and gives their next values
  /// (both must have their outputs set and nothing else may call them). Returns the variables' last values.
  public func loop(_ variables: [Tensor], condition: GraphBuilder, body: GraphBuilder) -> [Tensor] {
    let leave = model.addGraph("\(condition.graph.name)_after", parent: nil)
    leave.scope = leave.graph.name
    let passed = variables.map { leave.input(like: $0, of: self) }
    leave.graph.outputs = passed.map { $0.type == .tensorList ? $0 : leave.append(.depend, [:], [$0], 1)[0] }

    let test = condition.graph.outputs[0]
    let values = condition.graph.inputs
    condition.scope = "\(condition.graph.name)_choose"
    let chosen = condition.append(
      .switch, [:], [test, condition.handle(Branch(body, values)), condition.handle(Branch(leave, values))], 1)
    condition.graph.outputs = condition.append(.call, ["is_tail_call": true], [chosen[0]], variables.count)
    for (t, v) in zip(condition.graph.outputs, variables) {
      t.type = v.type
      condition.declare(t, dims(of: v))
    }

    let next = body.graph.outputs
    body.scope = "\(body.graph.name)_again"
    body.graph.outputs = body.append(.call, ["is_tail_call": true], [body.handle(Branch(condition, next))], variables.count)
    for (t, v) in zip(body.graph.outputs, variables) {
      t.type = v.type
      body.declare(t, dims(of: v))
    }

    let results = append(.call, ["is_tail_call": false], [handle(Branch(condition, variables))], variables.count)
    for (i, (t, v)) in zip(results, variables).enumerated() {
      t.type = v.type
      declare(t, merged(dims(of: v), body.dims(of: next[i])))
    }
    return results
  }

  private func handle(_ branch: Branch) -> Tensor {
    append(.partialFusion, ["sub_graph_index": .number(branch.graph.index)], branch.arguments, 1)[0]
  }
}
