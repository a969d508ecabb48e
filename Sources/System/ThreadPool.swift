import CSystem
import Synchronization

/// Work that can be cut into independent tasks. A struct of pointers and sizes: it lives on the caller's stack for the duration
/// of ``ThreadPool/run(_:_:)``, so running it allocates nothing (an escaping closure would).
public protocol ParallelJob: SendableMetatype {
  /// Does task `index`. `worker` is a number below the pool's thread count, different for threads that run at the same time.
  func run(_ index: Int, worker: Int)
}

/// A fixed set of threads that share the tasks of one job at a time; the caller of ``run(_:_:)`` is one of them.
///
/// Workers spin for a short while after each job, because the next operator's job follows within microseconds, then sleep on a
/// futex until the next one. A job never waits for a worker that did not join it: a worker that was descheduled finds the job
/// closed and goes back to waiting. One job runs at a time: only one thread may call ``run(_:_:)``.
public final class ThreadPool {
  /// Threads that take part, the caller included. At least 1.
  public let threadCount: Int

  /// How long a worker spins before it sleeps.
  static let spinNanoseconds: UInt64 = 40_000

  /// Bits 32..63: job number; bit 31: the job is open; bits 0..30: workers inside it.
  private let state = Atomic<UInt64>(0)
  /// Of each thread's share of the tasks the next one that nobody has taken; `cursorStride` apart, so that each has a cache line.
  private let cursors: UnsafeMutablePointer<Int>
  private static let cursorStride = 16
  /// Counts published jobs (and the stop request); workers sleep on it.
  private let signal: UnsafeMutablePointer<UInt32>
  private let sleepers = Atomic<Int>(0)
  private let stopping = Atomic<Bool>(false)
  // Written by the caller before the job is opened, read by workers that joined it.
  private var taskCount = 0
  private var job: UnsafeRawPointer
  private var trampoline: (UnsafeRawPointer, Int, Int) -> Void
  private var threads: UnsafeMutablePointer<pthread_t>
  private var started = 0
  private let cores: [Int32]

  static let openBit: UInt64 = 1 << 31
  static let countMask: UInt64 = openBit - 1

  /// Starts `threadCount - 1` workers. Where `cores` is not empty, worker i is pinned to `cores[(i + 1) % cores.count]` and the
  /// caller to `cores[0]` while it runs a model (see ``pinCaller()``). Threads that cannot be started are done without.
  public init(threadCount requested: Int, cores: [Int32] = []) {
    threadCount = max(requested, 1)
    self.cores = cores
    signal = .allocate(capacity: 32)
    signal.initialize(repeating: 0, count: 32)
    job = UnsafeRawPointer(signal)
    trampoline = { _, _, _ in }
    threads = .allocate(capacity: max(requested, 1))
    cursors = .allocate(capacity: max(requested, 1) * Self.cursorStride)
    cursors.initialize(repeating: 0, count: max(requested, 1) * Self.cursorStride)
    var index = 1
    while index < threadCount {
      let start = UnsafeMutablePointer<WorkerStart>.allocate(capacity: 1)
      start.initialize(to: WorkerStart(pool: Unmanaged.passUnretained(self), index: index))
      if pthread_create(threads + started, nil, workerMain, start) != 0 {
        start.deinitialize(count: 1)
        start.deallocate()
        break
      }
      started += 1
      index += 1
    }
  }

  deinit {
    stopping.store(true, ordering: .releasing)
    signalWorkers()
    mssys_futex_wake(signal, Int32.max)
    var i = 0
    while i < started {
      _ = pthread_join(threads[i], nil)
      i += 1
    }
    threads.deallocate()
    cursors.deallocate()
    signal.deallocate()
  }

  /// Runs `job` for every index in `0..<count` and returns when all are done.
  @inline(__always)
  public func run<Job: ParallelJob>(_ count: Int, _ job: Job) {
    withUnsafePointer(to: job) { dispatch(count, UnsafeRawPointer($0), Trampoline<Job>.call) }
  }

