import CSystem
import Graph

// CustomPredict. Attributes: 0 output_num: int; 1 weight_threshold: float, 0. Inputs: numbers, int32; keys [k] int32, ascending;
// labels [k, items] int32; weights [k, items] float32.

/// Every number that is a key votes for the labels of its row with their weights over the count of numbers. The output_num labels
/// (int32) with the greatest sums, greatest first, and the sums (float32); -1 and 0 where a sum is less than the threshold or
/// there are no more labels. Equal sums keep the order in which their labels came.
final class TextVotesOperator: Operator {
  private let results: Int
  private let threshold: Float
  private var distinct = 0, tableSize = 0

  override init(_ node: Node) throws(EngineError) {
    results = node.attributes.int(0, 0)
    threshold = node.attributes.float(1, 0)
    try super.init(node)
    if results < 0 || results > 1 << 24 {
      throw EngineError(.parameterInvalid, "output_num is \(results); 0 to \(1 << 24) are accepted")
    }
    try requireInputs(4...4)
    try requireOutputs(2...2)
    for i in 0..<3 { try requireType(i, .int32) }
    try requireType(3, .float32)
  }

  override func infer() throws(EngineError) {
    try requireRank(2, 2...2)
    guard inputs[3].count == inputs[2].count && inputs[1].count <= inputs[2].shape[0] && inputs[2].count < 1 << 28 else {
      throw EngineError(
        .inferError,
        "labels (\(inputs[2])) and weights (\(inputs[3])) must have the same shape, one row for each key (\(inputs[1]))")
    }
    try setOutput(0, .int32, [results])
    try setOutput(1, .float32, [results])
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    // There are no more different labels than entries that the numbers can reach.
    let (reached, overflow) = inputs[0].count.multipliedReportingOverflow(by: inputs[2].shape[1])
    distinct = overflow ? inputs[2].count : min(reached, inputs[2].count)
    tableSize = 16
    while tableSize < 2 * distinct { tableSize *= 2 }
    workspaceBytes = (3 * distinct + tableSize) * 4
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let found = outputs[0].data?.assumingMemoryBound(to: Int32.self), sums = outputs[1].data?.assumingMemoryBound(to: Float.self)
    guard results > 0, let found, let sums else { return }
    let total = scratch(context)
    let label = UnsafeMutableRawPointer(total + distinct).assumingMemoryBound(to: Int32.self)
    let order = label + distinct, table = order + distinct
    for i in 0..<tableSize { table[i] = -1 }
    let count = distinct > 0 ? vote(total, label, table) : 0
    let best = min(results, count)
    if best > 0 {
      selectBest(NumberList(total), start: 0, stride: 1, n: count, k: best, smallest: false, into: order)
    }
    for i in 0..<results {
      let isWinner = i < best && !(total[Int(order[i])] < threshold)
      found[i] = isWinner ? label[Int(order[i])] : -1
      sums[i] = isWinner ? total[Int(order[i])] : 0
    }
  }

  /// Sums the votes by label, through an open hash table; returns the number of labels.
  private func vote(
    _ total: UnsafeMutablePointer<Float>, _ label: UnsafeMutablePointer<Int32>, _ table: UnsafeMutablePointer<Int32>
  ) -> Int {
    let numbers = inputs[0].pointer(Int32.self), n = inputs[0].count, items = inputs[2].shape[1], keyCount = inputs[1].count
    if keyCount == 0 { return 0 }
    let keys = inputs[1].pointer(Int32.self), labels = inputs[2].pointer(Int32.self), weights = inputs[3].floats
    var count = 0
    for i in 0..<n {
      let row = lowerBound(keys, keyCount, numbers[i])
      if row == keyCount || keys[row] != numbers[i] { continue }
      for at in row * items..<(row + 1) * items {
        var slot = Int(truncatingIfNeeded: UInt32(bitPattern: labels[at]) &* 0x9e37_79b1) & (tableSize - 1)
        while table[slot] >= 0 && label[Int(table[slot])] != labels[at] { slot = (slot + 1) & (tableSize - 1) }
        if table[slot] < 0 {
          table[slot] = Int32(truncatingIfNeeded: count)
          (label[count], total[count]) = (labels[at], 0)
          count += 1
        }
        total[Int(table[slot])] += weights[at] / Float(n)
      }
    }
    return count
  }
}
