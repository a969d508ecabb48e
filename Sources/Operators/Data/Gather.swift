import CKernels
import CSystem
import Graph
import System

// Gather. Attributes: none. Inputs: x, indices (int32, int64, or float32 that are truncated), axis.

/// The entries of one axis that the indices name; the axis is replaced by the indices' axes. Indices count from the end when
/// negative; one that lies outside the axis gives zeros, as in the original.
///
/// An int8 table of a node with quantised weights (quantType 4 or 6) gives float32; it has one scale, or one per entry of the
/// axis. So does a constant table of float16, when the model says that the result is float32.
final class GatherOperator: Operator {
  private var outer = 0, limit = 0, inner = 0, count = 0
  private var scales: [Float] = [], zeros: [Int32] = []
  /// The weights are stored as float16, the network computes in float32.
  private let widens: Bool

  override init(_ node: Node) throws(EngineError) {
    widens = node.inputs.first.map { $0.isConstant && $0.type == .float16 } == true && node.outputs.first?.type == .float32
    try super.init(node)
    try requireInputs(3...3)
    try requireOutputs(1...1)
    try requireFixedSize(0)
    try requireType(1, .int32, .int64, .float32)
  }

  /// The output holds the real values of a quantised table.
  private var dequantises: Bool {
    inputs[0].type == .int8 && (node.quantType == 4 || node.quantType == 6) && !inputs[0].quantParams.isEmpty
  }

  override func infer() throws(EngineError) {
    let a = try requireAxis(try requireScalar(2), of: 0)
    let (shape, indices) = (inputs[0].shape, inputs[1].shape)
    try setOutput(
      0, dequantises || widens ? .float32 : inputs[0].type, shape.dims[0..<a] + indices.dims + shape.dims[(a + 1)...])
    outer = shape.span(0..<a)
    limit = shape[a]
    inner = shape.span(a + 1..<shape.rank)
    count = indices.count
    scales = []
    zeros = []
    if dequantises {
      let params = inputs[0].quantParams
      if params.count != 1 && params.count != limit {
        throw EngineError(
          .inferError, "has \(params.count) scales for the \(limit) entries of axis \(a) of input 0 (\(inputs[0]))")
      }
      for p in params {
        scales.append(Float(p.scale))
        zeros.append(p.zeroPoint)
      }
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard outputs[0].count > 0, let y = outputs[0].data, inputs[1].data != nil else { return }
    // An axis without entries: every index lies outside it.
    let x = UnsafeRawPointer(inputs[0].data ?? y)
    let bytes = inner * inputs[0].type.size
    // Tasks of about 32 KB.
    let grain = max(1, 32768 / bytes)
    let tasks = (outer * count + grain - 1) / grain
    let rows = Job(
      x: x, y: y, indices: IndexList(inputs[1]), total: outer * count, count: count, limit: limit, bytes: bytes, grain: grain)
    if widens { return context.parallel(tasks, WideJob(rows: rows, kernels: context.kernels)) }
    if scales.isEmpty { return context.parallel(tasks, rows) }
    scales.withUnsafeBufferPointer { scales in
      zeros.withUnsafeBufferPointer { zeros in
        context.parallel(
          tasks,
          RealJob(
            rows: rows, scales: scales.baseAddress.unsafelyUnwrapped, zeros: zeros.baseAddress.unsafelyUnwrapped,
            perEntry: scales.count > 1))
      }
    }
  }

  /// The rows of a float16 table as float32.
  private struct WideJob: ParallelJob {
    let rows: Job
    let kernels: UnsafePointer<MSKernels>
    func run(_ index: Int, worker: Int) {
      let inner = rows.bytes / 2
      var i = index * rows.grain
      let end = min(rows.total, i + rows.grain)
      let y = rows.y.assumingMemoryBound(to: Float.self)
      while i < end {
        if let p = rows.indices.position(i % rows.count, limit: rows.limit) {
          let from = rows.x + (i / rows.count * rows.limit + p) * rows.bytes
          kernels.pointee.f16_to_f32(from.assumingMemoryBound(to: UInt16.self), y + i * inner, inner)
        } else {
          memset(y + i * inner, 0, inner * 4)
        }
        i += 1
      }
    }
  }

  /// The rows of a quantised table as real numbers.
  private struct RealJob: ParallelJob {
    let rows: Job
    let scales: UnsafePointer<Float>, zeros: UnsafePointer<Int32>
    let perEntry: Bool
    func run(_ index: Int, worker: Int) {
      let inner = rows.bytes
      var i = index * rows.grain
      let end = min(rows.total, i + rows.grain)
      let x = rows.x.assumingMemoryBound(to: Int8.self)
      let y = rows.y.assumingMemoryBound(to: Float.self)
      while i < end {
        let p = rows.indices.position(i % rows.count, limit: rows.limit)
        let entry = p ?? 0
        let from = x + (i / rows.count * rows.limit + entry) * inner
        let scale = p == nil ? 0 : scales[perEntry ? entry : 0]
        let zero = zeros[perEntry ? entry : 0]
        var j = 0
        while j < inner {
          y[i * inner + j] = p == nil ? 0 : Float(Int32(from[j]) &- zero) * scale
          j += 1
        }
        i += 1
      }
    }
  }

  private struct Job: ParallelJob {
    let x: UnsafeRawPointer, y: UnsafeMutableRawPointer
    let indices: IndexList
    let total: Int, count: Int, limit: Int, bytes: Int, grain: Int
    func run(_ index: Int, worker: Int) {
      var i = index * grain
      let end = min(total, i + grain)
      var (o, k) = (i / count, i % count)
      while i < end {
        if let p = indices.position(k, limit: limit) {
          let from = x + (o * limit + p) * bytes
          if bytes == 4 {
            (y + i * 4).storeBytes(of: from.loadUnaligned(as: UInt32.self), as: UInt32.self)
          } else {
            memcpy(y + i * bytes, from, bytes)
          }
        } else {
          memset(y + i * bytes, 0, bytes)
        }
        i += 1
        k += 1
        if k == count {
          k = 0
          o += 1
        }
      }
    }
  }
}

// GatherD. Attributes: none. Inputs: x, axis, indices (int32 or int64).

/// y[i, j, k] = x[index[i, j, k], j, k] for axis 0, and alike for the other axes. The indices may be smaller than x on the other
/// axes. Indices count from the end when negative; one outside the axis is an error, as in the original.
final class GatherElementsOperator: Operator {
  private var axis = 0
  private var counts = Axes(repeating: 1), strides = Axes(repeating: 0)

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(3...3)
    try requireOutputs(1...1)
    try requireFixedSize(0)
    try requireIndices(2)
  }

