import CKernels
import CSystem
import Graph
import System

/// Counts or strides of up to 16 axes: the eight of a tensor, each of which Tile cuts in two.
typealias Axes = InlineArray<16, Int>

/// Copies a box of elements between two arrays that each have their own strides. It is the one routine behind slices, joins,
/// tiles, pads and transposes: they differ only in the strides. Elements are moved by their size, whatever their type.
///
/// Axes that are contiguous in both arrays are merged first, so that most copies become a few large `memcpy`; where input and
/// output disagree on the innermost axis the box is cut into 2-D transposes.
public struct StridedCopy {
  // Axes that are left after merging, outermost first; strides in bytes.
  private var rank = 0
  private var counts = Axes(repeating: 1)
  private var from = Axes(repeating: 0)
  private var to = Axes(repeating: 0)
  private let fromOffset: Int, toOffset: Int
  /// Bytes that are contiguous in both arrays.
  private var block: Int
  /// Product of `counts`: blocks, or 2-D transposes when `tileColumns` is not 0.
  private var items = 0
  // A 2-D transpose: rows are contiguous in the output, columns in the input. Strides in bytes.
  private var tileRows = 0, tileColumns = 0, tileFrom = 0, tileTo = 0
  /// Rows that one task takes.
  private var rowsPerUnit = 1

  /// Below this many bytes waking the other threads costs more than it saves.
  private static let parallelBytes = 128 << 10

  /// `counts`, `from` and `to` have one entry per axis, outermost first; strides and offsets count elements. Stride 0 repeats,
  /// a negative stride reverses. At most 16 axes.
  init(counts: [Int], from: [Int], to: [Int], elementSize: Int, fromOffset: Int = 0, toOffset: Int = 0) {
    self.fromOffset = fromOffset &* elementSize
    self.toOffset = toOffset &* elementSize
    block = elementSize
    // An empty box; its strides may be products of the other dimensions that have overflowed.
    for n in counts where n <= 0 { return }
    var axes = [(count: Int, from: Int, to: Int)]()
    var i = 0
    while i < counts.count {
      let n = counts[i]
      if let last = axes.last, n > 1, last.from == from[i] * n && last.to == to[i] * n {
        axes[axes.count - 1] = (last.count * n, from[i], to[i])
      } else if n > 1 {
        axes.append((n, from[i], to[i]))
      }
      i += 1
    }
    if let last = axes.last, last.from == 1 && last.to == 1 {
      block *= last.count
      axes.removeLast()
    } else if let last = axes.last, last.to == 1, let column = StridedCopy.contiguousAxis(axes), last.count >= 4,
      axes[column].count >= 4
    {
      tileRows = last.count
      tileFrom = last.from * elementSize
      tileColumns = axes[column].count
      tileTo = axes[column].to * elementSize
      axes.removeLast()
      axes.remove(at: column)
      // About 64 KB per task, in multiples of what a vector kernel transposes at once.
      rowsPerUnit = max(16, (65536 / (tileColumns * elementSize)) & ~15)
    }
    // Finding a place costs more than stepping to the next one: the longest axis is the one that is stepped along, where the blocks
    // are cache lines and their order is free.
    if tileColumns == 0 && block >= 64, let last = axes.last, last.count < 8 {
      var longest = axes.count - 1
      for (i, axis) in axes.enumerated() where axis.count > axes[longest].count { longest = i }
      axes.append(axes.remove(at: longest))
    }
    items = 1
    for a in axes {
      self.counts[rank] = a.count
      self.from[rank] = a.from * elementSize
      self.to[rank] = a.to * elementSize
      items *= a.count
      rank += 1
    }
  }

  /// The axis that is contiguous in the input.
  private static func contiguousAxis(_ axes: [(count: Int, from: Int, to: Int)]) -> Int? {
    var i = 0
    while i < axes.count - 1 {
      if axes[i].from == 1 { return i }
      i += 1
    }
    return nil
  }

  /// The bytes that are copied when they are one run in both arrays, and where they begin in each: a copy that is not needed when the
  /// one array lies in the other.
  public struct Run {
    public let bytes: Int
    public let from: Int, to: Int
  }

  /// The one run that the whole copy is; nil: there are several, or none.
  var wholeRun: Run? {
    items == 1 && rank == 0 && tileColumns == 0 ? Run(bytes: block, from: fromOffset, to: toOffset) : nil
  }

  /// Rows that follow each other in the source and lie `pitch` bytes apart in the target.
  public struct Rows {
    public let bytes: Int, count: Int
    public let to: Int, pitch: Int
  }

  /// The rows that the copy spreads; nil: it does something else.
  var spreadRows: Rows? {
    rank == 1 && tileColumns == 0 && fromOffset == 0 && from[0] == block && to[0] > block
      ? Rows(bytes: block, count: counts[0], to: toOffset, pitch: to[0]) : nil
  }

