import CKernels
import Graph
import KernelSelection
import System

/// What an operator may use while it is prepared and run: the kernels, the threads, and scratch memory.
public final class ExecutionContext {
  public let kernels: UnsafePointer<MSKernels>
  /// The kernels of 8-bit products.
  public var int8Kernels: UnsafePointer<MSInt8MatrixKernels> { Int8MatrixKernels.active }
  public let pool: ThreadPool
  /// Scratch of the size that the largest ``Operator/workspaceBytes`` of the graph asks for; 64-byte aligned. Its content does
  /// not outlive one `run`.
  public var workspace: UnsafeMutableRawPointer
  /// Half-precision kernels that the operator being prepared may choose; nil: float32 only.
  public var half: HalfKernelPointer? = nil

  /// Bytes of a core's second-level cache, for operators that are being prepared.
  public var secondLevelCache = CacheSize.secondLevel
  /// Where weights are packed.
  public let weights = WeightMemory()

  public init(kernels: UnsafePointer<MSKernels>, pool: ThreadPool, workspace: UnsafeMutableRawPointer) {
    self.kernels = kernels
    self.pool = pool
    self.workspace = workspace
  }

  public var threads: Int { pool.threadCount }

  /// Runs `job` for `0..<count` on the pool.
  @inline(__always)
  public func parallel<Job: ParallelJob>(_ count: Int, _ job: Job) { pool.run(count, job) }
}

/// A CPU operator: one node of the graph, from its attributes to its result.
///
/// Life: `init` reads the attributes and checks counts and types; ``infer()`` sets the outputs' types and shapes and is called
/// again after every resize; ``prepare(_:)`` chooses kernels and packs weights, once per shape; ``run(_:)`` computes and may
/// rely on everything that the earlier steps have checked. `run` must not allocate.
///
/// Errors need not name the node: the caller adds `node.text`.
open class Operator {
  public let node: Node
  /// The node's tensors, without those that an optimiser pass has moved into the operator.
  public var inputs: [Tensor] { node.inputs }
  public var outputs: [Tensor] { node.outputs }

  /// Overrides call `super.init` before anything that throws: in Embedded Swift 6.3 an object whose initialiser throws before
  /// it is complete is leaked.
  public init(_ node: Node) throws(EngineError) { self.node = node }

  /// Sets type, format and shape of every output from the inputs' (and from the values of inputs that are known). Throws
  /// ``EngineError/deferred`` when a needed value is not known before the run; anything else it throws refuses the model.
  /// Dimensions of inputs are known here.
  open func infer() throws(EngineError) { throw EngineError(.notSupported, "has no shape rule") }

  /// Chooses kernels, packs weights, sets ``workspaceBytes``. Shapes are known; pointers of variables are not bound yet.
  open func prepare(_ context: ExecutionContext) throws(EngineError) {}

  /// Computes the outputs. All tensors' `data` are bound (a tensor of zero elements may have nil).
  open func run(_ context: ExecutionContext) throws(EngineError) {
    throw EngineError(.notSupported, "cannot run")
  }

  /// How ``runRows(_:_:_:_:_:_:)`` may be called, once everything is prepared; nil: not at all. Output 0 depends row by row on input
  /// 0, and on nothing else that the run computes but values of output 0's own position.
  open var rowBands: RowBands? { nil }

  /// Computes rows first..<last of output 0 on the calling thread. `x` and `y` are where row 0 of input 0 and of output 0 would lie:
  /// only the rows that ``rowBands`` tells of are there. `scratch`: as large as it says.
  open func runRows(
    _ first: Int, _ last: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ scratch: UnsafeMutableRawPointer,
    _ context: ExecutionContext
  ) {}

  /// Bytes of scratch that `run` uses; set by `prepare`.
  public final var workspaceBytes = 0

  /// `run` observes ``Tensor/rowPitch`` of output 0; set by `prepare`.
  public final internal(set) var observesRowPitch = false

  /// The half-precision arithmetic (MSHalfArithmetic) that `prepare` has chosen; 0: none.
  public final var halfArithmetic: Int32 = 0

  /// How it computes where there is a choice that `prepare` has made, for the profile; "" where there is none.
  open var algorithm: StaticString { "" }

  /// Output 0 is input 0 with another shape: the same bytes, so that the planner can give both one place and `run` copies only
  /// when they differ.
  open var isView: Bool { false }

  /// Inputs whose memory output 0 may take over, because `run` reads an element before (or when) it writes the same position
  /// and output 0 has the same byte count.
  open var inPlaceInputs: [Int] { [] }

  /// The fused activation (see `FusedActivation`) can be any function of one variable, applied in the last step.
  open var acceptsFusedActivation: Bool { false }

  /// The operator always gives the same outputs for the same inputs (so it can be folded).
  open var isPure: Bool { true }

  /// The outputs depend on the shapes of inputs whose values are not known, and not on their values (so it can be folded).
  open var needsShapesOnly: Bool { false }

  // --- training ---

  /// Inputs that `run` changes in place: weights, moments, running statistics, counters. The session must bind them to writable memory
  /// of its own before the run (in ``trains`` and outside of it, so that the binding need not change with the mode), and they are
  /// variables, not constants, to every operator that reads them. Set by the initialiser. (Stored, as the properties below are: an entry
  /// in the tables of all operators' classes would cost the library 5 KB each.)
  public final internal(set) var updatedInputs: [Int] = []

  /// The run is a step of training: Dropout drops, FusedBatchNorm normalises by the batch and keeps running statistics, LSTM keeps what its
  /// gradient needs. Set before the first `infer` to have the outputs and the workspace that training needs; may then change between runs.
  public final var trains = false

  /// This operator where it is an optimiser.
  public final var optimizer: OptimizerOperator? {
    isOptimizer ? unsafeDowncast(self, to: OptimizerOperator.self) : nil
  }
  final var isOptimizer = false

  /// The share of a batch's mean and variance in the running ones, of operators that keep such statistics; nil: keeps none.
  public final var statisticsMomentum: Float? = nil
}

/// Makes the operator of a node that has none of its own kind, see `Node.source`.
open class OperatorSource {
  public init() {}
  open func make(_ node: Node) throws(EngineError) -> Operator { throw EngineError(.notSupported, "cannot run") }
}

/// Makes the operator of a node. One line per operator kind in the table of `Registry.swift`.
public typealias OperatorFactory = (Node) throws(EngineError) -> Operator
