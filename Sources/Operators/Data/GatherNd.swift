import CSystem
import Graph
import System

// Attributes: none. Inputs: x, indices (int32 or int64).

/// The elements or slices of x that the rows of the indices name. A row that lies outside x is an error (the original reads
/// whatever memory it points to).
final class GatherNdOperator: Operator {
  private var coordinates = Coordinates()

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(2...2)
    try requireOutputs(1...1)
    try requireFixedSize(0)
    try requireIndices(1)
  }

  override func infer() throws(EngineError) {
    let (shape, indices) = (inputs[0].shape, inputs[1].shape)
    coordinates = try Coordinates(inputs[1], into: shape)
    try setOutput(0, inputs[0].type, [Int](indices.dims[..<(indices.rank - 1)]) + shape.dims[coordinates.depth...])
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard outputs[0].count > 0, let y = outputs[0].data else { return }
    let bytes = coordinates.inner * outputs[0].type.size
    guard coordinates.depth > 0 else {
      // Rows without entries name the whole tensor.
      guard let x = inputs[0].data else { return }
      var row = 0
      while row < coordinates.rows {
        memcpy(y + row * bytes, x, bytes)
        row += 1
      }
      return
    }
    guard inputs[1].data != nil else { return }
    let indices = IndexList(inputs[1])
    try coordinates.check(indices, inputs[0].shape)
    guard let x = inputs[0].data else { return }
    let grain = max(1, 32768 / bytes)
    context.parallel(
      (coordinates.rows + grain - 1) / grain,
      Job(x: UnsafeRawPointer(x), y: y, indices: indices, coordinates: coordinates, bytes: bytes, grain: grain))
  }

  private struct Job: ParallelJob {
    let x: UnsafeRawPointer, y: UnsafeMutableRawPointer
    let indices: IndexList
    let coordinates: Coordinates
    let bytes: Int, grain: Int
    func run(_ index: Int, worker: Int) {
      var row = index * grain
      let end = min(coordinates.rows, row + grain)
      let size = bytes / coordinates.inner
      while row < end {
        memcpy(y + row * bytes, x + (coordinates.offset(indices, row) ?? 0) * size, bytes)
        row += 1
      }
    }
  }
}
