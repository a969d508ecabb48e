import CKernels
import Graph
import KernelSelection
import System

/// A 3 x 3 convolution by Winograd's algorithm: whether it pays, how the weights are packed, how the work is cut.
struct WinogradConvolution {
  let inChannels: Int, outChannels: Int
  private let panels: Int
  /// Transformed and packed weights.
  private let weights: PackedBuffer
  // What `place` computes for an image size.
  private var tiles = 0, blocks = 1, panelBlocks = 1
  private(set) var scratchStride = 0

  /// True where the algorithm is the faster one. Costs in multiply-adds of the direct algorithm: a transform costs about 4 per
  /// value; packed weights are four times as many as otherwise and mostly come from memory, at a price of 15 per float (16 GB/s
  /// against 60 G multiply-adds per second, Zen 4). A gain of less than 15 % (images of 8 x 8 and 10 x 10) is not worth the memory.
  static func pays(_ layer: ConvolutionLayer, _ context: ExecutionContext) -> Bool {
    let g = layer.geometry
    guard Kernels.allowsWinograd, layer.group == 1, g.kernelHeight == 3, g.kernelWidth == 3, g.strideHeight == 1, g.strideWidth == 1,
      g.dilationHeight == 1, g.dilationWidth == 1, layer.groupInChannels >= 16, layer.outChannels >= 8
    else { return false }
    let matrix = Double(layer.groupInChannels) * Double(layer.outChannels)
    let tiles = Double((g.outHeight + 3) / 4) * Double((g.outWidth + 3) / 4)
    let products = 36 * tiles * matrix
    let transforms = 4 * 36 * tiles * (Double(layer.groupInChannels) + Double(layer.outChannels))
    let direct = 9 * Double(g.outHeight) * Double(g.outWidth) * matrix
    return products * 1.1 + transforms + 15 * (36 - 9) * matrix < 0.85 * direct
  }

  /// Packs constant weights [O, 3, 3, I], float32 or float16, on all threads.
  init(_ layer: ConvolutionLayer, _ source: Tensor, _ context: ExecutionContext) throws(EngineError) {
    inChannels = layer.groupInChannels
    outChannels = layer.outChannels
    let kernels = context.kernels
    let nr = Int(kernels.pointee.gemm_nr)
    panels = (outChannels + nr - 1) / nr
    let (matrix, o1) = (panels * nr).multipliedReportingOverflow(by: inChannels)
    if o1 || matrix > 1 << 32 { throw EngineError(.outOfMemory, "weights (\(source)) are too large to transform") }
    let scratchFloats = 36 * nr * Int(kernels.pointee.vector_width)
    guard let data = source.data, let scratch = Buffer(count: scratchFloats * 4 * context.threads) else {
      throw EngineError(.outOfMemory, "no memory to transform the weights (\(source))")
    }
    var values = UnsafePointer(data.assumingMemoryBound(to: Float.self))
    var widened: Buffer? = nil
    if source.type == .float16 {
      guard let buffer = Buffer(count: source.count * 4) else {
        throw EngineError(.outOfMemory, "no memory to widen the weights (\(source))")
      }
      kernels.pointee.f16_to_f32(data.assumingMemoryBound(to: UInt16.self), buffer.floats, source.count)
      values = UnsafePointer(buffer.floats)
      widened = buffer
    }
    let key = PackingKey(
      .winograd, kernels, sizes: (inChannels, outChannels, 1), variant: widened == nil ? 0 : 1)
    let channels = (inChannels, outChannels), panels = panels
    let bytes = kernels.pointee.winograd_packed(inChannels, outChannels) * 4
    let packed = withExtendedLifetime((widened, scratch)) {
      PackedBuffer.make(key, of: UnsafeRawBufferPointer(start: data, count: source.byteCount), count: bytes, in: context.weights) {
        target in
        let job = PackJob(
          kernels: kernels, packed: target.assumingMemoryBound(to: Float.self), weights: values, inChannels: channels.0,
          outChannels: channels.1, scratch: scratch.floats, scratchStride: scratchFloats)
        context.parallel(panels, job)
      }
    }
    guard let packed else { throw EngineError(.outOfMemory, "no memory to transform the weights (\(source))") }
    weights = packed
  }

