import ConverterCore
import Graph

/// Operators on images: scaling, crops, blocks of pixels, selection of boxes.
enum ImageOperators {
  static let table: [String: TensorFlowOperator] = [
    "ResizeBilinear": { n throws(EngineError) in [try resize(n, method: 0)] },
    "ResizeBicubic": { n throws(EngineError) in [try resize(n, method: 2)] },
    "ResizeNearestNeighbor": nearest,
    "CropAndResize": cropAndResize,
    "SpaceToBatchND": { n throws(EngineError) in [try blocks(n, .spaceToBatchND)] },
    "BatchToSpaceND": { n throws(EngineError) in [try blocks(n, .batchToSpace)] },
    "SpaceToBatch": { n throws(EngineError) in [try squareBlocks(n, .spaceToBatchND)] },
    "BatchToSpace": { n throws(EngineError) in [try squareBlocks(n, .batchToSpace)] },
    "SpaceToDepth": { n throws(EngineError) in [try depth(n, .spaceToDepth)] },
    "DepthToSpace": { n throws(EngineError) in [try depth(n, .depthToSpace)] },
    "NonMaxSuppression": { n throws(EngineError) in
      [try selected(n, overlap: n.graph.constant(floats: [n.float("iou_threshold", 0.5)], dims: []), score: nil)]
    },
    "NonMaxSuppressionV2": { n throws(EngineError) in [try selected(n, overlap: n.input(3), score: nil)] },
    "NonMaxSuppressionV3": { n throws(EngineError) in [try selected(n, overlap: n.input(3), score: n.input(4))] },
    "NonMaxSuppressionV4": { n throws(EngineError) in
      let indices = try selected(n, overlap: n.input(3), score: n.input(4))
      let (padded, count) = try counted(n, indices)
      return [padded, count]
    },
    "NonMaxSuppressionV5": { n throws(EngineError) in
      let sigma = n.count > 5 ? try n.number(5, "the sigma") : 0
      guard sigma == 0 else {
        throw EngineError(.notSupported, "scores that fall with the overlap (soft_nms_sigma other than 0) are not supported")
      }
      let indices = try selected(n, overlap: n.input(3), score: n.input(4))
      let scores = try n.graph.add1(.gather, [:], [n.input(1), indices, n.graph.constant(ints: [0], dims: [])])
      if try n.bool("pad_to_max_output_size") { throw EngineError(.notSupported, "attribute \"pad_to_max_output_size\" must be false here") }
      return [indices, scores, try counted(n, indices).1]
    },
  ]

  // MARK: scaling

  /// Numbers of the format's CoordinateTransformMode.
  private static func coordinates(_ n: TensorFlowNode) throws(EngineError) -> Int {
    let (corners, half) = (try n.bool("align_corners"), try n.bool("half_pixel_centers"))
    if corners && half { throw EngineError(.formatError, "attributes \"align_corners\" and \"half_pixel_centers\" are both set") }
    return corners ? 1 : half ? 2 : 0
  }

  /// The node with the size as attributes where it is constant, else as its second operand.
  private static func resize(
    _ n: TensorFlowNode, method: Int, mode: Int? = nil, coefficient: Double = 0
  ) throws(EngineError) -> Tensor {
    let x = try ElementwiseOperators.cast(n, n.input(0), to: method == 1 ? n.input(0).type : .float32)
    var coordinates = mode ?? 0
    if mode == nil { coordinates = try self.coordinates(n) }
    var attributes: [String: AttributeValue] = [
      "format": 1, "method": .number(method), "coordinate_transform_mode": .number(coordinates), "nearest_mode": 0,
      "cubic_coeff": .float(coordinates == 2 ? -0.5 : -0.75), "exclude_outside": .number(coordinates == 2 ? 1 : 0),
    ]
    let size = try n.input(1)
    guard size.isConstant else { return try n.graph.add1(.resize, attributes, [x, size]) }
    let (h, w) = try self.size(n)
    if method == 2, coordinates == 2 { return try cubic(n, x, h, w) }
    attributes["new_height"] = .number(h)
    attributes["new_width"] = .number(w)
    return try n.graph.add1(.resize, attributes, [x])
  }

  private static func size(_ n: TensorFlowNode) throws(EngineError) -> (Int, Int) {
    let values = try n.integers(1, "the size")
    guard values.count == 2, values[0] > 0, values[1] > 0, values[0] < 1 << 20, values[1] < 1 << 20 else {
      throw EngineError(.inferError, "the size must be two positive numbers, it is \(Shape(values))")
    }
    return (values[0], values[1])
  }

