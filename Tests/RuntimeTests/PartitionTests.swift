import Graph
import Testing

@testable import NNRt

/// How graphs are cut into programs of a device.
@Suite struct PartitionTests {
  private struct Random {
    var state: UInt64
    mutating func below(_ n: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % n
    }
  }

  /// Nodes of one or two inputs among the graph's input and earlier results.
  private func graph(_ count: Int, _ random: inout Random) -> Graph {
    var tensors = [Tensor(name: "x", type: .float32, shape: Shape([1]))], nodes = [Node]()
    let input = tensors[0]
    for i in 0..<count {
      let result = Tensor(name: "t\(i)", type: .float32, shape: Shape([1]))
      var inputs = [Tensor]()
      for _ in 0..<(1 + random.below(2)) { inputs.append(tensors[max(0, tensors.count - 1 - random.below(6))]) }
      nodes.append(Node(name: "n\(i)", kind: .addFusion, inputs: inputs, outputs: [result]))
      tensors.append(result)
    }
    return Graph(name: "", nodes: nodes, tensors: tensors, inputs: [input], outputs: [tensors.last!])
  }

  /// The most device programs that any way through the graph passes: fewer cannot be.
  private func fewest(_ graph: Graph, _ isOnDevice: [Bool]) -> Int {
    var made = [Int: Int](), runs = [Int](repeating: 0, count: graph.nodes.count)
    for (i, node) in graph.nodes.enumerated() {
      for t in node.inputs {
        guard let p = made[t.index] else { continue }
        runs[i] = max(runs[i], runs[p] + (isOnDevice[i] && !isOnDevice[p] ? 1 : 0))
      }
      if isOnDevice[i] { runs[i] = max(runs[i], 1) }
      made[node.outputs[0].index] = i
    }
    return runs.max() ?? 0
  }

  @Test func fewestProgramsInAnOrderThatRuns() {
    var random = Random(state: 1)
    for round in 0..<500 {
      let graph = graph(1 + random.below(40), &random)
      let isOnDevice = graph.nodes.map { _ in random.below(100) < 20 + round % 70 }
      let partition = Partition(graph, isOnDevice)
      var isKnown = [Bool](repeating: false, count: graph.tensors.count), seen = 0
      isKnown[0] = true
      for item in partition.order {
        let members: [Int]
        switch item {
        case .node(let i):
          members = [i]
          #expect(!isOnDevice[i])
        case .program(let part):
          members = partition.programs[part]
          for i in members { #expect(isOnDevice[i]) }
        }
        seen += members.count
        let border = Partition.border(graph, members)
        for t in border.inputs { #expect(isKnown[t.index], "round \(round): \(t.name)") }
        for i in members { for t in graph.nodes[i].outputs { isKnown[t.index] = true } }
      }
      #expect(seen == graph.nodes.count)
      #expect(partition.programs.count == fewest(graph, isOnDevice))
    }
  }

  @Test func borders() {
    let names = ["x", "a", "b", "c"].map { Tensor(name: $0, type: .float32, shape: Shape([1])) }
    let constant = Tensor.constant(int32: [1])!
    let graph = Graph(
      name: "",
      nodes: [
        Node(name: "1", kind: .addFusion, inputs: [names[0], constant], outputs: [names[1]]),
        Node(name: "2", kind: .addFusion, inputs: [names[1], names[0]], outputs: [names[2]]),
        Node(name: "3", kind: .addFusion, inputs: [names[1], names[2]], outputs: [names[3]]),
      ], tensors: names + [constant], inputs: [names[0]], outputs: [names[2], names[3]])
    let whole = Partition.border(graph, [0, 1, 2])
    #expect(whole.inputs.map(\.name) == ["x"] && whole.outputs.map(\.name) == ["b", "c"])
    let first = Partition.border(graph, [0, 1])
    #expect(first.inputs.map(\.name) == ["x"] && first.outputs.map(\.name) == ["a", "b"])
    let last = Partition.border(graph, [2])
    #expect(last.inputs.map(\.name) == ["a", "b"] && last.outputs.map(\.name) == ["c"])
  }
}
