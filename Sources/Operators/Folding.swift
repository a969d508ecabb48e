import Graph
import KernelSelection
import System

/// Running single operators ahead of time.
public enum Folding {
  /// The largest value that is worth computing ahead out of smaller ones; larger ones are left to the run.
  public static let limit = 256 << 20

  /// Runs `op`, whose inputs' values are known and whose shapes are inferred, and gives its outputs their values.
  @export(interface)
  public static func evaluate(_ op: Operator, kernels: KernelPointer, pool: ThreadPool) throws(EngineError) {
    var buffers = [Buffer]()
    var largest = limit
    for t in op.inputs { largest = max(largest, t.byteCount) }
    for t in op.outputs {
      guard t.byteCount <= largest, let buffer = Buffer(count: t.byteCount) else {
        throw EngineError(.outOfMemory, "\(op.node): no memory for \(t)")
      }
      buffers.append(buffer)
    }
    let context = ExecutionContext(kernels: kernels, pool: pool, workspace: buffers.first?.base ?? UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped)
    do throws(EngineError) {
      try op.prepare(context)
      guard let workspace = Buffer(count: op.workspaceBytes) else { throw EngineError(.outOfMemory, "no memory for scratch") }
      context.workspace = workspace.base
      for (t, buffer) in zip(op.outputs, buffers) { t.data = buffer.base }
      try op.run(context)
    } catch {
      for t in op.outputs { t.data = nil }
      throw error.adding(op.node.text)
    }
    for (t, buffer) in zip(op.outputs, buffers) { t.setFolded(buffer.base, owner: buffer) }
  }
}
