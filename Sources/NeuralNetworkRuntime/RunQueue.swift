import CInterface
import CNeuralNetworkRuntime
import CSystem

/// An asynchronous run: it ends once, by its result or by its time limit, and is reported then.
final class AsyncRun {
  private let executor: ExecutorObject
  private let inputs: [RunTensor]
  private let outputs: [RunTensor]
  /// Get the shapes of the results.
  private let descriptions: [TensorDescObject]
  /// The output tensors as the program gave them.
  private var handles: [UnsafeMutableRawPointer?]
  private let userData: UnsafeMutableRawPointer
  private let flight = Flight()
  private let lock = Lock()
  private var hasEnded = false

  init(
    _ executor: ExecutorObject, _ inputs: [RunTensor], _ outputs: [RunTensor], _ descriptions: [TensorDescObject],
    _ handles: [UnsafeMutableRawPointer?], _ userData: UnsafeMutableRawPointer
  ) {
    self.executor = executor
    self.inputs = inputs
    self.outputs = outputs
    self.descriptions = descriptions
    self.handles = handles
    self.userData = userData
  }

  /// Runs, on the queue's thread.
  fileprivate func work() {
    var results = outputs
    var code = OH_NN_SUCCESS
    var message = ""
    do throws(Failure) {
      try executor.run(inputs, &results, flight)
    } catch {
      code = error.code
      message = error.message
    }
    if !claim() { return }
    if code != OH_NN_SUCCESS { logError(message, function: "OH_NNExecutor_RunAsync") }
    if code == OH_NN_SUCCESS {
      for i in descriptions.indices { descriptions[i].set(shape: results[i].shape) }
    }
    TimeLimits.shared.remove(self)
    report(code)
  }

  /// The time is over, on the thread of the time limits.
  fileprivate func expire() {
    if !claim() { return }
    logError("the device did not answer in time", function: "OH_NNExecutor_RunAsync")
    executor.prepared.giveUp(flight)
    report(OH_NN_TIMEOUT)
  }

  /// Whether the caller is the one to end the run.
  private func claim() -> Bool {
    lock.lock()
    defer { lock.unlock() }
    if hasEnded { return false }
    hasEnded = true
    return true
  }

  /// Tells the program, unless it has destroyed the executor.
  private func report(_ code: OH_NN_ReturnCode) {
    guard HandleTable.shared.isLive(executor.handle), let callback = executor.runDoneCallback else { return }
    handles.withUnsafeMutableBufferPointer { callback(userData, code, $0.baseAddress, Int32($0.count)) }
  }
}

/// The asynchronous runs of an executor, made one after another by a thread that is there as long as there are some.
final class RunQueue {
  private let lock = Lock()
  private var pending: [AsyncRun] = []
  private var isWorking = false

  func add(_ run: AsyncRun) throws(Failure) {
    lock.lock()
    defer { lock.unlock() }
    if !isWorking {
      let queue = Unmanaged.passRetained(self)
      if mssys_start_detached(workerMain, queue.toOpaque()) != 0 {
        queue.release()
        throw .memory("no thread for an asynchronous run")
      }
      isWorking = true
    }
    pending.append(run)
  }

  fileprivate func work() {
    while true {
      lock.lock()
      if pending.isEmpty {
        isWorking = false
        lock.unlock()
        return
      }
      let run = pending.removeFirst()
      lock.unlock()
      run.work()
    }
  }
}

private func workerMain(_ queue: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  if let queue { Unmanaged<RunQueue>.fromOpaque(queue).takeRetainedValue().work() }
  return nil
}

/// The runs that have a time limit, and a thread that waits for the next one to expire.
final class TimeLimits: @unchecked Sendable {
  static let shared = TimeLimits()

  private let lock = Lock()
  private let changed = Condition()
  private var entries: [(deadline: UInt64, run: AsyncRun)] = []
  private var isWorking = false

  private init() {}

  func add(_ run: AsyncRun, milliseconds: Int32) throws(Failure) {
    lock.lock()
    defer { lock.unlock() }
    if !isWorking {
      if mssys_start_detached(timeLimitMain, Unmanaged.passUnretained(self).toOpaque()) != 0 {
        throw .memory("no thread for time limits")
      }
      isWorking = true
    }
    entries.append((mssys_nanoseconds() + UInt64(milliseconds) * 1_000_000, run))
    changed.signal()
  }

  func remove(_ run: AsyncRun) {
    lock.lock()
    entries.removeAll { $0.run === run }
    lock.unlock()
  }

  fileprivate func work() -> Never {
    lock.lock()
    while true {
      guard let next = entries.min(by: { $0.deadline < $1.deadline }) else {
        changed.wait(lock)
        continue
      }
      let now = mssys_nanoseconds()
      if now < next.deadline {
        changed.wait(lock, milliseconds: Int64((next.deadline - now + 999_999) / 1_000_000))
        continue
      }
      entries.removeAll { $0.run === next.run }
      lock.unlock()
      next.run.expire()
      lock.lock()
    }
  }
}

private func timeLimitMain(_ limits: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  if let limits { Unmanaged<TimeLimits>.fromOpaque(limits).takeUnretainedValue().work() }
  return nil
}
