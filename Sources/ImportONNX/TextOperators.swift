import ConverterCore
import Graph

/// Counting of n-grams of numbers.
enum TextOperators {
  static let table: [String: ONNXOperator] = ["TfIdfVectorizer": tfIdfVectorizer]

  private static let comparisonLimit = 1 << 26
  /// Positions of n-grams' numbers that are compared apart.
  private static let partLimit = 1 << 12

  /// How often each n-gram of a pool occurs in the rows of X [length] or [batch, length], with up to max_skip_count numbers left out
  /// between the numbers of an n-gram. The pool has the 1-grams first, then the 2-grams, ...; ngram_counts are where each kind starts,
  /// ngram_indexes the columns of the result.
  private static func tfIdfVectorizer(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0)
    try node.refuse(node.has("pool_strings"), "its pool holds strings; the engine computes with numbers only")
    let mode = try node.choice("mode", "TF", "IDF", "TFIDF")
    let pool = try node.ints("pool_int64s"), starts = try node.ints("ngram_counts"), columns = try node.ints("ngram_indexes")
    let shortest = try node.int("min_gram_length"), longest = try node.int("max_gram_length"), skips = try node.int("max_skip_count")
    let weights = try node.optionalFloats("weights") ?? [Float](repeating: 1, count: columns.count)
    guard let dims = graph.dims(of: x), dims.count == 1 || dims.count == 2, let length = dims.last, length >= 0 else {
      throw EngineError(.inferError, "the length of \(x) must be known; give the model's input shapes (--inputShape)")
    }
    let ends = Array(starts.dropFirst()) + [pool.count]
    guard shortest >= 1, longest >= shortest, longest <= starts.count, skips >= 0, weights.count == columns.count,
      zip(starts, ends).allSatisfy({ $0 >= 0 && $0 <= $1 }),
      columns.allSatisfy({ $0 >= 0 && $0 < 1 << 22 }), Set(columns).count == columns.count
    else { throw EngineError(.formatError, "its pool, the lengths of n-grams, their columns and weights do not fit together") }

    let rows = try graph.reshape(f.int(x), [-1, length])
    var counts = [Tensor](), counted = [Int]()
    var id = 0, parts = 0
    for n in 1...starts.count {
      let grams = (ends[n - 1] - starts[n - 1]) / n
      defer { id += grams }
      if n < shortest || n > longest || grams == 0 { continue }
      guard id + grams <= columns.count else { throw EngineError(.formatError, "ngram_indexes has no entry for some n-grams") }
      try node.refuse(grams * max(1, length) > comparisonLimit, "\(grams) n-grams in rows of \(length) numbers are too many to be compared")
      var sum: Tensor?
      for distance in 1...(n == 1 ? 1 : min(skips, length) + 1) {
        let places = length - distance * (n - 1)
        if places <= 0 { break }
        parts += n
        try node.refuse(parts > partLimit, "its n-grams of up to \(longest) numbers with \(skips) left out are too many to be compared")
        var hits: Tensor?
        for k in 0..<n {
          let numbers = graph.constant(ints: (0..<grams).map { pool[starts[n - 1] + $0 * n + k] }, dims: [1, 1, grams])
          let part = try f.slice(rows, axis: 1, from: k * distance, to: k * distance + places)
          let hit = try f.equal(f.unsqueeze(part, [2]), numbers)
          hits = try hits.map { t throws(EngineError) in try graph.add1(.logicalAnd, [:], [t, hit]) } ?? hit
        }
        guard let hits else { break }
        let found = try f.reduce(f.float(hits), ReduceNumber.sum, [1], keep: false)
        sum = try sum.map { t throws(EngineError) in try f.add(t, found) } ?? found
      }
      guard let sum else { continue }
      counts.append(sum)
      counted += id..<(id + grams)
    }
    try node.refuse(counts.isEmpty, "no n-gram of its pool fits into rows of \(length) numbers")
    var values = try f.concat(counts, 1)
    if mode == "IDF" { values = try f.float(f.greater(values, f.scalar(Float(0)))) }
    if mode != "TF" {
      // By their columns, as the reference implementation has them; the definition's text says by their place in the pool.
      let factors = counted.map { columns[$0] < weights.count ? weights[columns[$0]] : 0 }
      values = try f.mul(values, graph.constant(floats: factors, dims: [1, counted.count]))
    }
    // A column of zeros for what is not counted.
    let size = (columns.max() ?? 0) + 1
    var order = [Int](repeating: counted.count, count: size)
    for (place, id) in counted.enumerated() { order[columns[id]] = place }
    if order != Array(0..<counted.count) { values = try f.gather(f.pad(values, [[0, 0], [0, 1]]), f.list(order), axis: 1) }
    return [dims.count == 1 ? try graph.reshape(values, [size]) : values]
  }
}
