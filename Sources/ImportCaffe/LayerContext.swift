import ConverterCore
import Graph

/// What the import of one layer works with.
struct LayerContext {
  let b: GraphBuilder
  let layer: CaffeLayer
  private let bottoms: [Tensor]
  private let weights: WeightTable

  init(_ b: GraphBuilder, _ layer: CaffeLayer, _ bottoms: [Tensor], _ weights: WeightTable) {
    self.b = b
    self.layer = layer
    self.bottoms = bottoms
    self.weights = weights
  }

  var parameters: Caffe_LayerParameter { layer.parameters }
  var bottomCount: Int { bottoms.count }

  /// The layer's inputs. Caffe's blobs are all of real numbers; those that an operator here makes as integers become real when a
  /// layer reads them.
  func inputs(_ accepted: ClosedRange<Int>) throws(EngineError) -> [Tensor] {
    guard accepted.contains(bottoms.count) else {
      let wanted = accepted.count == 1 ? "\(accepted.lowerBound)" : "\(accepted.lowerBound) or more"
      throw EngineError(.notSupported, "has \(bottoms.count) bottoms; \(wanted) can be converted")
    }
    var list = [Tensor]()
    for x in bottoms {
      list.append(x.type == .int32 ? try b.add1(.cast, [:], [x, b.constant(ints: [Int(DataType.float32.rawValue)], dims: [])]) : x)
    }
    return list
  }

  /// The one input of most layers.
  func input() throws(EngineError) -> Tensor { try inputs(1...1)[0] }

  /// The layer's weights, as many as it needs.
  func blobs(_ count: Int) throws(EngineError) -> [WeightBlob] {
    guard let list = weights[layer.name] else {
      throw EngineError(.graphFileError, "the weight file has no weights for a layer of this name; \(count) blobs are needed")
    }
    guard list.count >= count else {
      throw EngineError(.graphFileError, "the weight file has \(list.count) blobs for this layer; \(count) are needed")
    }
    return list
  }

  /// Blob `index` of `count` as a constant of the given shape. Files from before blobs had any number of dimensions have ones in front.
  func weight(_ index: Int, of count: Int, _ what: String, _ dims: [Int]) throws(EngineError) -> Tensor {
    let blob = try blobs(count)[index]
    guard blob.dims.drop(while: { $0 == 1 }).elementsEqual(dims.drop(while: { $0 == 1 })) else {
      throw EngineError(.graphFileError, "the \(what) has the shape \(Shape(blob.dims)) in the weight file; \(Shape(dims)) is needed")
    }
    return try blob.constant(b, "\(layer.name).\(what)", dims)
  }

  /// A number from the file as an Int with a sensible limit, so that arithmetic on it cannot overflow.
  func size(_ value: UInt32, _ what: String) throws(EngineError) -> Int {
    guard value <= 1 << 20 else { throw EngineError(.formatError, "\(what) \(value) is too large; at most \(1 << 20) is accepted") }
    return Int(value)
  }

  /// The same for a number that must not be 0.
  func positive(_ value: UInt32, _ what: String) throws(EngineError) -> Int {
    if value == 0 { throw EngineError(.formatError, "\(what) is 0 or missing") }
    return try size(value, what)
  }

  // MARK: arithmetic with numbers

  func number(_ value: Float) -> Tensor { b.constant(floats: [value], dims: []) }

  /// scale * x + shift.
  func affine(_ x: Tensor, scale: Float, shift: Float) throws(EngineError) -> Tensor {
    var y = x
    if scale != 1 { y = try b.add1(.mulFusion, [:], [y, number(scale)]) }
    if shift != 0 { y = try b.add1(.addFusion, [:], [y, number(shift)]) }
    return y
  }

  /// base ^ exponent, the exponent being one number for all.
  func power(_ x: Tensor, _ exponent: Float) throws(EngineError) -> Tensor {
    if exponent == 1 { return x }
    return try b.add1(.powFusion, ["scale": 1.0, "shift": 0.0], [x, number(exponent)])
  }

  /// Sum or mean over some axes, which stay as ones.
  func reduce(_ x: Tensor, _ mode: Int, _ axes: [Int]) throws(EngineError) -> Tensor {
    try b.add1(.reduceFusion, ["keep_dims": true, "mode": .number(mode)], [x, b.constant(ints: axes)])
  }

  /// Runs `body` on x with axis 1, the channels, as its last axis. Images take the way that the layout pass knows.
  func channelsLast(_ x: Tensor, _ body: (Tensor) throws(EngineError) -> Tensor) throws(EngineError) -> Tensor {
    let rank = try b.rank(of: x)
    if rank == 4 { return try b.nchw(try body(try b.nhwc(x))) }
    if rank <= 2 { return try body(x) }
    let last = [0] + Array(2..<rank) + [1]
    let first = [0, rank - 1] + Array(1..<rank - 1)
    return try b.transpose(try body(try b.transpose(x, last)), first)
  }
}

/// ReduceMode numbers of the format.
enum Reduction {
  static let mean = 0, sum = 4, sumSquare = 5, absSum = 6
}