  override func infer() throws(EngineError) {
    axis = try requireAxis(try requireScalar(1), of: 0)
    let (shape, indices) = (inputs[0].shape, inputs[2].shape)
    var fits = indices.rank == shape.rank
    var i = 0
    while fits && i < shape.rank {
      if i != axis && indices[i] > shape[i] { fits = false }
      i += 1
    }
    if !fits {
      throw EngineError(
        .inferError, "the indices (\(inputs[2])) must not be larger than \(inputs[0]) except on axis \(axis)")
    }
    let steps = shape.steps
    i = 0
    while i < shape.rank {
      counts[i] = indices[i]
      strides[i] = steps[i]
      i += 1
    }
    try setOutput(0, inputs[0].type, indices.dims)
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = outputs[0].count
    guard n > 0, let y = outputs[0].data, inputs[2].data != nil else { return }
    let indices = IndexList(inputs[2])
    let limit = inputs[0].shape[axis]
    var i = 0
    while i < n {
      if indices.position(i, limit: limit) == nil {
        throw EngineError(.error, "index \(indices[i]) lies outside axis \(axis) of \(inputs[0])")
      }
      i += 1
    }
    guard let x = inputs[0].data else { return }
    let grain = 4096
    context.parallel(
      (n + grain - 1) / grain,
      Job(
        x: UnsafeRawPointer(x), y: y, indices: indices, n: n, grain: grain, axis: axis, limit: limit,
        rank: outputs[0].shape.rank, counts: counts, strides: strides, size: outputs[0].type.size))
  }

  private struct Job: ParallelJob {
    let x: UnsafeRawPointer, y: UnsafeMutableRawPointer
    let indices: IndexList
    let n: Int, grain: Int, axis: Int, limit: Int, rank: Int
    let counts: Axes, strides: Axes
    let size: Int
    func run(_ index: Int, worker: Int) {
      var i = index * grain
      let end = min(n, i + grain)
      while i < end {
        var offset = (indices.position(i, limit: limit) ?? 0) * strides[axis]
        var rest = i
        var a = rank - 1
        while a >= 0 {
          if a != axis { offset += rest % counts[a] * strides[a] }
          rest /= counts[a]
          a -= 1
        }
        memcpy(y + i * size, x + offset * size, size)
        i += 1
      }
    }
  }
}
