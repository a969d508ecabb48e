import Synchronization
import System
import Testing

private struct Count: ParallelJob {
  let counters: UnsafeMutablePointer<Int>
  let workers: UnsafeMutablePointer<Int>
  let limit: Int
  func run(_ index: Int, worker: Int) {
    counters[index] += 1
    if worker < 0 || worker >= limit { workers[0] += 1 }
  }
}

@Suite struct ThreadPoolTests {
  @Test func everyTaskRunsExactlyOnce() {
    let counters = UnsafeMutablePointer<Int>.allocate(capacity: 1000)
    let bad = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    bad.pointee = 0
    defer {
      counters.deallocate()
      bad.deallocate()
    }
    for threads in [1, 2, 3, 5] {
      let pool = ThreadPool(threadCount: threads)
      #expect(pool.threadCount == threads)
      for count in [0, 1, 2, 7, 1000] {
        counters.initialize(repeating: 0, count: 1000)
        for _ in 0..<200 { pool.run(count, Count(counters: counters, workers: bad, limit: threads)) }
        for i in 0..<1000 where counters[i] != (i < count ? 200 : 0) {
          Issue.record("task \(i) ran \(counters[i]) times with \(threads) threads")
          return
        }
      }
    }
    #expect(bad.pointee == 0)
  }

  @Test func poolsComeAndGo() {
    for _ in 0..<100 { _ = ThreadPool(threadCount: 3, cores: [0, 1, 99]) }
  }

  @Test func fewerThanOneThreadIsOne() {
    #expect(ThreadPool(threadCount: 0).threadCount == 1)
    #expect(ThreadPool(threadCount: -5).threadCount == 1)
  }
}