  private struct PackJob: ParallelJob {
    let kernels: KernelPointer
    let packed: UnsafeMutablePointer<Float>, weights: UnsafePointer<Float>
    let inChannels: Int, outChannels: Int
    let scratch: UnsafeMutablePointer<Float>
    let scratchStride: Int
    func run(_ index: Int, worker: Int) {
      kernels.pointee.winograd_pack(
        packed, weights, inChannels, outChannels, index, index + 1, scratch + worker * scratchStride)
    }
  }

  var packed: UnsafePointer<Float> { UnsafePointer(weights.floats) }

  /// Cuts an output of the given size into blocks of tiles; `c` has the layer's sizes.
  mutating func place(_ c: MSConv, _ context: ExecutionContext) {
    tiles = (c.out_h + 3) / 4 * ((c.out_w + 3) / 4)
    // Transformed tiles that fit into most of the second-level cache.
    let rowTile = Int(context.kernels.pointee.gemm_mr)
    let limit = min(max(context.secondLevelCache / 8 * 7 / (36 * 4 * inChannels) / rowTile, 1), 4) * rowTile
    blocks = max((tiles + limit - 1) / limit, 1)
    let (work, overflow) = (36 * tiles).multipliedReportingOverflow(by: inChannels * outChannels)
    let useful = overflow ? context.threads : min(context.threads, max(work / WorkGrid.smallestShare, 1))
    panelBlocks = 1
    if useful > 1 && blocks == 1 && panels >= useful {
      // The weights are the larger part: every thread reads some of them, and transforms all tiles.
      panelBlocks = min(panels, 2 * useful)
    } else if useful > 1 {
      // An equal share for every thread, and not less than a register tile each.
      let shares = (max(blocks, useful) + useful - 1) / useful * useful
      blocks = min(shares, max((tiles + rowTile - 1) / rowTile, min(useful, tiles), blocks))
    }
    var conv = c
    let floats = context.kernels.pointee.winograd_scratch(&conv, (tiles + blocks - 1) / blocks)
    scratchStride = (floats * 4 + 63) & ~63
  }

  /// Convolves one image.
  func run(_ c: MSConv, _ context: ExecutionContext) {
    context.parallel(
      blocks * panelBlocks,
      RunJob(
        kernels: context.kernels, convolution: c, tiles: tiles, blocks: blocks, panels: panels, panelBlocks: panelBlocks,
        scratch: context.workspace, scratchStride: scratchStride))
  }

  /// Computes output rows first..<last, a band of whole tiles, on the calling thread.
  func runRows(_ c: MSConv, _ first: Int, _ last: Int, _ scratch: UnsafeMutableRawPointer, _ context: ExecutionContext) {
    let perRow = (c.out_w + 3) / 4, atOnce = (tiles + blocks - 1) / blocks
    var tile = first / 4 * perRow
    let end = (last + 3) / 4 * perRow
    withUnsafePointer(to: c) {
      while tile < end {
        let next = min(tile + atOnce, end)
        context.kernels.pointee.winograd($0, tile, next, 0, panels, scratch.assumingMemoryBound(to: Float.self))
        tile = next
      }
    }
  }

  private struct RunJob: ParallelJob {
    let kernels: KernelPointer
    let convolution: MSConv
    let tiles: Int, blocks: Int, panels: Int, panelBlocks: Int
    let scratch: UnsafeMutableRawPointer
    let scratchStride: Int
    func run(_ index: Int, worker: Int) {
      let block = index / panelBlocks, p = index % panelBlocks
      withUnsafePointer(to: convolution) {
        kernels.pointee.winograd(
          $0, tiles * block / blocks, tiles * (block + 1) / blocks, panels * p / panelBlocks, panels * (p + 1) / panelBlocks,
          (scratch + worker * scratchStride).assumingMemoryBound(to: Float.self))
      }
    }
  }
}
