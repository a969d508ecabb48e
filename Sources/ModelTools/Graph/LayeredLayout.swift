/// Coordinates for a directed graph without circles, drawn from top to bottom, after Sugiyama: layers by longest path, order in the layers
/// by barycenters, then positions that pull every box towards its neighbours.
struct LayeredLayout {
  struct Edge {
    let from: Int
    let to: Int
  }

  /// Centre of each vertex, across.
  private(set) var x: [Double]
  /// Layer of each vertex, from the top.
  private(set) var layer: [Int]
  private(set) var layerCount = 0
  /// For each edge, the positions across at which it passes the layers between its ends.
  private(set) var bends: [[Double]]
  private(set) var width = 0.0

  /// `widths` of the vertices; vertices are in topological order (edges lead to larger numbers).
  init(widths: [Double], edges: [Edge], gap: Double) {
    let n = widths.count
    layer = LayeredLayout.layers(n, edges)
    layerCount = (layer.max() ?? -1) + 1
    x = [Double](repeating: 0, count: n)
    bends = [[Double]](repeating: [], count: edges.count)
    if n == 0 { return }
    var net = Network(widths: widths, layer: layer, layers: layerCount, gap: gap)
    var chains = [[Int]](repeating: [], count: edges.count)
    for (e, edge) in edges.enumerated() {
      // Edges over very many layers in a huge graph are drawn straight: bends would cost more than they help.
      let span = layer[edge.to] - layer[edge.from] - 1
      chains[e] = net.connect(edge.from, edge.to, span: net.count + span < LayeredLayout.maximumVertices ? span : 0)
    }
    net.order()
    net.place()
    let left = net.left
    for v in 0..<n { x[v] = net.x[v] - left }
    for e in 0..<edges.count { bends[e] = chains[e].map { net.x[$0] - left } }
    width = net.right - left
  }

  private static let maximumVertices = 20_000

  /// Longest path from the sources; a source stands just above its first reader.
  private static func layers(_ n: Int, _ edges: [Edge]) -> [Int] {
    var layer = [Int](repeating: 0, count: n)
    var outgoing = [[Int]](repeating: [], count: n)
    var hasIncoming = [Bool](repeating: false, count: n)
    for edge in edges {
      outgoing[edge.from].append(edge.to)
      hasIncoming[edge.to] = true
    }
    for v in 0..<n { for w in outgoing[v] { layer[w] = max(layer[w], layer[v] + 1) } }
    for v in 0..<n where !hasIncoming[v] {
      if let first = outgoing[v].map({ layer[$0] }).min() { layer[v] = max(first - 1, 0) }
    }
    return layer
  }

  /// The graph with a vertex of its own wherever an edge passes a layer.
  private struct Network {
    var width: [Double]
    var layer: [Int]
    var rows: [[Int]]
    var above: [[Int]]
    var below: [[Int]]
    var x: [Double]
    var position: [Int]
    let gap: Double
    let real: Int

    var count: Int { width.count }

    init(widths: [Double], layer: [Int], layers: Int, gap: Double) {
      width = widths
      self.layer = layer
      self.gap = gap
      real = widths.count
      rows = [[Int]](repeating: [], count: layers)
      above = [[Int]](repeating: [], count: widths.count)
      below = above
      x = [Double](repeating: 0, count: widths.count)
      position = [Int](repeating: 0, count: widths.count)
      for v in widths.indices { rows[layer[v]].append(v) }
    }

    /// The vertices between both ends.
    mutating func connect(_ from: Int, _ to: Int, span: Int) -> [Int] {
      var chain = [Int]()
      var last = from
      for step in 0..<max(span, 0) {
        let v = width.count
        width.append(8)
        layer.append(layer[from] + 1 + step)
        above.append([])
        below.append([])
        x.append(0)
        position.append(0)
        rows[layer[v]].append(v)
        join(last, v)
        chain.append(v)
        last = v
      }
      join(last, to)
      return chain
    }