  /// Copies on the context's threads.
  func run(_ context: ExecutionContext, from input: UnsafeRawPointer?, to output: UnsafeMutableRawPointer?) {
    guard items > 0, let input, let output else { return }
    let source = input + fromOffset
    let target = output + toOffset
    if tileColumns > 0 {
      let unitsPerItem = (tileRows + rowsPerUnit - 1) / rowsPerUnit
      let units = items * unitsPerItem
      let bytes = items * tileRows * tileColumns * block
      let tasks = bytes < StridedCopy.parallelBytes ? 1 : min(units, context.threads * 4)
      context.parallel(
        tasks,
        TileJob(
          copy: self, kernels: context.kernels, source: source, target: target, units: units, unitsPerItem: unitsPerItem,
          grain: (units + tasks - 1) / tasks))
      return
    }
    if items * block < StridedCopy.parallelBytes || context.threads == 1 {
      copyItems(0, items, source, target)
    } else if items >= context.threads * 2 {
      let tasks = min(items, context.threads * 4)
      context.parallel(tasks, BlockJob(copy: self, source: source, target: target, grain: (items + tasks - 1) / tasks))
    } else {
      // A few large blocks: the threads share each of them.
      var i = 0
      while i < items {
        let (f, t) = offsets(i)
        copyBytes(context, source + f, target + t, block)
        i += 1
      }
    }
  }

  /// Byte offsets of item `index`.
  private func offsets(_ index: Int) -> (Int, Int) {
    var rest = index
    var f = 0
    var t = 0
    var axis = rank - 1
    while axis >= 0 {
      let c = rest % counts[axis]
      rest /= counts[axis]
      f += c * from[axis]
      t += c * to[axis]
      axis -= 1
    }
    return (f, t)
  }

  /// Items `start..<end`, one run of the last axis after the other.
  private func copyItems(_ start: Int, _ end: Int, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer) {
    if rank == 0 {
      memcpy(target, source, block)
      return
    }
    let last = rank - 1
    var i = start
    while i < end {
      let (f, t) = offsets(i)
      let run = min(counts[last] - i % counts[last], end - i)
      copyRun(source + f, from[last], target + t, to[last], run)
      i += run
    }
  }

  /// `n` blocks, a stride apart.
  @inline(__always)
  private func copyRun(
    _ source: UnsafeRawPointer, _ sourceStride: Int, _ target: UnsafeMutableRawPointer, _ targetStride: Int, _ n: Int
  ) {
    switch block {
    case 1: copyElements(UInt8.self, source, sourceStride, target, targetStride, n)
    case 2: copyElements(UInt16.self, source, sourceStride, target, targetStride, n)
    case 4: copyElements(UInt32.self, source, sourceStride, target, targetStride, n)
    case 8: copyElements(UInt64.self, source, sourceStride, target, targetStride, n)
    default:
      var i = 0
      while i < n {
        memcpy(target + i * targetStride, source + i * sourceStride, block)
        i += 1
      }
    }
  }

  /// Units `start..<end` of the 2-D transposes.
  private func copyTiles(
    _ start: Int, _ end: Int, _ unitsPerItem: Int, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer,
    _ kernels: UnsafePointer<MSKernels>
  ) {
    var unit = start
    while unit < end {
      let (f, t) = offsets(unit / unitsPerItem)
      let row = unit % unitsPerItem * rowsPerUnit
      let rows = min(rowsPerUnit, tileRows - row)
      let x = source + f + row * tileFrom
      let y = target + t + row * block
      switch block {
      case 4:
        kernels.pointee.transpose_32(
          x.assumingMemoryBound(to: UInt32.self), tileFrom / 4, y.assumingMemoryBound(to: UInt32.self), tileTo / 4, rows,
          tileColumns)
      case 1: transposeElements(UInt8.self, x, tileFrom, y, tileTo, rows, tileColumns)
      case 2: transposeElements(UInt16.self, x, tileFrom, y, tileTo, rows, tileColumns)
      default: transposeElements(UInt64.self, x, tileFrom, y, tileTo, rows, tileColumns)
      }
      unit += 1
    }
  }

  private struct BlockJob: ParallelJob {
    let copy: StridedCopy
    let source: UnsafeRawPointer, target: UnsafeMutableRawPointer
    let grain: Int
    func run(_ index: Int, worker: Int) {
      copy.copyItems(index * grain, min(copy.items, (index + 1) * grain), source, target)
    }
  }

