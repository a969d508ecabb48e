import Graph
import KernelSelection
import System

@testable import Operators

/// Builds one node by hand and runs it, for the tests of the Matrix operators.
final class MatrixHarness {
  private var buffers = [Buffer]()
  private let pool: ThreadPool
  private var state: UInt64 = 1
  /// Half-precision kernels on offer, and what the last operator made of them.
  var half: HalfKernelPointer? = nil
  private(set) var halfArithmetic: Int32 = 0

  init(threads: Int = 2) { pool = ThreadPool(threadCount: threads) }

  func random(_ n: Int) -> [Float] {
    (0..<n).map { _ in
      state = state &* 6364136223846793005 &+ 1442695040888963407
      return Float(Int(state >> 40) & 0xffff) / 32768 - 1
    }
  }

  func tensor(_ values: [Float], _ dims: [Int], constant: Bool = false, half: Bool = false) -> Tensor {
    let t = Tensor(name: "t", type: half ? .float16 : .float32, shape: Shape(dims))
    let buffer = Buffer(count: max(values.count * 4, 4))!
    buffers.append(buffer)
    if half {
      for (i, v) in values.enumerated() { buffer.base.storeBytes(of: Float16(v), toByteOffset: i * 2, as: Float16.self) }
    } else {
      for (i, v) in values.enumerated() { buffer.base.storeBytes(of: v, toByteOffset: i * 4, as: Float.self) }
    }
    if constant { t.setConstant(buffer.base, owner: buffer) } else { t.data = buffer.base }
    t.consumers = 2
    return t
  }

  func run(_ node: Node) throws -> [Float] {
    let op = try Registry.factory(for: node.kind)!(node)
    try op.infer()
    let context = ExecutionContext(kernels: Kernels.active, pool: pool, workspace: UnsafeMutableRawPointer(bitPattern: 64)!)
    context.half = half
    try op.prepare(context)
    halfArithmetic = op.halfArithmetic
    let workspace = Buffer(count: op.workspaceBytes)!
    context.workspace = workspace.base
    let y = node.outputs[0]
    for t in node.outputs {
      let memory = Buffer(count: max(t.byteCount, 4))!
      buffers.append(memory)
      t.data = memory.base
    }
    try op.run(context)
    OperatorCoverage.record(node)
    try Float16Twin.check(node)
    let out = y.data!
    if y.type == .float16 { return (0..<y.count).map { Float(out.load(fromByteOffset: $0 * 2, as: Float16.self)) } }
    if y.type != .float32 { return [] }
    return (0..<y.count).map { out.load(fromByteOffset: $0 * 4, as: Float.self) }
  }

  func failure(_ node: Node) -> String? {
    do throws(EngineError) {
      let op = try Registry.factory(for: node.kind)!(node)
      try op.infer()
      return nil
    } catch { return error.message }
  }
}

/// Largest difference relative to the largest expected magnitude.
func relativeDifference(_ a: [Float], _ b: [Double]) -> Double {
  if a.count != b.count { return .infinity }
  var peak = 1e-30, difference = 0.0
  for (x, y) in zip(a, b) {
    peak = max(peak, abs(y))
    difference = max(difference, abs(Double(x) - y))
    if x.isNaN != y.isNaN { return .infinity }
  }
  return difference / peak
}
