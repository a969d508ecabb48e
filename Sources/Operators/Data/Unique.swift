import CSystem
import Graph

// Attributes: none. Outputs: the values, and for each input element its position among them (int32).

/// The different values in the order in which they first appear. The number of values is known when the input's value is.
final class UniqueOperator: Operator {
  /// The element at which each value appears first, and each element's value.
  private var firsts: [Int32] = []
  private var inverse: [Int32] = []

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(2...2)
    try requireType(0, .float32, .float16, .int32, .int64, .int8, .uint8)
  }

  override func infer() throws(EngineError) {
    let input = inputs[0]
    guard input.hasKnownValue else { throw EngineError.deferred }
    let n = input.count
    if n > 1 << 30 { throw EngineError(.inferError, "input 0 (\(input)) has too many elements") }
    firsts = []
    inverse = [Int32](repeating: 0, count: n)
    if n > 0 { collect(NumberList(input), n) }
    try setOutput(0, input.type, [firsts.count])
    try setOutput(1, .int32, input.shape.dims)
  }

  /// Fills `firsts` and `inverse` through an open hash table of at least twice the element count.
  private func collect(_ values: NumberList, _ n: Int) {
    var size = 16
    while size < 2 * n { size *= 2 }
    var table = [Int32](repeating: -1, count: size)
    var i = 0
    while i < n {
      let v = values[i]
      // Zeros of both signs are equal; NaN equals nothing, so every one is a value of its own.
      var slot = Int(truncatingIfNeeded: ((v == 0 ? 0 : v.bitPattern) &* 0x9e37_79b9_7f4a_7c15) >> 24) & (size - 1)
      while table[slot] >= 0 && values[Int(firsts[Int(table[slot])])] != v { slot = (slot + 1) & (size - 1) }
      if table[slot] < 0 {
        table[slot] = Int32(truncatingIfNeeded: firsts.count)
        firsts.append(Int32(truncatingIfNeeded: i))
      }
      inverse[i] = table[slot]
      i += 1
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard let x = inputs[0].data, let y = outputs[0].data, let positions = outputs[1].data else { return }
    let copy = ElementCopy(x: UnsafeRawPointer(x), y: y, size: inputs[0].type.size)
    var i = 0
    while i < firsts.count {
      copy(Int(firsts[i]), i)
      i += 1
    }
    inverse.withUnsafeBytes { if let p = $0.baseAddress { memcpy(positions, p, $0.count) } }
  }
}
