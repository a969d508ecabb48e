import CKernels
import Foundation
import Graph
import KernelSelection
import ModelFile
import System
import Testing

@testable import Operators

/// Whole graphs of training, node by node: what a session does, without a plan for the memory.
final class TrainingGraph {
  let graph: Graph
  private var operators = [Operator]()
  private let context: ExecutionContext

  /// Tensors that the operators update become variables with memory of their own.
  init(_ path: String, threads: Int) throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: data.count, alignment: 64)
    data.withUnsafeBytes { bytes.copyMemory(from: $0) }
    graph = try ModelReader.read(UnsafeRawBufferPointer(bytes), owner: nil, copyConstants: false).graphs[0]
    context = ExecutionContext(
      kernels: Kernels.active, pool: ThreadPool(threadCount: threads), workspace: UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 64))
    var updated = [Int: Tensor]()
    for op in try make() {
      for i in op.updatedInputs where op.inputs[i].isConstant {
        let t = op.inputs[i]
        let copy = Tensor(name: t.name, type: t.type, shape: t.shape, format: t.format)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(t.byteCount, 64), alignment: 64)
        if let data = t.data { memory.copyMemory(from: data, byteCount: t.byteCount) }
        copy.data = memory
        if updated[t.index] == nil { updated[t.index] = copy }
      }
    }
    for node in graph.nodes { node.inputs = node.inputs.map { updated[$0.index] ?? $0 } }
    variables = Array(updated.values)
    operators = try make()
    // Nothing may read weights that have changed already.
    operators = operators.filter { $0.optimizer == nil } + operators.filter { $0.optimizer != nil }
    for t in graph.inputs { t.data = .allocate(byteCount: max(t.byteCount, 64), alignment: 64) }
    var bytesNeeded = 64
    for op in operators {
      op.trains = true
      do throws(EngineError) {
        try op.infer()
        try op.prepare(context)
      } catch { throw EngineError(error.code, "\(op.node.text): \(error.message)") }
      bytesNeeded = max(bytesNeeded, op.workspaceBytes)
      for t in op.outputs { t.data = .allocate(byteCount: max(t.byteCount, 64), alignment: 64) }
    }
    context.workspace = .allocate(byteCount: bytesNeeded, alignment: 64)
  }

  private(set) var variables = [Tensor]()

  private func make() throws -> [Operator] {
    try graph.nodes.map { node in
      guard let factory = Registry.factory(for: node) else { throw EngineError(.unknownOperator, "\(node.text) has no operator") }
      do throws(EngineError) { return try factory(node) } catch { throw EngineError(error.code, "\(node.text): \(error.message)") }
    }
  }

  func step() throws {
    for op in operators {
      do throws(EngineError) { try op.run(context) } catch { throw EngineError(error.code, "\(op.node.text): \(error.message)") }
    }
  }

  /// Microseconds of each operator in one step.
  func profile() throws -> [(String, Double)] {
    try operators.map { op in
      let start = ContinuousClock.now
      try op.run(context)
      return (op.node.text, Double((ContinuousClock.now - start).components.attoseconds) / 1e12)
    }
  }
}

/// Models whose losses another engine has recorded; they lie outside of the repository.
@Suite struct TrainingModelTests {
  private static let folder = ProcessInfo.processInfo.environment["MSLITE_EXTRA_MODELS"].map { $0 + "/training" }
  /// Also graphs that our converter makes, name by name: their files.
  private static let converted = ProcessInfo.processInfo.environment["MSLITE_TRAINING_MODELS"]

  @Test(.enabled(if: folder != nil)) func recordedLosses() throws {
    let folder = try #require(Self.folder)
    for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
      guard let json = FileManager.default.contents(atPath: "\(folder)/\(name)/meta.json"),
        let meta = try JSONSerialization.jsonObject(with: json) as? [String: Any], let losses = meta["losses"] as? [Double],
        let xShape = meta["x_shape"] as? [Int], let parameters = meta["params"] as? [[Any]]
      else { continue }
      var file = "\(folder)/\(name)/train.ms"
      if !FileManager.default.fileExists(atPath: file) {
        guard let converted = Self.converted else { continue }
        file = "\(converted)/\(name).ms"
      }
      func floats(_ path: String) -> [Float] {
        let data = FileManager.default.contents(atPath: "\(folder)/\(name)/\(path).bin") ?? Data()
        return data.withUnsafeBytes { raw in (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) } }
      }
      let x = floats("x"), y = FileManager.default.contents(atPath: "\(folder)/\(name)/y.bin") ?? Data()
      for threads in [1, 2] {
        let graph = try TrainingGraph(file, threads: threads)
        let batch = x.count / losses.count, labels = y.count / losses.count
        for (step, wanted) in losses.enumerated() {
          let input = graph.graph.inputs[0]
          #expect(input.count == batch && graph.graph.inputs[1].byteCount == labels)
          if xShape.count == 5 {
            let (n, c, h, w) = (xShape[1], xShape[2], xShape[3], xShape[4])
            for p in coordinates([n, h, w, c]) {
              input.floats[position(p, [n, h, w, c])] = x[step * batch + position([p[0], p[3], p[1], p[2]], [n, c, h, w])]
            }
          } else {
            for i in 0..<batch { input.floats[i] = x[step * batch + i] }
          }
          y.withUnsafeBytes {
            graph.graph.inputs[1].data?.copyMemory(from: $0.baseAddress! + step * labels, byteCount: labels)
          }
          try graph.step()
          let loss = Double(graph.graph.outputs[0].floats[0])
          #expect((loss - wanted).magnitude < 2e-3 * wanted.magnitude, "\(name), step \(step): \(loss), not \(wanted)")
        }
        for parameter in parameters {
          guard let title = parameter[0] as? String, let dims = parameter[1] as? [Int] else { continue }
          let wanted = floats("w8_" + title)
          guard let t = graph.variables.first(where: { $0.name == title }) else {
            Issue.record("\(name) has no weights \(title): \(graph.variables.map(\.name).sorted())")
            continue
          }
          let largest = wanted.map(\.magnitude).max() ?? 0
          for i in wanted.indices {
            var at = i
            if dims.count == 4 {
              // [O, I, h, w] to [O, h, w, I]
              let p = (i / (dims[1] * dims[2] * dims[3]), i / (dims[2] * dims[3]) % dims[1], i / dims[3] % dims[2], i % dims[3])
              at = ((p.0 * dims[2] + p.2) * dims[3] + p.3) * dims[1] + p.1
            }
            if (t.floats[at] - wanted[i]).magnitude > 2e-3 * (wanted[i].magnitude + 0.1 * largest) {
              Issue.record("\(name): \(title)[\(i)] is \(t.floats[at]), not \(wanted[i])")
              break
            }
          }
        }
        if threads == 1 && getenv("MSLITE_PROFILE") != nil {
          for _ in 0..<20 { try graph.step() }
          let times = try graph.profile()
          print(name, times.reduce(0) { $0 + $1.1 }, "us")
          for t in times.sorted(by: { $0.1 > $1.1 }).prefix(14) { print("  ", t.0, t.1) }
        }
      }
    }
  }
}