    private mutating func join(_ a: Int, _ b: Int) {
      below[a].append(b)
      above[b].append(a)
    }

    mutating func order() {
      number()
      var best = rows
      var fewest = crossings()
      for sweep in 0..<12 where fewest > 0 {
        let down = sweep % 2 == 0
        for r in down ? Array(rows.indices) : Array(rows.indices.reversed()) { sort(r, by: down ? above : below) }
        let now = crossings()
        if now < fewest {
          fewest = now
          best = rows
        }
      }
      rows = best
      number()
    }

    private mutating func number() { for row in rows { for (i, v) in row.enumerated() { position[v] = i } } }

    private mutating func sort(_ r: Int, by neighbours: [[Int]]) {
      let keyed = rows[r].map { v -> (Double, Int, Int) in
        let near = neighbours[v]
        let centre = near.isEmpty ? Double(position[v]) : near.reduce(0) { $0 + Double(position[$1]) } / Double(near.count)
        return (centre, position[v], v)
      }
      rows[r] = keyed.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map { $0.2 }
      for (i, v) in rows[r].enumerated() { position[v] = i }
    }

    /// Crossings between neighbouring layers.
    private func crossings() -> Int {
      var total = 0
      for row in rows {
        var targets = [Int]()
        for v in row { targets += below[v].map { position[$0] }.sorted() }
        if targets.count > 2000 { continue }
        // Inversions, by insertion.
        var sorted = [Int]()
        for t in targets {
          var low = 0, high = sorted.count
          while low < high {
            let middle = (low + high) / 2
            if sorted[middle] <= t { low = middle + 1 } else { high = middle }
          }
          total += sorted.count - low
          sorted.insert(t, at: low)
        }
      }
      return total
    }

    mutating func place() {
      for row in rows {
        var at = 0.0
        for v in row {
          x[v] = at + width[v] / 2
          at += width[v] + gap
        }
        for v in row { x[v] -= at / 2 }
      }
      // Down and up alternately, then towards both sides at once until nothing moves any more.
      let sweeps = count > 5000 ? 24 : 120
      for sweep in 0..<sweeps {
        let down = sweep % 2 == 0
        for r in down ? Array(rows.indices) : Array(rows.indices.reversed()) { pull(r, both: sweep >= sweeps / 4, down) }
      }
    }

    /// How much an edge wants to be straight: long ones before the short ones that lead to boxes.
    private func stiffness(_ v: Int, _ w: Int) -> Double { v >= real && w >= real ? 8 : v >= real || w >= real ? 2 : 1 }

    /// Moves a row's vertices as near to their neighbours as their order allows: least squares under minimal distances.
    private mutating func pull(_ r: Int, both: Bool, _ down: Bool) {
      var blocks: [(sum: Double, weight: Double, count: Int)] = []
      var offsets = [Double]()
      var offset = 0.0
      for (i, v) in rows[r].enumerated() {
        if i > 0 { offset += (width[rows[r][i - 1]] + width[v]) / 2 + gap }
        offsets.append(offset)
        let near = both ? above[v] + below[v] : down ? above[v] : below[v]
        var weight = 0.05
        var wanted = x[v] * weight
        for w in near {
          let s = stiffness(v, w)
          wanted += x[w] * s
          weight += s
        }
        blocks.append((wanted - offset * weight, weight, 1))
        while blocks.count > 1, let b = blocks.last {
          let a = blocks[blocks.count - 2]
          if a.sum / a.weight <= b.sum / b.weight { break }
          blocks.removeLast(2)
          blocks.append((a.sum + b.sum, a.weight + b.weight, a.count + b.count))
        }
      }
      var i = 0
      for block in blocks {
        for _ in 0..<block.count {
          x[rows[r][i]] = block.sum / block.weight + offsets[i]
          i += 1
        }
      }
    }

    var left: Double { x.indices.reduce(Double.infinity) { min($0, x[$1] - width[$1] / 2) } }
    var right: Double { x.indices.reduce(-Double.infinity) { max($0, x[$1] + width[$1] / 2) } }
  }
}