  /// ``run(_:_:)`` for a job of any type; not generic, so that it exists once.
  @export(interface)
  @inline(never)
  private func dispatch(_ count: Int, _ job: UnsafeRawPointer, _ call: @escaping (UnsafeRawPointer, Int, Int) -> Void) {
    if count <= 1 || started == 0 {
      var i = 0
      while i < count {
        call(job, i, 0)
        i += 1
      }
      return
    }
    self.job = job
    trampoline = call
    taskCount = count
    var share = 0
    while share < threadCount {
      cursors[share * Self.cursorStride] = count * share / threadCount
      share += 1
    }
    let number = (state.load(ordering: .relaxed) >> 32) &+ 1
    state.store((number << 32) | Self.openBit, ordering: .sequentiallyConsistent)
    signalWorkers()
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 { mssys_futex_wake(signal, Int32.max) }
    takeTasks(worker: 0)
    // Close the job, then wait for those inside it.
    _ = state.bitwiseAnd(~Self.openBit, ordering: .acquiringAndReleasing)
    while state.load(ordering: .acquiring) & Self.countMask != 0 { mssys_relax() }
  }

  private func signalWorkers() {
    mssys_increment(signal)
  }

  /// Each thread begins with its own share, the same part of every job: what it has written in one operator is what it reads in the
  /// next, from its own caches. Then it helps the others.
  @inline(__always)
  private func takeTasks(worker: Int) {
    var share = worker
    for _ in 0..<threadCount {
      let end = taskCount * (share + 1) / threadCount
      while true {
        let index = mssys_take(cursors + share * Self.cursorStride)
        if index >= end { break }
        trampoline(job, index, worker)
      }
      share = share + 1 == threadCount ? 0 : share + 1
    }
  }

  /// Restricts the calling thread to the pool's first core; undo with `mssys_mask_restore`.
  public func pinCaller(saving mask: UnsafeMutablePointer<mssys_mask>) -> Bool {
    if cores.isEmpty { return false }
    mssys_mask_save(mask)
    var core = cores[0]
    return mssys_pin_self(&core, 1) == 0
  }

  fileprivate func workerLoop(_ index: Int) {
    if !cores.isEmpty {
      var core = cores[index % cores.count]
      _ = mssys_pin_self(&core, 1)
    }
    var done: UInt64 = 0  // the last job number this worker took part in or missed
    while true {
      let ticket = mssys_load_acquire(signal)
      if stopping.load(ordering: .acquiring) { return }
      var current = state.load(ordering: .acquiring)
      if current & Self.openBit != 0 && current >> 32 != done {
        // Join, unless it closes first.
        var joined = false
        while current & Self.openBit != 0 {
          let (exchanged, seen) = state.compareExchange(
            expected: current, desired: current &+ 1, ordering: .acquiringAndReleasing)
          if exchanged {
            joined = true
            break
          }
          current = seen
        }
        if joined {
          done = current >> 32
          takeTasks(worker: index)
          _ = state.wrappingSubtract(1, ordering: .releasing)
        }
        continue
      }
      waitForSignal(ticket)
    }
  }

  /// Returns when `signal` differs from `ticket`: spins first, then sleeps.
  private func waitForSignal(_ ticket: UInt32) {
    let start = mssys_nanoseconds()
    while true {
      var i = 0
      while i < 64 {
        if mssys_load_acquire(signal) != ticket { return }
        mssys_relax()
        i += 1
      }
      if mssys_nanoseconds() &- start > Self.spinNanoseconds { break }
    }
    sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
    if mssys_load_acquire(signal) == ticket { mssys_futex_wait(signal, ticket) }
    sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent)
  }
}

/// The one function per job type that unpacks the job for a worker.
private enum Trampoline<Job: ParallelJob> {
  static func call(_ job: UnsafeRawPointer, _ index: Int, _ worker: Int) {
    job.assumingMemoryBound(to: Job.self).pointee.run(index, worker: worker)
  }
}

private struct WorkerStart {
  let pool: Unmanaged<ThreadPool>
  let index: Int
}

private func workerMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  let start = argument.assumingMemoryBound(to: WorkerStart.self)
  let (pool, index) = (start.pointee.pool, start.pointee.index)
  start.deinitialize(count: 1)
  start.deallocate()
  // The pool joins its workers before it goes away, so an unretained reference is enough.
  pool._withUnsafeGuaranteedRef { $0.workerLoop(index) }
  return nil
}
