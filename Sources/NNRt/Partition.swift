import Graph

/// Which nodes of a graph run together on a device, and when.
///
/// A node's level counts the changes from device to CPU on the longest way to it. The device's nodes of one level make one program:
/// what lies between two of them has their level too, so that programs never wait for each other in a circle, and no cut into fewer
/// programs exists, because each level's results pass a node of the CPU before they reach the next.
struct Partition {
  enum Item {
    case node(Int)
    case program(Int)
  }

  /// Nodes of the CPU and programs, in an order in which they can run.
  private(set) var order: [Item] = []
  /// The nodes of each program, in the graph's order.
  private(set) var programs: [[Int]] = []

  /// `isOnDevice`: by node. The graph's tensors are numbered and its nodes in an order in which they can run.
  init(_ graph: Graph, _ isOnDevice: [Bool]) {
    let count = graph.nodes.count
    var level = [Int](repeating: 0, count: count)
    var producer = [Int](repeating: -1, count: graph.tensors.count)
    var lastEffect = 0
    for (i, node) in graph.nodes.enumerated() {
      for t in node.inputs {
        let p = producer[t.index]
        if p >= 0 { level[i] = max(level[i], level[p] + (isOnDevice[p] && !isOnDevice[i] ? 1 : 0)) }
      }
      // What happens outside the graph happens in the graph's order.
      if node.kind.hasSideEffect {
        level[i] = max(level[i], lastEffect)
        lastEffect = level[i]
      }
      for t in node.outputs { producer[t.index] = i }
    }
    var highest = 0
    for l in level { highest = max(highest, l) }
    for l in 0...highest {
      var members = [Int]()
      for i in 0..<count where level[i] == l {
        if isOnDevice[i] { members.append(i) } else { order.append(.node(i)) }
      }
      if members.isEmpty { continue }
      order.append(.program(programs.count))
      programs.append(members)
    }
  }

  /// The values that go into and come out of a set of nodes: variables that it reads and does not compute; results that others read, or
  /// the graph's users.
  static func border(_ graph: Graph, _ members: [Int]) -> (inputs: [Tensor], outputs: [Tensor]) {
    var isInside = [Bool](repeating: false, count: graph.nodes.count)
    for i in members { isInside[i] = true }
    // 1: computed inside, 2: read outside, 4: listed.
    var marks = [UInt8](repeating: 0, count: graph.tensors.count)
    for (i, node) in graph.nodes.enumerated() {
      if isInside[i] { for t in node.outputs { marks[t.index] |= 1 } } else { for t in node.inputs { marks[t.index] |= 2 } }
    }
    for t in graph.outputs { marks[t.index] |= 2 }
    var inputs = [Tensor](), outputs = [Tensor]()
    for i in members {
      for t in graph.nodes[i].inputs where t.isVariable && marks[t.index] & 5 == 0 {
        marks[t.index] |= 4
        inputs.append(t)
      }
      for t in graph.nodes[i].outputs where marks[t.index] & 2 != 0 { outputs.append(t) }
    }
    return (inputs, outputs)
  }

  /// Roughly how many multiplications a node takes, or elements it makes.
  static func work(_ node: Node) -> Double {
    var elements = 0.0
    for t in node.outputs { elements += Double(t.count) }
    switch node.kind {
    case .conv2DFusion where node.inputs.count > 1 && node.inputs[1].shape.rank == 4:
      let w = node.inputs[1].shape
      return elements * Double(w[1]) * Double(w[2]) * Double(w[3])
    case .conv2dTransposeFusion where node.inputs.count > 1 && node.inputs[1].shape.rank == 4:
      let w = node.inputs[1].shape
      return Double(node.inputs[0].count) * Double(w[1]) * Double(w[2]) * Double(w[3])
    case .fullConnection where node.inputs.count > 1 && node.inputs[1].shape.rank == 2:
      return elements * Double(node.inputs[1].shape[1])
    case .matMulFusion:
      guard let inner = node.attributes.bool(0) ? node.inputs[0].shape.dims.dropLast().last : node.inputs[0].shape.dims.last else {
        return elements
      }
      return elements * Double(inner)
    default: return elements
    }
  }
}
