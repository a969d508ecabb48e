/// The cheapest division of a graph's vertices into the source's side and the sink's side (Dinic's algorithm).
struct MinimumCut {
  static let source = 0, sink = 1
  /// A capacity that no cut pays.
  static let unlimited = Int.max / 4

  private var target: [Int] = []
  private var capacity: [Int] = []
  private var edges: [[Int]] = [[], []]

  mutating func addVertex() -> Int {
    edges.append([])
    return edges.count - 1
  }

  /// The cut pays `weight` when `from` is on the source's side and `to` on the sink's.
  mutating func addEdge(_ from: Int, _ to: Int, _ weight: Int) {
    if from == to { return }
    edges[from].append(target.count)
    target.append(to)
    capacity.append(weight)
    edges[to].append(target.count)
    target.append(from)
    capacity.append(0)
  }

  /// For each vertex whether it is on the sink's side in a cheapest cut; of several that with the fewest vertices there.
  mutating func solve() -> [Bool] {
    while let level = levels() {
      var next = [Int](repeating: 0, count: edges.count)
      while push(level, &next) {}
    }
    // Whoever can still reach the sink.
    var onSinkSide = [Bool](repeating: false, count: edges.count)
    onSinkSide[MinimumCut.sink] = true
    var queue = [MinimumCut.sink]
    while let v = queue.popLast() {
      for e in edges[v] where capacity[e ^ 1] > 0 && !onSinkSide[target[e]] {
        onSinkSide[target[e]] = true
        queue.append(target[e])
      }
    }
    return onSinkSide
  }

  private func levels() -> [Int]? {
    var level = [Int](repeating: -1, count: edges.count)
    level[MinimumCut.source] = 0
    var queue = [MinimumCut.source]
    var head = 0
    while head < queue.count {
      let v = queue[head]
      head += 1
      for e in edges[v] where capacity[e] > 0 && level[target[e]] < 0 {
        level[target[e]] = level[v] + 1
        queue.append(target[e])
      }
    }
    return level[MinimumCut.sink] < 0 ? nil : level
  }

  /// Finds one path along rising levels and uses it up; false when there is none left.
  private mutating func push(_ level: [Int], _ next: inout [Int]) -> Bool {
    var path = [Int]()
    var v = MinimumCut.source
    while v != MinimumCut.sink {
      var advanced = false
      while next[v] < edges[v].count {
        let e = edges[v][next[v]]
        if capacity[e] > 0 && level[target[e]] == level[v] + 1 {
          path.append(e)
          v = target[e]
          advanced = true
          break
        }
        next[v] += 1
      }
      if advanced { continue }
      guard let last = path.popLast() else { return false }
      v = target[last ^ 1]
      next[v] += 1
    }
    let flow = path.map { capacity[$0] }.min() ?? 0
    for e in path {
      capacity[e] -= flow
      capacity[e ^ 1] += flow
    }
    return true
  }
}
