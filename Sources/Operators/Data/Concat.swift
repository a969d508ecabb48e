import CKernels
import Graph
import System

// Attributes: 0 axis: int, 0; negative counts from the end.

/// Joins tensors along one axis. int8 and uint8 inputs whose scale or zero point differs from the output's are requantised.
final class ConcatOperator: MoveOperator {
  private let axis: Int
  /// An input that must be requantised: bytes of a run, and where its runs begin in the output.
  private struct Scaled {
    let input: Int
    let runBytes: Int, offset: Int
    /// Where its 256 output bytes begin in `tables`.
    let table: Int
  }
  private var scaled: [Scaled] = []
  private var tables: [UInt8] = []
  /// Runs of each input, and bytes from one to the next in the output.
  private var outer = 0, outputStride = 0

  override init(_ node: Node) throws(EngineError) {
    axis = node.attributes.int(0, 0)
    try super.init(node)
    if inputs.isEmpty { throw EngineError(.error, "has no inputs; at least 1 is needed") }
    try requireOutputs(1...1)
    try requireFixedSize(0)
    var i = 1
    while i < inputs.count {
      try requireSameType(0, i)
      i += 1
    }
  }

  override func infer() throws(EngineError) {
    let a = try requireAxis(axis, of: 0)
    var dims = inputs[0].shape.dims
    var i = 1
    while i < inputs.count {
      let shape = inputs[i].shape
      var fits = shape.rank == dims.count
      var d = 0
      while fits && d < dims.count {
        if d != a && shape[d] != dims[d] { fits = false }
        d += 1
      }
      if !fits {
        throw EngineError(
          .inferError, "inputs 0 (\(inputs[0])) and \(i) (\(inputs[i])) may differ only on axis \(a)")
      }
      dims[a] += shape[a]
      i += 1
    }
    try setOutput(0, inputs[0].type, dims)
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let a = try requireAxis(axis, of: 0)
    let output = outputs[0]
    let size = output.type.size
    outer = output.shape.span(0..<a)
    let stride = output.shape.span(a..<output.shape.rank)
    outputStride = stride &* size
    moves = []
    scaled = []
    tables = []
    var offset = 0
    for (index, input) in inputs.enumerated() {
      let run = input.shape.span(a..<input.shape.rank)
      if let table = try addTable(index) {
        scaled.append(Scaled(input: index, runBytes: run &* size, offset: offset &* size, table: table))
      } else {
        moves.append(
          Move(
            input: index, output: 0,
            copy: StridedCopy(counts: [outer, run], from: [run, 1], to: [stride, 1], elementSize: size, toOffset: offset)))
      }
      offset &+= run
    }
  }

  /// Adds the table that maps the input's bytes to the output's scale; nil when they have the same.
  private func addTable(_ index: Int) throws(EngineError) -> Int? {
    let input = inputs[index], output = outputs[0]
    guard input.isQuantized && output.isQuantized else { return nil }
    let from = try requireQuantization(input: index), to = try requireQuantization(output: 0, type: input.type)
    if from.isLike(to) { return nil }
    let start = tables.count
    tables += from.requantization(to: to)
    return start
  }

  private struct TableJob: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let x: UnsafePointer<UInt8>, y: UnsafeMutablePointer<UInt8>, table: UnsafePointer<UInt8>
    let run: Int, stride: Int
    func run(_ index: Int, worker: Int) { kernels.pointee.int8.map(x + index * run, y + index * stride, run, table) }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    try super.run(context)
    guard let target = outputs[0].data else { return }
    for part in scaled where part.runBytes > 0 && outer > 0 {
      tables.withUnsafeBufferPointer { table in
        context.parallelRows(
          outer, elements: part.runBytes,
          TableJob(
            kernels: context.kernels, x: UnsafePointer(inputs[part.input].pointer(UInt8.self)),
            y: target.assumingMemoryBound(to: UInt8.self) + part.offset,
            table: table.baseAddress.unsafelyUnwrapped + part.table, run: part.runBytes, stride: outputStride))
      }
    }
  }
}
