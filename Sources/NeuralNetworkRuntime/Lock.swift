import CSystem

/// A lock between threads.
final class Lock {
  fileprivate let mutex: UnsafeMutablePointer<pthread_mutex_t>

  init() {
    mutex = .allocate(capacity: 1)
    _ = pthread_mutex_init(mutex, nil)
  }

  deinit {
    _ = pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  func lock() { _ = pthread_mutex_lock(mutex) }
  func unlock() { _ = pthread_mutex_unlock(mutex) }
}

/// What threads wait for that hold a lock.
final class Condition {
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  init() {
    condition = .allocate(capacity: 1)
    _ = mssys_condition_init(condition)
  }

  deinit {
    _ = pthread_cond_destroy(condition)
    condition.deallocate()
  }

  func signal() { _ = pthread_cond_signal(condition) }
  func wait(_ lock: Lock) { _ = pthread_cond_wait(condition, lock.mutex) }
  /// Waits no longer than that.
  func wait(_ lock: Lock, milliseconds: Int64) {
    var deadline = mssys_deadline(milliseconds)
    _ = pthread_cond_timedwait(condition, lock.mutex, &deadline)
  }
}
