import Graph
import KernelSelection
import Operators
import Optimizer
import System
import Testing

/// Builds small graphs, runs them as they are and after the optimiser, and compares.
private final class Bench {
  var nodes = [Node](), tensors = [Tensor]()
  private var buffers = [Buffer]()
  private let pool = ThreadPool(threadCount: 1)
  private var state: UInt64 = 3

  private func value() -> Float {
    state = state &* 6364136223846793005 &+ 1442695040888963407
    return Float(Int(state >> 40) & 0xffff) / 16384 - 2
  }

  func input(_ dims: [Int]) -> Tensor { add(Tensor(name: "x\(tensors.count)", type: .float32, shape: Shape(dims))) }

  func constant(_ dims: [Int], _ values: [Float]? = nil, positive: Bool = false) -> Tensor {
    let t = add(Tensor(name: "c\(tensors.count)", type: .float32, shape: Shape(dims)))
    let buffer = Buffer(count: max(t.byteCount, 4))!
    t.setConstant(buffer.base, owner: buffer)
    for i in 0..<t.count { t.floats[i] = values.map { $0[i] } ?? (positive ? abs(value()) + 0.1 : value()) }
    return t
  }

  func integers(_ values: [Int32], _ dims: [Int]) -> Tensor {
    let t = add(Tensor(name: "i\(tensors.count)", type: .int32, shape: Shape(dims)))
    let buffer = Buffer(count: max(values.count * 4, 4))!
    for (i, v) in values.enumerated() { buffer.base.storeBytes(of: v, toByteOffset: i * 4, as: Int32.self) }
    t.setConstant(buffer.base, owner: buffer)
    return t
  }

  private func add(_ t: Tensor) -> Tensor {
    tensors.append(t)
    return t
  }

  func op(_ kind: OperatorKind, _ inputs: [Tensor], _ set: (inout Attributes) -> Void = { _ in }) -> Tensor {
    var a = Attributes()
    set(&a)
    let y = add(Tensor(name: "t\(tensors.count)", type: .float32, shape: Shape([-1])))
    nodes.append(Node(name: "n\(nodes.count)", kind: kind, attributes: a, inputs: inputs, outputs: [y]))
    return y
  }

  func activation(_ x: Tensor, _ type: Int) -> Tensor { op(.activation, [x]) { $0[0] = .int(Int64(type)) } }

  func conv(_ x: Tensor, _ channels: Int, _ out: Int, kernel: Int = 3) -> Tensor {
    op(.conv2DFusion, [x, constant([out, kernel, kernel, channels])]) { $0[5] = .ints([Int64](repeating: Int64(kernel / 2), count: 4)) }
  }

  private func evaluate(_ graph: Graph, _ inputs: [[Float]]) throws -> [[Float]] {
    for (t, values) in zip(graph.inputs, inputs) {
      let buffer = Buffer(count: max(values.count * 4, 4))!
      buffers.append(buffer)
      for (i, v) in values.enumerated() { buffer.base.storeBytes(of: v, toByteOffset: i * 4, as: Float.self) }
      t.data = buffer.base
    }
    for t in graph.tensors { t.consumers = 100 }
    for node in graph.nodes {
      guard let factory = Registry.factory(for: node.kind) else { throw EngineError(.error, "\(node)") }
      let op = try factory(node)
      try op.infer()
      let context = ExecutionContext(kernels: Kernels.active, pool: pool, workspace: UnsafeMutableRawPointer(bitPattern: 64)!)
      try op.prepare(context)
      let workspace = Buffer(count: op.workspaceBytes)!
      context.workspace = workspace.base
      for t in node.outputs {
        let buffer = Buffer(count: max(t.byteCount, 4))!
        buffers.append(buffer)
        t.data = buffer.base
      }
      try op.run(context)
    }
    return graph.outputs.map { t in (0..<t.count).map { t.floats[$0] } }
  }

  /// The kinds that are left after optimising; checks that the results stay the same.
  func optimised(_ inputs: [Tensor], _ outputs: [Tensor]) throws -> [String] {
    let graph = Graph(name: "g", nodes: nodes, tensors: tensors, inputs: inputs, outputs: outputs)
    let data = inputs.map { t in (0..<t.count).map { _ in value() } }
    let before = try evaluate(graph, data)
    for node in graph.nodes { for t in node.outputs { t.data = nil } }
    for t in graph.tensors { t.consumers = 0 }
    try GraphOptimizer(graph: graph, kernels: Kernels.active, pool: pool).run()
    graph.renumber()
    let after = try evaluate(graph, data)
    for (a, b) in zip(before, after) {
      #expect(a.count == b.count)
      var peak: Float = 1e-20, difference: Float = 0
      for (x, y) in zip(a, b) {
        peak = max(peak, abs(x))
        difference = max(difference, abs(x - y))
      }
      #expect(difference <= peak * 1e-5, "difference \(difference) of \(peak)")
    }
    return graph.nodes.map { $0.kind.name }
  }
}