  private struct TileJob: ParallelJob {
    let copy: StridedCopy
    let kernels: UnsafePointer<MSKernels>
    let source: UnsafeRawPointer, target: UnsafeMutableRawPointer
    let units: Int, unitsPerItem: Int, grain: Int
    func run(_ index: Int, worker: Int) {
      copy.copyTiles(index * grain, min(units, (index + 1) * grain), unitsPerItem, source, target, kernels)
    }
  }
}

@inline(__always)
private func copyElements<T: FixedWidthInteger & BitwiseCopyable>(
  _ type: T.Type, _ source: UnsafeRawPointer, _ sourceStride: Int, _ target: UnsafeMutableRawPointer, _ targetStride: Int,
  _ n: Int
) {
  // Pointers that step cost less than checked products of positions.
  var x = source, y = target
  let end = target + n * targetStride
  if sourceStride == 0 {
    let value = source.loadUnaligned(as: T.self)
    while y != end {
      y.storeBytes(of: value, as: T.self)
      y += targetStride
    }
    return
  }
  while y != end {
    y.storeBytes(of: x.loadUnaligned(as: T.self), as: T.self)
    x += sourceStride
    y += targetStride
  }
}

/// y[c, r] = x[r, c]; strides in bytes. Sixteen rows at a time, so that the lines that are written stay in the cache.
@inline(__always)
private func transposeElements<T: FixedWidthInteger & BitwiseCopyable>(
  _ type: T.Type, _ x: UnsafeRawPointer, _ xStride: Int, _ y: UnsafeMutableRawPointer, _ yStride: Int, _ rows: Int,
  _ columns: Int
) {
  let size = MemoryLayout<T>.size
  var first = 0
  while first < rows {
    let last = min(first + 16, rows)
    var c = 0
    while c < columns {
      var source = x + (first * xStride + c * size), target = y + (c * yStride + first * size)
      let end = target + (last - first) * size
      while target != end {
        target.storeBytes(of: source.loadUnaligned(as: T.self), as: T.self)
        source += xStride
        target += size
      }
      c += 1
    }
    first = last
  }
}

/// memcpy on all threads.
func copyBytes(_ context: ExecutionContext, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ count: Int) {
  let grain = 256 << 10
  if count == 0 { return }
  context.parallel((count + grain - 1) / grain, BytesJob(source: source, target: target, count: count, grain: grain))
}

private struct BytesJob: ParallelJob {
  let source: UnsafeRawPointer, target: UnsafeMutableRawPointer
  let count: Int, grain: Int
  func run(_ index: Int, worker: Int) {
    memcpy(target + index * grain, source + index * grain, min(grain, count - index * grain))
  }
}

/// Writes the lowest `elementSize` bytes of `bits` to `count` elements.
func fillElements(
  _ context: ExecutionContext, _ target: UnsafeMutableRawPointer?, _ count: Int, elementSize: Int, bits: UInt64
) {
  guard count > 0, let target else { return }
  let grain = 64 << 10
  context.parallel(
    (count + grain - 1) / grain, FillJob(target: target, count: count, grain: grain, size: elementSize, bits: bits))
}

private struct FillJob: ParallelJob {
  let target: UnsafeMutableRawPointer
  let count: Int, grain: Int, size: Int
  let bits: UInt64
  func run(_ index: Int, worker: Int) {
    let start = index * grain
    let n = min(grain, count - start)
    let p = target + start * size
    if bits == 0 {
      memset(p, 0, n * size)
      return
    }
    switch size {
    case 1: memset(p, Int32(truncatingIfNeeded: bits & 255), n)
    case 2: fill(p, UInt16(truncatingIfNeeded: bits), n)
    case 4: fill(p, UInt32(truncatingIfNeeded: bits), n)
    default: fill(p, bits, n)
    }
  }

  @inline(__always)
  private func fill<T: FixedWidthInteger & BitwiseCopyable>(_ p: UnsafeMutableRawPointer, _ value: T, _ n: Int) {
    var i = 0
    while i < n {
      p.storeBytes(of: value, toByteOffset: i * MemoryLayout<T>.size, as: T.self)
      i += 1
    }
  }
}

extension ExecutionContext {
  /// Runs `job` for `0..<count` on the pool, as many indices in one task as have about 16 K elements together: handing out a task
  /// costs as much as a few hundred elements.
  func parallelRows<Job: ParallelJob>(_ count: Int, elements: Int, _ job: Job) {
    let grain = max(1, 16384 / max(elements, 1))
    parallel((count + grain - 1) / grain, RowsJob(job: job, count: count, grain: grain))
  }
}

private struct RowsJob<Job: ParallelJob>: ParallelJob {
  let job: Job
  let count: Int, grain: Int
  func run(_ index: Int, worker: Int) {
    var i = index * grain
    let end = min(count, i + grain)
    while i < end {
      job.run(i, worker: worker)
      i += 1
    }
  }
}
