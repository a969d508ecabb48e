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
  /// Graphs are rewritten before they are planned.
  let optimises: Bool
  /// Bytes of a core's second-level cache.
  let secondLevelCache: Int
}
