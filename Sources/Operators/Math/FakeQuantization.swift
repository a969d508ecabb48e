import Graph
import System

// FakeQuantWithMinMaxVars, FakeQuantWithMinMaxVarsPerChannel. Attributes: 0 num_bits: int, 2 to 16; 1 narrow_range: bool, false.
// Inputs: x, smallest and largest value, all float32; one value each, or one for each entry of the last axis.

/// TensorFlow's fake quantisation, float32: x rounded to the 2^num_bits values (one less with narrow_range) of a grid over the
/// range, which is nudged so that 0 is one of them. A range of 0 to 0 gives 0; a range that is no range gives NaN.
final class FakeQuantizationOperator: Operator {
  private let steps: Float, first: Float
  private var channels = 1

  override init(_ node: Node) throws(EngineError) {
    let bits = node.attributes.int(0, 0)
    first = node.attributes.bool(1, false) ? 1 : 0
    steps = (2...16).contains(bits) ? Float(1 << bits - 1) : 0
    try super.init(node)
    if steps == 0 { throw EngineError(.parameterInvalid, "num_bits is \(bits); 2 to 16 are accepted") }
    try requireInputs(3...3)
    try requireOutputs(1...1)
    for i in 0..<3 { try requireType(i, .float32) }
  }

  override func infer() throws(EngineError) {
    channels = 1
    if node.kind == .fakeQuantWithMinMaxVarsPerChannel {
      try requireRank(0, 1...Shape.maximumRank)
      channels = inputs[0].shape[inputs[0].shape.rank - 1]
    }
    if inputs[1].count != channels || inputs[2].count != channels {
      throw EngineError(
        .inferError, "the range (\(inputs[1])) and (\(inputs[2])) must have \(channels) elements each")
    }
    try setOutput(0, .float32, inputs[0].shape.dims)
  }

  override var inPlaceInputs: [Int] { [0] }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    let rows = outputs[0].count / channels, x = inputs[0].floats, y = outputs[0].floats
    for c in 0..<channels {
      let low = inputs[1].floats[c], high = inputs[2].floats[c]
      let step = (high - low) / (steps - first), inverse = 1 / step
      let zero = first - low / step
      let nudged = zero < first ? first : zero > steps ? steps : zero.rounded()
      let least = (first - nudged) * step, greatest = (steps - nudged) * step
      let origin = (0.5 - least * inverse).rounded(.down)
      let isEmpty = low == 0 && high == 0
      for i in 0..<rows {
        let at = i * channels + c
        let v = x[at] > greatest ? greatest : x[at] < least ? least : x[at]
        y[at] = isEmpty ? 0 : ((v - least) * inverse - origin + 0.5).rounded(.down) * step
      }
    }
  }
}