  /// Cubic interpolation with half pixel centres: taps outside the image do not count, which the format's operator cannot say.
  /// Rows and columns are scaled by a matrix each.
  private static func cubic(_ n: TensorFlowNode, _ x: Tensor, _ h: Int, _ w: Int) throws(EngineError) -> Tensor {
    let dims = try n.graph.knownDims(of: x)
    guard dims.count == 4, dims[1] > 0, dims[2] > 0, dims[1] * h < 1 << 24, dims[2] * w < 1 << 24 else {
      throw EngineError(.inferError, "the image (\(x)) cannot be scaled to \(h) x \(w)")
    }
    let g = n.graph
    let rows = g.constant(floats: cubicWeights(dims[1], h), dims: [h, dims[1]])
    let columns = g.constant(floats: cubicWeights(dims[2], w), dims: [w, dims[2]])
    let scaled = try g.add1(
      .matMulFusion, [:], [rows, g.reshape(x, [dims[0], dims[1], dims[2] * dims[3]])])
    let wide = try g.add1(.matMulFusion, [:], [columns, g.reshape(scaled, [dims[0], h, dims[2], dims[3]])])
    return wide
  }

  /// Keys' kernel (a = -0.5) for each of `out` positions over `size` entries, in steps of 1/1024 as TensorFlow's table has them.
  private static func cubicWeights(_ size: Int, _ out: Int) -> [Float] {
    var weights = [Float](repeating: 0, count: size * out)
    let scale = Float(size) / Float(out)
    func kernel(_ t: Float) -> Float {
      let a: Float = -0.5
      return t <= 1 ? ((a + 2) * t - (a + 3)) * t * t + 1 : ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    }
    for i in 0..<out {
      let position = (Float(i) + 0.5) * scale - 0.5
      let low = position.rounded(.down)
      let offset = ((position - low) * 1024).rounded(.toNearestOrEven) / 1024
      var sum: Float = 0
      for tap in -1...2 {
        let source = Int(low) + tap
        if source >= 0 && source < size { sum += kernel(abs(Float(tap) - offset)) }
      }
      for tap in -1...2 {
        let source = Int(low) + tap
        if source >= 0 && source < size { weights[i * size + source] += kernel(abs(Float(tap) - offset)) / sum }
      }
    }
    return weights
  }

  /// With half pixel centres TensorFlow takes entry floor((i + 0.5) * scale), which is none of the format's modes: the entries are
  /// then gathered, unless the plain mode takes the same ones.
  private static func nearest(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    guard try coordinates(n) == 2 else { return [try resize(n, method: 1)] }
    let x = try n.input(0)
    let (h, w) = try size(n)
    let dims = try n.graph.knownDims(of: x)
    guard dims.count == 4 else { throw EngineError(.inferError, "the image (\(x)) must have 4 dimensions") }
    func entries(_ size: Int, _ out: Int) -> [Int] {
      (0..<out).map { min(Int((Float($0) + 0.5) * (Float(size) / Float(out))), size - 1) }
    }
    let (rows, columns) = (entries(dims[1], h), entries(dims[2], w))
    func isPlain(_ list: [Int], _ size: Int) -> Bool { list == list.indices.map { $0 * size / list.count } }
    if isPlain(rows, dims[1]) && isPlain(columns, dims[2]) { return [try resize(n, method: 1, mode: 0)] }
    let g = n.graph
    let tall = try g.add1(.gather, [:], [x, g.constant(ints: rows), g.constant(ints: [1], dims: [])])
    return [try g.add1(.gather, [:], [tall, g.constant(ints: columns), g.constant(ints: [2], dims: [])])]
  }

  private static func cropAndResize(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let method = try n.choice("method", ["bilinear", "nearest"]) == "nearest" ? 1 : 0
    let attributes: [String: AttributeValue] = [
      "method": .number(method), "extrapolation_value": .float(Double(try n.float("extrapolation_value", 0))),
    ]
    let image = try ElementwiseOperators.cast(n, n.input(0), to: .float32)
    return [try n.graph.add1(.cropAndResize, attributes, [image, n.input(1), n.input(2), n.input(3)])]
  }

  // MARK: blocks

