import CKernels
import KernelSelection
import System

/// How a product of `rows` by `panels` is cut for the pool: a grid of row blocks and panel blocks. Where the cuts lie has no
/// influence on the results (the kernels compute each element the same way).
struct WorkGrid {
  let rows: Int, panels: Int
  let rowBlocks: Int, panelBlocks: Int
  let rowStep: Int
  var tasks: Int { rowBlocks * panelBlocks }

  /// Multiply-adds that one thread does in about 4 microseconds; waking a second one for less does not pay.
  static let smallestShare = 200_000

  /// How a product with a packed matrix that does not stay in a core's second-level cache is cut. Every block of rows reads all of the
  /// matrix (or all of its share) from farther away.
  enum Cut {
    /// Blocks of rows: the matrix stays in the cache, or is the smaller operand.
    case rows
    /// Blocks of panels where there are enough: each thread reads its share of the matrix only.
    case panels
    /// A share of the panels for each thread, then blocks of rows: as `panels`, where rows must be gathered first for each block.
    case sharesOfPanels
  }

  init(rows: Int, panels: Int, work: Int, rowTile: Int, threads: Int, cut: Cut = .rows) {
    self.rows = rows
    self.panels = panels
    let useful = min(threads, max(work / Self.smallestShare, 1))
    if useful <= 1 || rows == 0 || panels == 0 {
      (rowBlocks, panelBlocks, rowStep) = (1, 1, max(rows, 1))
      return
    }
    // Several shares per thread, so that a thread which lost its processor for a while does not hold up the others.
    let wanted = useful * 4
    let rowTiles = (rows + rowTile - 1) / rowTile
    if cut == .panels && panels >= wanted || rowTiles < wanted && rowTiles < panels {
      rowStep = rows
      rowBlocks = 1
      panelBlocks = min(panels, wanted)
    } else {
      panelBlocks = cut == .sharesOfPanels && panels >= 2 * useful ? useful : 1
      let blocks = min(rowTiles, wanted)
      let tilesPerBlock = (rowTiles + blocks - 1) / blocks
      rowStep = tilesPerBlock * rowTile
      rowBlocks = (rows + rowStep - 1) / rowStep
    }
  }

  /// Tasks next to each other have the same panels.
  @inline(__always)
  func block(_ index: Int) -> (row0: Int, row1: Int, panel0: Int, panel1: Int) {
    let r = index % rowBlocks, p = index / rowBlocks
    return (r * rowStep, min((r + 1) * rowStep, rows), panels * p / panelBlocks, panels * (p + 1) / panelBlocks)
  }
}

/// One matrix product on the pool; in half precision every worker has its own scratch.
struct GemmJob: ParallelJob {
  let kernels: UnsafePointer<MSKernels>
  let half: HalfKernelPointer?
  let gemm: MSGemm
  let grid: WorkGrid
  let scratch: UnsafeMutableRawPointer
  let scratchStride: Int

  init(_ gemm: MSGemm, _ matrix: PackedMatrix, _ scratch: UnsafeMutableRawPointer, _ context: ExecutionContext) {
    kernels = matrix.kernels
    half = matrix.half
    self.gemm = gemm
    self.scratch = scratch
    scratchStride = matrix.scratchStride
    let (mn, overflow) = gemm.m.multipliedReportingOverflow(by: gemm.n)
    let (work, overflow2) = mn.multipliedReportingOverflow(by: max(gemm.k, 1))
    grid = WorkGrid(
      rows: gemm.m, panels: matrix.panels, work: overflow || overflow2 ? Int.max : work, rowTile: matrix.rowTile,
      threads: context.threads, cut: gemm.n > gemm.m && matrix.isLarge(context) ? .panels : .rows)
  }

  func run(_ index: Int, worker: Int) {
    let b = grid.block(index)
    withUnsafePointer(to: gemm) {
      if let half {
        half.pointee.gemm($0, b.row0, b.row1, b.panel0, b.panel1, scratch + worker * scratchStride)
      } else {
        kernels.pointee.gemm($0, b.row0, b.row1, b.panel0, b.panel1)
      }
    }
  }
}

/// How the images of a batch (times the groups of a convolution) become tasks. Many images are shared out whole; few are cut as well.
struct BatchSpan {
  /// Images in all, and in a task.
  let images: Int, perTask: Int
  /// How many threads the work of one image is cut for.
  let threadsPerImage: Int
  var tasks: Int { (images + perTask - 1) / perTask }

