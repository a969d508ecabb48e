import Graph
import Testing

private struct Random {
  var state: UInt64
  mutating func next(_ bound: Int) -> Int {
    state = state &* 6364136223846793005 &+ 1442695040888963407
    return Int(state >> 33) % bound
  }
}

@Suite struct MemoryPlanTests {
  @Test func buffersAliveTogetherNeverOverlap() throws {
    var random = Random(state: 7)
    for _ in 0..<200 {
      var requests = [MemoryPlan.Request]()
      for _ in 0..<random.next(40) {
        let first = random.next(30)
        requests.append(.init(bytes: random.next(5000), first: first, last: first + random.next(10)))
      }
      let plan = try #require(MemoryPlan(requests))
      for (i, a) in requests.enumerated() {
        #expect(plan.offsets[i] % MemoryPlan.alignment == 0)
        #expect(plan.offsets[i] + a.bytes <= plan.total)
        for (j, b) in requests.enumerated() where j < i && a.first <= b.last && b.first <= a.last {
          let apart = plan.offsets[i] + a.bytes <= plan.offsets[j] || plan.offsets[j] + b.bytes <= plan.offsets[i]
          #expect(apart, "requests \(i) and \(j)")
        }
      }
    }
  }

  @Test func aChainNeedsTwoBuffers() throws {
    let requests = (0..<10).map { MemoryPlan.Request(bytes: 1024, first: $0, last: $0 + 1) }
    #expect(try #require(MemoryPlan(requests)).total == 2048)
  }

  @Test func nothingAndTooMuch() {
    #expect(MemoryPlan([])?.total == 0)
    #expect(MemoryPlan([.init(bytes: 1 << 60, first: 0, last: 0)]) == nil)
    #expect(MemoryPlan([.init(bytes: -1, first: 0, last: 0)]) == nil)
  }
}
