import CKernels
import Graph
import System

// Attributes: 0 axis: int, 0; negative counts from the end.

/// Joins tensors along one axis. int8 and uint8 inputs whose scale or zero point differs from the output's are requantised.
final class ConcatOperator: Operator {
  private let axis: Int
  private var moves: [StridedCopy] = []
  /// 256 output bytes per input that must be requantised, one after the other; `tableOf` finds them (-1: plain copy).
  private var tables: [UInt8] = []
  private var tableOf: [Int] = []
  /// What one input contributes: bytes of a run, runs, bytes between runs in the output, first byte. For requantised inputs.
  private var runBytes: [Int] = []
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
    tables = []
    tableOf = []
    runBytes = []
    var offset = 0
    for (index, input) in inputs.enumerated() {
      let run = input.shape.span(a..<input.shape.rank)
      moves.append(
        StridedCopy(counts: [outer, run], from: [run, 1], to: [stride, 1], elementSize: size, toOffset: offset))
      runBytes.append(run &* size)
      tableOf.append(try addTable(index))
      offset &+= run
    }
  }

  /// The table that maps the input's bytes to the output's scale, when they differ; -1 when a copy does.
  private func addTable(_ index: Int) throws(EngineError) -> Int {
    let input = inputs[index], output = outputs[0]
    guard input.isQuantized && output.isQuantized else { return -1 }
    let from = try requireQuantization(input: index), to = try requireQuantization(output: 0, type: input.type)
    if from.isLike(to) { return -1 }
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
    guard let target = outputs[0].data else { return }
    var offset = 0
    var i = 0
    while i < moves.count {
      if tableOf[i] < 0 {
        moves[i].run(context, from: inputs[i].data, to: target)
      } else if runBytes[i] > 0 && outer > 0 {
        tables.withUnsafeBufferPointer { table in
          context.parallelRows(
            outer, elements: runBytes[i],
            TableJob(
              kernels: context.kernels, x: UnsafePointer(inputs[i].pointer(UInt8.self)),
              y: target.assumingMemoryBound(to: UInt8.self) + offset,
              table: table.baseAddress.unsafelyUnwrapped + tableOf[i], run: runBytes[i], stride: outputStride))
        }
      }
      offset &+= runBytes[i]
      i += 1
    }
  }
}