@Suite struct OptimizerTests {
  @Test func scalesAndBiasesGoIntoTheConvolution() throws {
    let b = Bench()
    let x = b.input([1, 5, 6, 3])
    var y = b.conv(x, 3, 8)
    y = b.op(.biasAdd, [y, b.constant([8])])
    y = b.op(.mulFusion, [b.constant([1, 1, 1, 8]), y])
    y = b.op(.fusedBatchNorm, [y, b.constant([8]), b.constant([8]), b.constant([8]), b.constant([8], positive: true)]) { $0[0] = .float(0.001) }
    y = b.op(.subFusion, [b.constant([8]), y])
    y = b.op(.divFusion, [y, b.constant([1], [4])]) { $0[0] = .int(1) }
    #expect(try b.optimised([x], [y]) == ["Conv2DFusion"])
  }

  @Test func aTensorThatSomebodyElseReadsIsKept() throws {
    let b = Bench()
    let x = b.input([1, 4, 4, 3])
    let c = b.conv(x, 3, 4)
    let y = b.op(.biasAdd, [c, b.constant([4])])
    #expect(try b.optimised([x], [y, c]) == ["Conv2DFusion", "BiasAdd"])
  }

  @Test func hardSwishChains() throws {
    for form in 0..<4 {
      let b = Bench()
      let x = b.input([1, 4, 4, 3])
      let c = b.conv(x, 3, 4)
      let y: Tensor
      switch form {
      case 0:
        let gate = b.activation(b.op(.addFusion, [c, b.constant([], [3])]), 3)
        y = b.op(.divFusion, [b.op(.mulFusion, [c, gate]), b.constant([1], [6])])
      case 1:
        let gate = b.op(.addFusion, [b.constant([1], [3]), c]) { $0[0] = .int(3) }
        y = b.op(.mulFusion, [b.op(.mulFusion, [gate, b.constant([1], [1.0 / 6])]), c])
      case 2: y = b.op(.mulFusion, [c, b.activation(c, 13)])
      default: y = b.op(.mulFusion, [b.activation(c, 2), c])
      }
      #expect(try b.optimised([x], [y]) == ["Conv2DFusion"], "form \(form)")
    }
  }

  @Test func residualsJoinTheLaterConvolution() throws {
    let b = Bench()
    let x = b.input([1, 6, 6, 4])
    let first = b.activation(b.conv(x, 4, 4), 1)
    let second = b.conv(first, 4, 4)
    let y = b.op(.addFusion, [first, second]) { $0[0] = .int(1) }
    #expect(try b.optimised([x], [y]) == ["Conv2DFusion", "Conv2DFusion"])
  }

  /// Depthwise kernels do not add; a missing group number stands for depthwise when the weights say so.
  @Test func depthwiseConvolutionsTakeNoResidual() throws {
    for group in [0, 4] {
      let b = Bench()
      let x = b.input([1, 6, 6, 4])
      let first = b.conv(x, 4, 4)
      let second = b.op(.conv2DFusion, [first, b.constant([4, 3, 3, 1])]) {
        $0[5] = .ints([1, 1, 1, 1])
        if group > 0 { $0[7] = .int(Int64(group)) }
      }
      let y = b.op(.addFusion, [first, second])
      #expect(try b.optimised([x], [y]) == ["Conv2DFusion", "Conv2DFusion", "AddFusion"])
    }
  }

  /// Folding one product must not use up weights that another one reads.
  @Test func foldingLeavesSharedConstantsAlone() throws {
    let b = Bench()
    let x = b.input([2, 3])
    let w = b.constant([3, 5])
    let y = b.op(.addFusion, [b.op(.matMulFusion, [x, w]), b.op(.matMulFusion, [b.constant([1, 3]), w])])
    #expect(try b.optimised([x], [y]) == ["MatMulFusion"])
  }

  @Test func paddingJoinsTheConvolution() throws {
    let b = Bench()
    let x = b.input([1, 6, 7, 4])
    let padded = b.op(.padFusion, [x, b.integers([0, 0, 0, 1, 2, 1, 0, 0], [4, 2])])
    let y = b.op(.conv2DFusion, [padded, b.constant([3, 3, 3, 4])]) {
      $0[2] = .ints([2, 2])
      $0[4] = .int(2)
    }
    #expect(try b.optimised([x], [y]) == ["Conv2DFusion"])
  }

  @Test func inverseTransposesVanish() throws {
    let b = Bench()
    let x = b.input([1, 2, 3, 4])
    let there = b.op(.transpose, [x, b.integers([0, 3, 1, 2], [4])])
    let back = b.op(.transpose, [there, b.integers([0, 2, 3, 1], [4])])
    let same = b.op(.transpose, [back, b.integers([0, 1, 2, 3], [4])])
    let y = b.activation(same, 1)
    #expect(try b.optimised([x], [y]) == ["Activation"])
  }

