import CSystem
import Graph

/// Work that a device does: it may hang, so it runs on a thread that can be given up.
class DeviceJob {
  func perform() {}
}

/// A thread that waits for a device on someone's behalf. Devices are other programs or hardware: a call that does not come back must
/// not keep the caller, who waits for so long and then goes on without the thread.
final class DeviceThread {
  /// What the two sides share. The thread keeps it, and the job with everything that the device may still write to, for as long as the
  /// device hangs.
  fileprivate final class Channel {
    /// 0: jobs given, 1: jobs done, 2: the thread shall end.
    let words: UnsafeMutablePointer<UInt32>
    var job: DeviceJob?

    init() {
      words = .allocate(capacity: 3)
      words.initialize(repeating: 0, count: 3)
    }
    deinit { words.deallocate() }
  }

  private var channel: Channel?

  /// Milliseconds that a device has for one call, 0 without limit: MSLITE_NNRT_TIMEOUT, or 30 seconds.
  static let timeout: Int = {
    guard let value = getenv("MSLITE_NNRT_TIMEOUT"), value[0] >= 48 && value[0] <= 57 else { return 30_000 }
    return min(Int(atoll(value)), 1 << 31)
  }()

  /// The same for a question or a compilation.
  static var buildTimeout: Int { timeout * 10 }

  deinit { dismiss() }

  /// Does the job; false when it has not ended within `milliseconds` (0: no limit). It may then end at any time, or never.
  func run(_ job: DeviceJob, milliseconds: Int) -> Bool {
    if milliseconds == 0 {
      job.perform()
      return true
    }
    guard let channel = channel ?? start() else {
      // No thread, no way to give up waiting.
      job.perform()
      return true
    }
    channel.job = job
    let target = mssys_load_acquire(channel.words) &+ 1
    mssys_increment(channel.words)
    mssys_futex_wake(channel.words, 1)
    let deadline = mssys_nanoseconds() &+ UInt64(milliseconds) &* 1_000_000
    while true {
      let done = mssys_load_acquire(channel.words + 1)
      if done == target { return true }
      let now = mssys_nanoseconds()
      if now >= deadline {
        dismiss()
        return false
      }
      mssys_futex_wait_for(channel.words + 1, done, deadline - now)
    }
  }

  private func start() -> Channel? {
    let made = Channel()
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(made)
    if pthread_create(&thread, nil, deviceThreadMain, argument.toOpaque()) != 0 {
      argument.release()
      return nil
    }
    _ = pthread_detach(thread)
    channel = made
    return made
  }

  /// The thread ends when it has nothing left to do.
  private func dismiss() {
    guard let channel else { return }
    mssys_increment(channel.words + 2)
    mssys_increment(channel.words)
    mssys_futex_wake(channel.words, 1)
    self.channel = nil
  }
}

private func deviceThreadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  let channel = Unmanaged<DeviceThread.Channel>.fromOpaque(argument).takeRetainedValue()
  var seen: UInt32 = 0
  while true {
    while mssys_load_acquire(channel.words) == seen { mssys_futex_wait(channel.words, seen) }
    if mssys_load_acquire(channel.words + 2) != 0 { return nil }
    seen &+= 1
    channel.job?.perform()
    channel.job = nil
    mssys_increment(channel.words + 1)
    mssys_futex_wake(channel.words + 1, 1)
  }
}
