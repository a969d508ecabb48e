import CSystem
import Graph
import KernelSelection
import Operators
import System

/// What the caller asks for before a model is built.
public struct SessionOptions {
  /// Threads that compute, the caller of ``Session/run(observer:)`` included; at least 1.
  public var threads = 1
  /// Processors to pin the threads to (thread i to entry i modulo count); empty: not pinned.
  public var cores: [Int32] = []
  /// Half-precision arithmetic is welcome. The float32 kernels run all the same where it would not be faster.
  public var float16 = false
  public init() {}
}

/// Sees every operator of a run, in execution order. Both functions are called on the thread that called
/// ``Session/run(observer:)``. Subclass it; the base class does nothing.
open class RunObserver {
  public init() {}
  /// About to run `node`; its inputs are bound and filled.
  open func before(_ node: Node) {}
  /// `node` has run; its outputs are filled.
  open func after(_ node: Node) {}
}

/// One entry of the profile.
public struct NodeProfile {
  public let name: String
  public let kind: String
  /// Runs counted, and their total time.
  public let runs: Int
  public let nanoseconds: UInt64
}

/// A model that is ready to run: graph, operators, memory and threads. Not thread-safe; see the C API's busy flag.
public final class Session {
  /// The graph's inputs and outputs in the model's order: name, type, format, shape (with -1 for dimensions unknown until
  /// ``resize(_:)`` or, for outputs of data-dependent shape, until a run).
  public var inputs: [Tensor] { [] }
  public var outputs: [Tensor] { [] }

  /// Builds from a model in memory; nothing of `bytes` is used after the call returns.
  public init(bytes: UnsafeRawBufferPointer, options: SessionOptions) throws(EngineError) {
    throw EngineError(.notSupported, "not built yet")
  }

  /// Builds from a file (NUL-terminated path), which is mapped for as long as the session lives.
  public init(path: UnsafePointer<CChar>, options: SessionOptions) throws(EngineError) {
    throw EngineError(.notSupported, "not built yet")
  }

  /// Gives the inputs new shapes (one list of dimensions per input, in order) and plans again. On failure everything is as it
  /// was before.
  public func resize(_ shapes: [[Int]]) throws(EngineError) {}

  /// The bytes that the next runs read for input `index`: `inputs[index].byteCount` bytes which stay the caller's. nil takes the
  /// binding back.
  public func bindInput(_ index: Int, _ bytes: UnsafeMutableRawPointer?) {}

  /// Where the next runs write output `index`: `outputs[index].byteCount` bytes of the caller's; nil: memory of the session, which
  /// `outputs[index].data` points to after a run, valid until the next run, resize or the session's end. For outputs whose
  /// shape is known only after a run the binding is ignored.
  public func bindOutput(_ index: Int, _ bytes: UnsafeMutableRawPointer?) {}

  /// Runs the graph once. Every input must be bound.
  public func run(observer: RunObserver?) throws(EngineError) {}

  /// Times every operator from now on (or stops to).
  public var profiling = false
  /// One entry per operator in execution order since profiling was switched on.
  public var profile: [NodeProfile] { [] }
}
