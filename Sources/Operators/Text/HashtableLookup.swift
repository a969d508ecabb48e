import Graph

// Attributes: none. Inputs: the keys looked for, int32; the table's keys, int32 in ascending order; the table's values, strings.

/// For each key the table's string, the empty one when the table has no such key; and whether it has (uint8).
final class HashtableLookupOperator: StringOperator {
  private var hits: [UInt8] = []

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(3...3)
    try requireOutputs(2...2)
    try requireType(0, .int32)
    try requireType(1, .int32)
    try requireType(2, .string)
  }

  override func collect() throws(EngineError) {
    let values = try StringTensor(inputs[2], input: 2)
    let rows = min(inputs[1].count, values.count), n = inputs[0].count
    hits = [UInt8](repeating: 0, count: n)
    try setOutput(1, .uint8, [n])
    for i in 0..<n {
      if rows > 0 {
        let wanted = inputs[0].pointer(Int32.self)[i], keys = inputs[1].pointer(Int32.self)
        let at = lowerBound(keys, rows, wanted)
        if at < rows && keys[at] == wanted {
          result.append(values[at])
          hits[i] = 1
        }
      }
      try result.endString()
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    try super.run(context)
    guard let y = outputs[1].data?.assumingMemoryBound(to: UInt8.self) else { return }
    for i in hits.indices { y[i] = hits[i] }
  }
}

/// The first of `n` ascending keys that is not less than `wanted`; n when all are.
func lowerBound(_ keys: UnsafePointer<Int32>, _ n: Int, _ wanted: Int32) -> Int {
  var (low, high) = (0, n)
  while low < high {
    let middle = (low + high) / 2
    if keys[middle] < wanted { low = middle + 1 } else { high = middle }
  }
  return low
}