  /// `work`: the multiply-adds of one image.
  init(images: Int, work: Int, threads: Int) {
    self.images = images
    let (total, overflow) = work.multipliedReportingOverflow(by: max(images, 1))
    let useful = min(threads, max((overflow ? Int.max : total) / WorkGrid.smallestShare, 1))
    // Several shares per thread, as in ``WorkGrid``.
    if images >= useful * 4 {
      perTask = useful == 1 ? max(images, 1) : max(images / (useful * 4), 1)
      threadsPerImage = 1
    } else {
      perTask = 1
      threadsPerImage = threads
    }
  }

  @inline(__always)
  func range(_ index: Int) -> Range<Int> { index * perTask..<min((index + 1) * perTask, images) }
}

/// The convolution of a batch on the pool; every worker has its own scratch.
struct ConvolutionJob: ParallelJob {
  let kernels: UnsafePointer<MSKernels>
  let half: HalfKernelPointer?
  /// Of the first image and group.
  let convolution: MSConv
  let groups: Int
  /// Floats from one group's weights to the next one's.
  let groupWeights: Int
  let span: BatchSpan
  let grid: WorkGrid
  let scratch: UnsafeMutableRawPointer
  let scratchStride: Int

  var tasks: Int { span.tasks * grid.tasks }

  func run(_ index: Int, worker: Int) {
    let (part, block) = index.quotientAndRemainder(dividingBy: grid.tasks)
    let b = grid.block(block)
    let own = scratch + worker * scratchStride
    for place in span.range(part) {
      let (image, group) = place.quotientAndRemainder(dividingBy: groups)
      var c = convolution
      c.x += image * c.in_h * c.in_w * c.pixel_stride + group * c.in_channels
      let pixels = image * c.out_h * c.out_w, channel = group * c.out_channels
      c.y += pixels * c.ldc + channel
      c.weights += group * groupWeights
      c.bias = c.bias.map { $0 + channel }
      c.residual = c.residual.map { $0 + (pixels * c.ldr + channel) }
      if let half {
        half.pointee.conv(&c, b.row0, b.row1, b.panel0, b.panel1, own)
      } else {
        kernels.pointee.conv(&c, b.row0, b.row1, b.panel0, b.panel1, own.assumingMemoryBound(to: Float.self))
      }
    }
  }
}

/// The depthwise convolution of a batch: bands of an image's output rows, or of channels where the image is low.
struct DepthwiseJob: ParallelJob {
  let kernels: UnsafePointer<MSKernels>
  /// Of the first image.
  let depthwise: MSDepthwise
  let span: BatchSpan
  let bands: Int
  let byChannel: Bool
  let channelStep: Int

  init(_ depthwise: MSDepthwise, images: Int, _ context: ExecutionContext) {
    kernels = Kernels.narrowed(context.kernels, columns: depthwise.channels)
    self.depthwise = depthwise
    let taps = Int(depthwise.kernel_h) * Int(depthwise.kernel_w)
    // A depthwise tap costs about four times a product's multiply-add.
    let work = depthwise.out_h * depthwise.out_w * depthwise.channels * taps * 4
    span = BatchSpan(images: images, work: work, threads: context.threads)
    let useful = min(span.threadsPerImage, max(work / WorkGrid.smallestShare, 1))
    let wanted = useful <= 1 ? 1 : useful * 4
    byChannel = depthwise.out_h < wanted
    let width = Int(kernels.pointee.vector_width) * 2
    if byChannel {
      let vectors = max((depthwise.channels + width - 1) / width, 1)
      let blocks = min(vectors, wanted)
      channelStep = (vectors + blocks - 1) / blocks * width
      bands = max((depthwise.channels + channelStep - 1) / channelStep, 1)
    } else {
      channelStep = depthwise.channels
      bands = wanted
    }
  }

  var tasks: Int { span.tasks * bands }

  func run(_ index: Int, worker: Int) {
    let (part, band) = index.quotientAndRemainder(dividingBy: bands)
    for image in span.range(part) {
      var d = depthwise
      d.x += image * d.in_h * d.in_w * d.channels
      d.y += image * d.out_h * d.out_w * d.channels
      if byChannel {
        kernels.pointee.depthwise(&d, 0, d.out_h, band * channelStep, min((band + 1) * channelStep, d.channels))
      } else {
        kernels.pointee.depthwise(&d, d.out_h * band / bands, d.out_h * (band + 1) / bands, 0, d.channels)
      }
    }
  }
}
