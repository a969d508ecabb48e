import CKernels
import CSystem
import Graph
import KernelSelection
import Operators
import System

/// Steps that follow each other, each reading only what the one before it writes, computed together band by band: some rows of the
/// last result, and of the results before it just the rows that these need. What lies between never leaves the second-level cache,
/// where layer by layer it would go to memory and come back.
///
/// A worker keeps the rows of each intermediate result that the next band needs again; only where two workers' shares meet are a
/// few rows computed twice. Every row is computed as it would be alone: the results are the same bits.
final class BandChain {
  let first: Int
  /// (Not the steps: these keep the chain.)
  private let operators: [Operator]
  private let bands: [RowBands]
  private let threads: Int
  /// Rows of the last result per band, and per share of the work.
  private var bandRows = 1, shareRows = 1
  private var shares: Int { (last.rows + shareRows - 1) / shareRows }
  /// Where in a worker's memory each intermediate result's rows begin; the scratch is behind them.
  private var offsets: [Int] = []
  private var scratchOffset = 0
  private var workerBytes = 0

  private var last: RowBands { bands[bands.count - 1] }
  var count: Int { operators.count }
  var workspaceBytes: Int { workerBytes * threads }

  /// Intermediate results from this size on are worth it: smaller ones stay in the second-level cache (of `cache` bytes) by themselves.
  private static func worthwhileBytes(_ cache: Int) -> Int { cache / 8 * 3 }
  /// What a worker's rows may take of that cache; the rest is for weights and for what streams by.
  private static func bandBytes(_ cache: Int) -> Int { cache / 16 * 7 }

  /// Steps of a chain at most.
  private static let longest = 12

  private init(_ operators: [Operator], _ bands: [RowBands], first: Int, threads: Int) {
    self.operators = operators
    self.bands = bands
    self.first = first
    self.threads = threads
  }

  /// The chains among prepared `steps`.
  static func find(_ steps: [Step], outputs: [Tensor], _ context: ExecutionContext) -> [BandChain] {
    let cache = context.secondLevelCache
    var chains = [BandChain]()
    var i = 0
    while i < steps.count {
      var chain = [Operator](), bands = [RowBands]()
      var j = i
      while j < steps.count, chain.count < longest, steps[j].action == .run, let next = steps[j].op.rowBands {
        if let previous = chain.last, !follows(steps[j].node, previous.node, outputs, cache) { break }
        chain.append(steps[j].op)
        bands.append(next)
        j += 1
      }
      while chain.count > 1 {
        let candidate = BandChain(chain, bands, first: i, threads: context.threads)
        if candidate.place(bandBytes(cache)) {
          chains.append(candidate)
          break
        }
        chain.removeLast()
        bands.removeLast()
      }
      i += max(chain.count, 1)
    }
    return chains
  }

  /// `node` reads the result of `previous` as its first input, nobody else does, and it is large.
  private static func follows(_ node: Node, _ previous: Node, _ outputs: [Tensor], _ cache: Int) -> Bool {
    let value = previous.outputs[0]
    return node.inputs[0] === value && value.consumers == 1 && value.byteCount >= worthwhileBytes(cache)
      && !outputs.contains { $0 === value }
  }

  /// Rows that may be computed twice where shares meet, as a part of an intermediate result's rows. Beyond, the steps one by one are
  /// faster.
  private static let bearableRepetition = 0.15

  /// Chooses the shares, and the bands' height: the greatest whose rows fit. False when not even the smallest do in `limit` bytes, or when
  /// too much would be computed twice.
  private func place(_ limit: Int) -> Bool {
    cut(shares: threads == 1 ? 1 : threads * 2)
    if repetition() > Self.bearableRepetition {
      cut(shares: threads)
      if repetition() > Self.bearableRepetition { return false }
    }
    bandRows = last.roundedUp(max(last.step, 32))
    while layOut() > limit {
      if bandRows <= last.step { return false }
      bandRows = max(last.step, bandRows / 2 / last.step * last.step)
    }
    return true
  }

  private func cut(shares wanted: Int) {
    shareRows = ((last.rows + wanted - 1) / wanted + last.step - 1) / last.step * last.step
  }

  /// The largest part of an intermediate result's rows that is computed twice.
  private func repetition() -> Double {
    var computed = [Int](repeating: 0, count: bands.count - 1)
    for share in 0..<shares {
      var cursor = Cursor(from: share * shareRows)
      while cursor.advance(bands, to: min((share + 1) * shareRows, last.rows), by: last.rows) {
        for i in 0..<computed.count { computed[i] += cursor.last[i] - cursor.first[i] }
      }
    }
    var worst = 0.0
    for (i, rows) in computed.enumerated() { worst = max(worst, Double(rows - bands[i].rows) / Double(max(bands[i].rows, 1))) }
    return worst
  }