  /// x, block sizes, paddings or crops. The format has blocks of rows and columns of images: a sequence is an image of one row.
  private static func blocks(_ n: TensorFlowNode, _ kind: OperatorKind) throws(EngineError) -> Tensor {
    let sizes = try n.integers(1, "the block sizes")
    let edges = try n.integers(2, "the edges")
    guard edges.count == 2 * sizes.count else { throw EngineError(.inferError, "\(edges.count) edges for \(sizes.count) block sizes") }
    let pairs = sizes.indices.map { [edges[2 * $0], edges[2 * $0 + 1]] }
    let x = try n.input(0)
    let rank = try n.graph.rank(of: x)
    switch (rank, sizes.count) {
    case (4, 2): return try blocks(n, kind, x, sizes, pairs)
    case (4, 1): return try blocks(n, kind, x, [sizes[0], 1], [pairs[0], [0, 0]])
    case (3, 1):
      let wide = try n.graph.add1(.expandDims, [:], [x, n.graph.constant(ints: [1], dims: [])])
      let moved = try blocks(n, kind, wide, [1, sizes[0]], [[0, 0], pairs[0]])
      return try n.graph.add1(.squeeze, ["axis": [1]], [moved])
    case (3, 2):
      let deep = try n.graph.add1(.expandDims, [:], [x, n.graph.constant(ints: [3], dims: [])])
      return try n.graph.add1(.squeeze, ["axis": [3]], [blocks(n, kind, deep, sizes, pairs)])
    default: throw EngineError(.notSupported, "\(sizes.count) block sizes for \(rank) dimensions; there can be 2 for images, 1 for sequences")
    }
  }

  private static func blocks(
    _ n: TensorFlowNode, _ kind: OperatorKind, _ x: Tensor, _ sizes: [Int], _ edges: [[Int]]
  ) throws(EngineError) -> Tensor {
    if kind == .batchToSpace { return try n.graph.add1(kind, ["block_size": .list(sizes), "crops": .rows(edges)], [x]) }
    return try n.graph.add1(kind, ["block_shape": .list(sizes), "paddings": .rows(edges)], [x])
  }

  private static func squareBlocks(_ n: TensorFlowNode, _ kind: OperatorKind) throws(EngineError) -> Tensor {
    let (size, edges) = (try n.int("block_size", 0), try n.integers(1, "the edges"))
    guard edges.count == 4 else { throw EngineError(.inferError, "there are \(edges.count) edges; 4 are needed") }
    return try blocks(n, kind, n.input(0), [size, size], [[edges[0], edges[1]], [edges[2], edges[3]]])
  }

  private static func depth(_ n: TensorFlowNode, _ kind: OperatorKind) throws(EngineError) -> Tensor {
    let attributes: [String: AttributeValue] = ["block_size": .number(try n.int("block_size", 0)), "format": 1]
    return try ConvolutionOperators.image(n, n.input(0)) { (x) throws(EngineError) in try n.graph.add1(kind, attributes, [x]) }
  }

  // MARK: boxes

  /// The numbers of the boxes that stay, best first. The format gives rows of batch, class and number.
  private static func selected(_ n: TensorFlowNode, overlap: Tensor, score: Tensor?) throws(EngineError) -> Tensor {
    let g = n.graph
    let zero = g.constant(ints: [0], dims: [])
    let boxes = try g.add1(.expandDims, [:], [n.input(0), zero])
    let scores = try g.add1(.unsqueeze, ["axis": [0, 1]], [n.input(1)])
    let least = score ?? g.constant(floats: [-.greatestFiniteMagnitude], dims: [])
    let rows = try g.add1(.nonMaxSuppression, ["center_point_box": 0], [boxes, scores, n.input(2), overlap, least])
    g.declare(rows, [-1, 3], type: .int32)
    return try g.add1(.gather, [:], [rows, g.constant(ints: [2], dims: []), g.constant(ints: [1], dims: [])])
  }

  /// The list, with zeros up to the greatest number where the node asks for it, and how many entries count.
  private static func counted(_ n: TensorFlowNode, _ indices: Tensor) throws(EngineError) -> (Tensor, Tensor) {
    let g = n.graph
    let count = try g.add1(.size, [:], [indices])
    guard try n.bool("pad_to_max_output_size") else { return (indices, count) }
    let missing = try g.add1(.subFusion, [:], [n.input(2), count])
    let paddings = try g.add1(.stack, ["axis": 0], [g.constant(ints: [0], dims: []), g.reshape(missing, [])])
    let padded = try g.add1(
      .padFusion, ["padding_mode": 0, "constant_value": 0.0], [indices, g.reshape(paddings, [1, 2])])
    return (padded, count)
  }
}
