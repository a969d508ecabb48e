import CKernels
import Graph
import System

/// A constant tensor's values as float32 in memory of their own, converted from float16 where needed.
func convertToFloat(_ tensor: Tensor, _ kernels: UnsafePointer<MSKernels>) throws(EngineError) -> Buffer {
  let n = tensor.count
  guard let buffer = Buffer(count: n * 4) else { throw EngineError(.outOfMemory, "no memory for \(tensor)") }
  if n == 0 { return buffer }
  guard let data = tensor.data else { throw EngineError(.error, "\(tensor) has no data") }
  let out = buffer.base.assumingMemoryBound(to: Float.self)
  switch tensor.type {
  case .float32: buffer.base.copyMemory(from: data, byteCount: n * 4)
  case .float16: kernels.pointee.f16_to_f32(data.assumingMemoryBound(to: UInt16.self), out, n)
  default: throw EngineError(.notSupported, "\(tensor) must be float32 or float16")
  }
  return buffer
}

/// A vector operand such as a bias: constants are used where they lie (float16 ones are converted once), variables as bound.
final class VectorOperand {
  let tensor: Tensor
  private var converted: Buffer?

  init(_ tensor: Tensor) { self.tensor = tensor }

  func prepare(_ kernels: UnsafePointer<MSKernels>) throws(EngineError) {
    if tensor.type == .float16 && converted == nil { converted = try convertToFloat(tensor, kernels) }
  }

  var pointer: UnsafePointer<Float>? {
    if let converted { return UnsafePointer(converted.base.assumingMemoryBound(to: Float.self)) }
    return tensor.data.map { UnsafePointer($0.assumingMemoryBound(to: Float.self)) }
  }
}

/// The right-hand matrix of a product in the panels that `gemm` reads.
struct PackedMatrix {
  let k: Int, n: Int
  let panels: Int
  let panelWidth: Int
  let floats: Int

  init(k: Int, n: Int, kernels: UnsafePointer<MSKernels>) throws(EngineError) {
    self.k = k
    self.n = n
    panelWidth = Int(kernels.pointee.gemm_nr)
    panels = (n + panelWidth - 1) / panelWidth
    let (rows, o1) = panels.multipliedReportingOverflow(by: panelWidth)
    let (total, o2) = rows.multipliedReportingOverflow(by: k)
    if o1 || o2 || total > 1 << 40 { throw EngineError(.outOfMemory, "a matrix of \(k) x \(n) is too large to pack") }
    floats = total
  }

  var bytes: Int { floats * 4 }

  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let matrix: PackedMatrix
    let source: UnsafeRawPointer
    let half: Bool
    let rowStride: Int, columnStride: Int
    let target: UnsafeMutablePointer<Float>
    let tasks: Int

    func run(_ index: Int, worker: Int) {
      let first = matrix.panels * index / tasks, last = matrix.panels * (index + 1) / tasks
      if half {
        kernels.pointee.gemm_pack_b_f16(
          target, source.assumingMemoryBound(to: UInt16.self), matrix.k, matrix.n, rowStride, columnStride, first, last)
      } else {
        kernels.pointee.gemm_pack_b(
          target, source.assumingMemoryBound(to: Float.self), matrix.k, matrix.n, rowStride, columnStride, first, last)
      }
    }
  }

  /// Packs element (row, column) found at `source[row * rowStride + column * columnStride]` into `target`, on all threads.
  func pack(
    _ source: UnsafeRawPointer, half: Bool, rowStride: Int, columnStride: Int, into target: UnsafeMutablePointer<Float>,
    _ context: ExecutionContext
  ) {
    // Below 32k elements the packing is over before a second thread would have started.
    let tasks = floats < 32768 ? 1 : min(panels, context.threads * 2)
    if tasks == 0 { return }
    context.parallel(
      tasks,
      Job(
        kernels: context.kernels, matrix: self, source: source, half: half, rowStride: rowStride, columnStride: columnStride,
        target: target, tasks: tasks))
  }
}
