import Graph
import System

// Attributes: 0 type: LshProjectionType, 1 (SPARSE) or 2 (DENSE). Inputs: seeds [hashes, bits] float32, at most 32 bits; features,
// int32; [weights of the features, float32].

/// Locality-sensitive hashing. A bit is set when the weighted sum of the 64-bit hashes (as signed numbers) of the pairs (seed,
/// feature) is positive. SPARSE gives for hash i the bits, first one highest, as a number, plus i * 2^bits; DENSE gives all bits.
final class LshProjectionOperator: Operator {
  private let isSparse: Bool

  override init(_ node: Node) throws(EngineError) {
    let type = node.attributes.int(0, 0)
    isSparse = type == 1
    try super.init(node)
    if type != 1 && type != 2 { throw EngineError(.notSupported, "projection type \(type); 1 (SPARSE) and 2 (DENSE) are accepted") }
    try requireInputs(2...3)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    try requireType(1, .int32)
    if inputs.count == 3 { try requireType(2, .float32) }
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 2...2)
    let seeds = inputs[0].shape
    if seeds[1] > 32 { throw EngineError(.inferError, "input 0 (\(inputs[0])) must have at most 32 bits for each hash") }
    if inputs.count == 3 && inputs[2].count != inputs[1].count {
      throw EngineError(.inferError, "the weights (\(inputs[2])) must be as many as the features (\(inputs[1]))")
    }
    try setOutput(0, .int32, [isSparse ? seeds[0] : inputs[0].count])
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let seeds = inputs[0].shape
    guard outputs[0].count > 0, let y = outputs[0].data else { return }
    func floats(_ i: Int) -> UnsafePointer<Float>? {
      i < inputs.count ? inputs[i].data.map { UnsafePointer($0.assumingMemoryBound(to: Float.self)) } : nil
    }
    context.parallel(
      seeds[0],
      Job(
        seeds: floats(0), features: inputs[1].data.map { UnsafePointer($0.assumingMemoryBound(to: Int32.self)) },
        weights: floats(2), y: y.assumingMemoryBound(to: Int32.self), bits: seeds[1], n: inputs[1].count, isSparse: isSparse))
  }

  /// One hash.
  private struct Job: ParallelJob {
    let seeds: UnsafePointer<Float>?
    let features: UnsafePointer<Int32>?
    let weights: UnsafePointer<Float>?
    let y: UnsafeMutablePointer<Int32>
    let bits: Int, n: Int
    let isSparse: Bool

    func isSet(_ seed: Float) -> Bool {
      guard let features else { return false }
      var score = 0.0
      for i in 0..<n {
        var key = UInt64(UInt32(bitPattern: features[i])) << 32 | UInt64(seed.bitPattern)
        let hash = withUnsafeBytes(of: &key) { Int64(bitPattern: StringHash.of($0)) }
        score += weights.map { Double($0[i]) * Double(hash) } ?? Double(hash)
      }
      return score > 0
    }

    func run(_ index: Int, worker: Int) {
      var number: Int32 = 0
      for j in 0..<bits {
        let bit: Int32 = seeds.map { isSet($0[index * bits + j]) } == true ? 1 : 0
        if isSparse { number = number << 1 | bit } else { y[index * bits + j] = bit }
      }
      if isSparse { y[index] = number &+ Int32(truncatingIfNeeded: index) << Int32(bits) }
    }
  }
}