  /// Finds out how many rows of each intermediate result are there at once, by going through all bands. Returns their bytes.
  private func layOut() -> Int {
    var capacity = [Int](repeating: 0, count: bands.count - 1)
    for share in 0..<shares {
      var cursor = Cursor(from: share * shareRows)
      while cursor.advance(bands, to: min((share + 1) * shareRows, last.rows), by: bandRows) {
        for i in 0..<capacity.count { capacity[i] = max(capacity[i], cursor.last[i] - cursor.kept[i]) }
      }
    }
    offsets = []
    var bytes = 0, scratch = 0
    for (i, rows) in capacity.enumerated() {
      offsets.append(bytes)
      bytes += (rows * bands[i].rowFloats * 4 + 127) & ~63
    }
    for b in bands { scratch = max(scratch, b.scratchBytes) }
    scratchOffset = bytes
    workerBytes = (bytes + scratch + 63) & ~63
    return bytes
  }

  /// The bands of a share of the last result's rows, one after the other. (Runs must not allocate: no arrays.)
  private struct Cursor {
    /// Of each step: the rows that this band computes.
    private(set) var first: InlineArray<12, Int>, last: InlineArray<12, Int>
    /// Of each intermediate result: its first row that is still there.
    private(set) var kept = InlineArray<12, Int>(repeating: 0)
    private(set) var isFirst = true
    private var begun = false

    init(from row: Int) {
      first = InlineArray(repeating: row)
      last = InlineArray(repeating: row)
    }

    /// Moves to the next band, which ends at `end` at the latest. False when there is none.
    mutating func advance(_ bands: [RowBands], to end: Int, by rows: Int) -> Bool {
      var i = bands.count - 1
      first[i] = last[i]
      if first[i] >= end { return false }
      last[i] = min(first[i] + rows, end)
      isFirst = !begun
      begun = true
      while i > 0 {
        let needed = bands[i].inputRows(first[i], last[i])
        let isIdle = first[i] >= last[i]
        i -= 1
        first[i] = isFirst ? bands[i].roundedDown(needed.first) : last[i]
        last[i] = max(bands[i].roundedUp(needed.last), first[i])
        // While its reader computes nothing, a result keeps what that may still need.
        if isFirst || !isIdle { kept[i] = min(needed.first, first[i]) }
      }
      return true
    }
  }

  private struct Job: ParallelJob {
    let chain: BandChain
    let context: ExecutionContext
    /// Nanoseconds by worker and step, where they are wanted.
    let times: UnsafeMutablePointer<UInt64>?

    func run(_ index: Int, worker: Int) {
      chain.runShare(
        index, context.workspace + worker * chain.workerBytes, context, times.map { $0 + worker * chain.count })
    }
  }

  private func runShare(
    _ share: Int, _ memory: UnsafeMutableRawPointer, _ context: ExecutionContext, _ times: UnsafeMutablePointer<UInt64>?
  ) {
    var cursor = Cursor(from: share * shareRows)
    let end = min((share + 1) * shareRows, last.rows)
    let scratch = memory + scratchOffset
    while true {
      let before = cursor.kept
      if !cursor.advance(bands, to: end, by: bandRows) { return }
      var i = 0
      while i < bands.count {
        let first = cursor.first[i]
        if i < offsets.count && !cursor.isFirst && first > cursor.kept[i] && cursor.kept[i] > before[i] {
          // Rows that are needed again move to the front.
          let rowBytes = bands[i].rowFloats * 4
          let place = memory + offsets[i]
          memmove(place, place + (cursor.kept[i] - before[i]) * rowBytes, (first - cursor.kept[i]) * rowBytes)
        }
        if first < cursor.last[i] {
          let start = times == nil ? 0 : mssys_nanoseconds()
          let x = i == 0 ? operators[0].node.inputs[0].floats : rows(i - 1, memory, cursor)
          let y = i == offsets.count ? operators[i].node.outputs[0].floats : rows(i, memory, cursor)
          operators[i].runRows(first, cursor.last[i], UnsafePointer(x), y, scratch, context)
          if let times { times[i] += mssys_nanoseconds() - start }
        }
        i += 1
      }
    }
  }

  /// Where row 0 of intermediate result `i` would lie.
  private func rows(_ i: Int, _ memory: UnsafeMutableRawPointer, _ cursor: Cursor) -> UnsafeMutablePointer<Float> {
    (memory + offsets[i]).assumingMemoryBound(to: Float.self) - cursor.kept[i] * bands[i].rowFloats
  }

  func run(_ context: ExecutionContext) {
    context.parallel(shares, Job(chain: self, context: context, times: nil))
  }

  /// Runs, and adds the time that has passed to the profiles of the chain's steps, which are among `all`, by what each of them took of
  /// the workers' time.
  func runTimed(_ context: ExecutionContext, _ all: [Step]) {
    var times = [UInt64](repeating: 0, count: count * threads)
    let start = mssys_nanoseconds()
    times.withUnsafeMutableBufferPointer { context.parallel(shares, Job(chain: self, context: context, times: $0.baseAddress)) }
    let passed = Double(mssys_nanoseconds() - start)
    var total: UInt64 = 0
    for t in times { total += t }
    for i in 0..<count {
      let step = all[first + i]
      var own: UInt64 = 0
      for worker in 0..<threads { own += times[worker * count + i] }
      step.nanoseconds += UInt64(passed * Double(own) / Double(max(total, 1)))
      step.runs += 1
    }
  }
}
