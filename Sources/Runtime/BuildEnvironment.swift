import Graph
import KernelSelection
import NNRt
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
  /// Of a graph that trains: whether each node may compute in half precision where that is welcome. nil: the graph does not train.
  let trains: [Bool]?
  /// The device that the main graph is to run on, as far as it can; nil: the CPU.
  let nnrt: NNRtSettings?

  init(_ options: SessionOptions, pool: ThreadPool? = nil, trains: [Bool]? = nil) {
    kernels = Kernels.active
    self.pool = pool ?? ThreadPool(threadCount: options.threads, cores: options.cores)
    float16 = options.float16
    plan = options.plan
    // Weights that change cannot be folded into others.
    optimises = options.optimises && trains == nil
    secondLevelCache = options.secondLevelCache
    self.trains = trains
    nnrt = options.nnrt
  }
}
