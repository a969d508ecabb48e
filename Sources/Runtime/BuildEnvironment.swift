import Graph
import KernelSelection
import System

/// What graphs are built for: kernels, threads, and the precision that the caller asks for.
struct BuildEnvironment {
  let kernels: KernelPointer
  let pool: ThreadPool
  /// Half precision is welcome.
  let float16: Bool
  /// Says it otherwise for single operators.
  let plan: ExecutionPlan

  /// The half-precision kernels that a node may choose; nil: it computes in float32.
  func half(for node: Node) -> HalfKernelPointer? {
    let isWelcome = plan.type(of: node.name).map { $0 == .float16 } ?? float16
    return isWelcome ? HalfKernels.active : nil
  }
}
