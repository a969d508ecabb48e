import CKernels
import Graph
import KernelSelection
import System

/// The right-hand matrix of a product in the panels that a kernel reads, and with it the arithmetic of the product: float32, or the
/// CPU's half precision where the node may use it and gains by it.
struct PackedMatrix {
  let k: Int, n: Int
  let panels: Int
  /// Memory of the panels.
  let bytes: Int
  /// The float32 kernels that read them.
  let kernels: KernelPointer
  /// nil: float32.
  let half: HalfKernelPointer?

  /// A matrix of k x n, packed once, or by every run for a product of `packedFor` rows.
  init(k: Int, n: Int, packedFor rows: Int? = nil, _ context: ExecutionContext) throws(EngineError) {
    self.k = k
    self.n = n
    half = Self.halfPays(k: k, n: n, packedFor: rows) ? context.half : nil
    kernels = Kernels.narrowed(context.kernels, columns: n)
    let width = Int(half?.pointee.gemm_nr ?? kernels.pointee.gemm_nr)
    panels = (n + width - 1) / width
    let step = Int(half?.pointee.depth_step ?? 1)
    let (columns, o1) = panels.multipliedReportingOverflow(by: width)
    let (total, o2) = columns.multipliedReportingOverflow(by: (k + step - 1) / step * step)
    if o1 || o2 || total > 1 << 40 { throw EngineError(.outOfMemory, "a matrix of \(k) x \(n) is too large to pack") }
    bytes = (total * (half == nil ? 4 : 2) + 63) & ~63
  }

  /// Rounding the activations costs something per row and k, which few columns or a short k do not pay for; rounding a matrix that
  /// every run packs costs something too, which few rows do not pay for. Measured on Zen 5: half precision loses up to 0.5x below
  /// these limits, gains 1.05x at them and 1.6x to 2x from 32 columns and 32 values on. (Depthwise convolutions would convert as
  /// much as they multiply: they have no half precision.)
  private static func halfPays(k: Int, n: Int, packedFor rows: Int?) -> Bool {
    k >= (n > 16 ? 12 : 32) && (rows ?? .max) >= 16
  }

  /// Rows of the register tile.
  var rowTile: Int { Int(half?.pointee.gemm_mr ?? kernels.pointee.gemm_mr) }

  /// The panels do not stay in a core's second-level cache beside the rows that they are multiplied with.
  func isLarge(_ context: ExecutionContext) -> Bool { bytes > context.secondLevelCache / 2 }

  /// Scratch of one worker during ``ExecutionContext/multiply(_:_:scratch:)``, and that of all.
  var scratchStride: Int { half.map { ($0.pointee.gemm_scratch(k) + 63) & ~63 } ?? 0 }
  func scratchBytes(_ context: ExecutionContext) -> Int { scratchStride * context.threads }

  private struct Job: ParallelJob {
    let matrix: PackedMatrix
    let source: UnsafeRawPointer
    let fromHalf: Bool
    let rowStride: Int, columnStride: Int
    let target: UnsafeMutableRawPointer
    let tasks: Int

    func run(_ index: Int, worker: Int) {
      matrix.packPanels(
        source, fromHalf: fromHalf, rowStride: rowStride, columnStride: columnStride, into: target,
        matrix.panels * index / tasks, matrix.panels * (index + 1) / tasks)
    }
  }

  /// Packs panels `first..<last` on the calling thread. See ``pack``.
  func packPanels(
    _ source: UnsafeRawPointer, fromHalf: Bool, rowStride: Int, columnStride: Int, into target: UnsafeMutableRawPointer, _ first: Int,
    _ last: Int
  ) {
    if let half {
      half.pointee.gemm_pack_b(
        target.assumingMemoryBound(to: UInt16.self), source, fromHalf ? 1 : 0, k, n, rowStride, columnStride, first, last)
    } else if fromHalf {
      kernels.pointee.gemm_pack_b_f16(
        target.assumingMemoryBound(to: Float.self), source.assumingMemoryBound(to: UInt16.self), k, n, rowStride, columnStride, first,
        last)
    } else {
      kernels.pointee.gemm_pack_b(
        target.assumingMemoryBound(to: Float.self), source.assumingMemoryBound(to: Float.self), k, n, rowStride, columnStride, first,
        last)
    }
  }