  @Test func constantsAreFolded() throws {
    let b = Bench()
    let x = b.input([2, 3])
    let sum = b.op(.addFusion, [b.constant([3]), b.constant([3])])
    let y = b.op(.mulFusion, [x, b.activation(sum, 2)])
    #expect(try b.optimised([x], [y]) == ["MulFusion"])
  }

  /// The layers of an attention between q, k, v [batch, positions, heads, depth] and the joined heads.
  private struct AttentionCase {
    var batch = 1, rows = 5, columns = 5, heads = 2, depth = 8, width = 8
    /// The transposes that separate the heads are there, for q, k, v and the result.
    var separates = [true, true, true, true]
    /// k is transposed by the product.
    var productTransposes = false
    var scale: OperatorKind? = .divFusion
    var mask: [Int]? = nil
    var axis: Int64 = 3
  }

  private func attention(_ c: AttentionCase) throws -> [String] {
    let b = Bench()
    func operand(_ positions: Int, _ depth: Int, _ separates: Bool, _ perm: [Int32]) -> (Tensor, Tensor) {
      if separates {
        let x = b.input([c.batch, positions, c.heads, depth])
        return (x, b.op(.transpose, [x, b.integers(perm, [4])]))
      }
      let x = b.input(perm == [0, 2, 3, 1] ? [c.batch, c.heads, depth, positions] : [c.batch, c.heads, positions, depth])
      return (x, x)
    }
    let (q, qh) = operand(c.rows, c.depth, c.separates[0], [0, 2, 1, 3])
    let (k, kh) = operand(c.columns, c.depth, c.separates[1], c.productTransposes ? [0, 2, 1, 3] : [0, 2, 3, 1])
    let (v, vh) = operand(c.columns, c.width, c.separates[2], [0, 2, 1, 3])
    var inputs = [q, k, v]
    var s = b.op(.matMulFusion, [qh, kh]) { $0[1] = .bool(c.productTransposes) }
    if let scale = c.scale { s = b.op(scale, [s, b.constant([1], [2.5])]) }
    if let mask = c.mask {
      inputs.append(b.input(mask))
      s = b.op(.addFusion, mask.count % 2 == 0 ? [s, inputs[3]] : [inputs[3], s])
    }
    s = b.op(.softmax, [s]) { $0[0] = .ints([c.axis]) }
    var y = b.op(.matMulFusion, [s, vh])
    if c.separates[3] { y = b.op(.transpose, [y, b.integers([0, 2, 1, 3], [4])]) }
    return try b.optimised(inputs, [y])
  }

  @Test(arguments: [1, 2, 13, 33, 70]) func attentionIsOneOperator(rows: Int) throws {
    for columns in [1, 7, 16, 40] {
      for (depth, width) in [(1, 1), (5, 17), (16, 16), (33, 8)] {
        for form in 0..<8 {
          var c = AttentionCase(rows: rows, columns: columns, depth: depth, width: width)
          (c.batch, c.heads) = (1 + form % 2, 1 + form % 3)
          c.productTransposes = form % 2 == 1
          c.separates = [form & 1 == 0, form & 2 == 0, form & 4 == 0, form % 3 == 0]
          c.scale = [nil, .divFusion, .mulFusion][form % 3]
          c.mask = [nil, [c.batch, 1, 1, columns], [rows, columns], [c.batch, c.heads, rows, columns], [1], [columns], [rows, 1]][form % 7]
          #expect(try attention(c) == ["MatMulFusion"], "\(c)")
        }
      }
    }
  }

  @Test func whatIsNoAttentionStays() throws {
    // Softmax over another axis; a factor that is no single number is no factor.
    #expect(try attention(AttentionCase(axis: 2)).contains("Softmax"))
    let b = Bench()
    let q = b.input([1, 2, 5, 8]), k = b.input([1, 2, 8, 5]), v = b.input([1, 2, 5, 8])
    let s = b.op(.softmax, [b.op(.mulFusion, [b.op(.matMulFusion, [q, k]), b.constant([5])])]) { $0[0] = .ints([-1]) }
    #expect(try b.optimised([q, k, v], [b.op(.matMulFusion, [s, v])]).contains("Softmax"))
    // Somebody else reads the weights.
    let b2 = Bench()
    let q2 = b2.input([1, 2, 5, 8]), k2 = b2.input([1, 2, 8, 5]), v2 = b2.input([1, 2, 5, 8])
    let s2 = b2.op(.softmax, [b2.op(.matMulFusion, [q2, k2])]) { $0[0] = .ints([-1]) }
    #expect(try b2.optimised([q2, k2, v2], [b2.op(.matMulFusion, [s2, v2]), s2]).contains("Softmax"))
  }
}