  /// All panels of rows `first..<last` of a product on the calling thread; `scratch` has ``scratchStride`` bytes.
  func multiplyRows(_ g: MSGemm, _ first: Int, _ last: Int, scratch: UnsafeMutableRawPointer) {
    withUnsafePointer(to: g) {
      if let half {
        half.pointee.gemm($0, first, last, 0, panels, scratch)
      } else {
        kernels.pointee.gemm($0, first, last, 0, panels)
      }
    }
  }

  /// Packs `count` constant matrices that lie one behind the other in `source`; nil when there is no memory. See ``pack``.
  func packed(
    _ source: UnsafeRawPointer, count: Int = 1, fromHalf: Bool, rowStride: Int, columnStride: Int, _ context: ExecutionContext
  ) -> PackedBuffer? {
    let stride = k * n * (fromHalf ? 2 : 4)
    let (total, overflow) = bytes.multipliedReportingOverflow(by: count)
    if overflow { return nil }
    let sizes = (k, n, count), strides = (rowStride, columnStride), variant = fromHalf ? 1 : 0
    let key =
      half.map { PackingKey(.matrix, $0, sizes: sizes, strides: strides, variant: variant) }
      ?? PackingKey(.matrix, kernels, sizes: sizes, strides: strides, variant: variant)
    return PackedBuffer.make(key, of: UnsafeRawBufferPointer(start: source, count: stride * count), count: total, in: context.weights) {
      target in
      for i in 0..<count {
        pack(
          source + i * stride, fromHalf: fromHalf, rowStride: rowStride, columnStride: columnStride, into: target + i * bytes, context)
      }
    }
  }

  /// Packs element (row, column) found at `source[row * rowStride + column * columnStride]` into `target`, on all threads. The
  /// source is float32, or float16 for `fromHalf`.
  func pack(
    _ source: UnsafeRawPointer, fromHalf: Bool, rowStride: Int, columnStride: Int, into target: UnsafeMutableRawPointer,
    _ context: ExecutionContext
  ) {
    // Below 32k elements the packing is over before a second thread would have started.
    let tasks = k * n < 32768 ? 1 : min(panels, context.threads * 2)
    if tasks == 0 { return }
    context.parallel(
      tasks,
      Job(
        matrix: self, source: source, fromHalf: fromHalf, rowStride: rowStride,
        columnStride: columnStride, target: target, tasks: tasks))
  }
}

/// A right-hand matrix with memory of its own: a constant, or what a run packs into it.
struct PackedWeights {
  let matrix: PackedMatrix
  let panels: PackedBuffer

  /// Packs the transpose of float32 constants `values` [n, k], or `values` [k, n] themselves.
  init(
    _ values: UnsafePointer<Float>, n: Int, k: Int, transposed: Bool, _ context: ExecutionContext
  ) throws(EngineError) {
    matrix = try PackedMatrix(k: k, n: n, context)
    guard
      let panels = matrix.packed(
        UnsafeRawPointer(values), fromHalf: false, rowStride: transposed ? 1 : n, columnStride: transposed ? k : 1, context)
    else { throw EngineError(.outOfMemory, "no memory to pack \(n) x \(k) weights") }
    self.panels = panels
  }

  /// Room for a matrix.
  init(n: Int, k: Int, _ context: ExecutionContext) throws(EngineError) {
    matrix = try PackedMatrix(k: k, n: n, context)
    guard let panels = PackedBuffer.make(count: matrix.bytes) else {
      throw EngineError(.outOfMemory, "no memory to pack \(n) x \(k) weights")
    }
    self.panels = panels
  }

  func pack(_ values: UnsafePointer<Float>, transposed: Bool, _ context: ExecutionContext) {
    matrix.pack(
      UnsafeRawPointer(values), fromHalf: false, rowStride: transposed ? 1 : matrix.n, columnStride: transposed ? matrix.k : 1,
      into: panels.base, context)
  }
}

extension ExecutionContext {
  /// One matrix product on the pool; `g.b` is left open, `packed` are the panels of `matrix`. `scratch` is the offset in the
  /// workspace of ``PackedMatrix/scratchBytes(_:)`` bytes, a multiple of 64.
  func multiply(_ g: MSGemm, _ matrix: PackedMatrix, scratch: Int) {
    let job = GemmJob(g, matrix, workspace + scratch, self)
    parallel(job.grid.tasks, job)
  }
}

extension Operator {
  /// Says which arithmetic the operator's products use: half precision when one of them does.
  func noteArithmetic(_ matrix: PackedMatrix) {
    if let half = matrix.half { halfArithmetic = half.pointee.arithmetic }
  }
}
