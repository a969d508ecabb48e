import ConverterCore
import Graph

/// Rearrangement and sampling of images, and random numbers.
enum NNImage {
  static let table: [String: ONNXOperator] = [
    "DepthToSpace": depthToSpace,
    "SpaceToDepth": spaceToDepth,
    "GridSample": gridSample, "AffineGrid": affineGrid, "Bernoulli": bernoulli,
    "RandomNormal": { node throws(EngineError) in [try random(node, isNormal: true, isLike: false)] },
    "RandomNormalLike": { node throws(EngineError) in [try random(node, isNormal: true, isLike: true)] },
    "RandomUniform": { node throws(EngineError) in [try random(node, isNormal: false, isLike: false)] },
    "RandomUniformLike": { node throws(EngineError) in [try random(node, isNormal: false, isLike: true)] },
  ]

  static func depthToSpace(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph
    let x = try node.input(0)
    let block = try node.int("blocksize"), mode = try node.choice("mode", "DCR", "CRD")
    guard try graph.rank(of: x) == 4, block >= 1, block <= 1 << 15 else { throw EngineError(.formatError, "blocksize \(block) is impossible for \(x)") }
    if block == 1 { return [x] }
    return [
      try graph.nchw(graph.add1(.depthToSpace, ["block_size": .number(block), "mode": .string(mode), "format": 1], [graph.nhwc(x)]))
    ]
  }

  static func spaceToDepth(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph
    let x = try node.input(0)
    let block = try node.int("blocksize")
    guard try graph.rank(of: x) == 4, block >= 1, block <= 1 << 15 else { throw EngineError(.formatError, "blocksize \(block) is impossible for \(x)") }
    if block == 1 { return [x] }
    if try node.choice("mode", "DCR", "CRD") == "DCR" {
      return [try graph.nchw(graph.add1(.spaceToDepth, ["block_size": .number(block), "format": 1], [graph.nhwc(x)]))]
    }
    let d = try graph.knownDims(of: x)
    let blocks = try graph.reshape(x, [d[0], d[1], d[2] / block, block, d[3] / block, block])
    return [try graph.reshape(graph.transpose(blocks, [0, 1, 3, 5, 2, 4]), [d[0], d[1] * block * block, d[2] / block, d[3] / block])]
  }

  /// The runtime's GridSampler is a Custom node whose attributes are read by position: two int64 and a byte.
  static func gridSample(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph
    let x = try node.input(0, "X"), grid = try node.input(1, "grid")
    let mode = try node.choice("mode", node.version < 20 ? "bilinear" : "linear", "linear", "bilinear", "nearest", "cubic", "bicubic")
    let padding = try node.choice("padding_mode", "zeros", "border", "reflection")
    let aligned = try node.bool("align_corners", false)
    let rank = try graph.rank(of: x)
    if mode.hasSuffix("cubic") || rank != 4 {
      let method: GridSampler.Method = mode == "nearest" ? .nearest : mode.hasSuffix("cubic") ? .cubic : .linear
      return [try GridSampler(f: Formula(node), method: method, padding: padding, aligned: aligned).sampled(x, grid)]
    }
    func bytes(_ value: Int) -> [UInt8] { [UInt8(value)] + [UInt8](repeating: 0, count: 7) }
    let attributes: [(name: String, bytes: [UInt8])] = [
      ("mode", bytes(mode == "nearest" ? 1 : 0)), ("padding_mode", bytes(padding == "zeros" ? 0 : padding == "border" ? 1 : 2)),
      ("align_corners", [aligned ? 1 : 0]),
    ]
    return [try graph.add1(.custom, ["type": "GridSampler", "attr": .named(attributes)], [x, grid])]
  }

  /// Where the pixels of an image come from: theta [N, n, n + 1] times their coordinates in -1...1, which are those of the pixels'
  /// centres, or with align_corners reach that end with the outermost centres.
  private static func affineGrid(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let theta = try node.input(0, "theta")
    let size = Array(try graph.integers(node.input(1, "size"), "the size").dropFirst(2))
    let aligned = try node.bool("align_corners", false)
    guard size.count == 2 || size.count == 3, size.allSatisfy({ $0 >= 1 }), let count = Shape(size).checkedCount, count <= 1 << 22 else {
      throw EngineError(.inputParameterInvalid, "the size must be that of a batch of images with two or three axes")
    }
    let strides = Shape(size).strides
    var coordinates = [Float]()
    for i in 0..<count {
      // The last axis comes first.
      for axis in size.indices.reversed() {
        let at = Float(2 * (i / strides[axis] % size[axis]))
        coordinates.append(aligned ? (size[axis] == 1 ? 0 : at / Float(size[axis] - 1) - 1) : (at + 1) / Float(size[axis]) - 1)
      }
      coordinates.append(1)
    }
    let pixels = graph.constant(floats: coordinates, dims: [1, count, size.count + 1])
    let product = try f.matmul(pixels, f.float(theta), transposeB: true)
    return [try f.cast(graph.reshape(product, [-1] + size + [size.count]), theta.type)]
  }

  // MARK: random numbers

  /// 1 with the probability that the operand states, else 0.
  private static func bernoulli(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0)
    let type = try node.optionalType("dtype") ?? x.type
    let values = try graph.add1(.uniformReal, ["seed": .number(seed(node.float("seed", 0))), "seed2": 0], [f.shape(x)])
    return [try f.cast(f.less(values, f.float(x)), type)]
  }

  /// A seed of 0 means a new one for every run; seeds are numbers of any size.
  private static func seed(_ value: Float) -> Int {
    value.isNaN ? 1 : Int(max(min(value, 1e9), -1e9)) + (value != 0 && abs(value) < 1 ? 1 : 0)
  }

  private static func random(_ node: ONNXNode, isNormal: Bool, isLike: Bool) throws(EngineError) -> Tensor {
    let graph = node.graph, f = Formula(node)
    let number = seed(try node.float("seed", 0))
    let first = try isNormal ? node.float("mean", 0) : node.float("low", 0)
    let second = try isNormal ? node.float("scale", 1) : node.float("high", 1)
    let stated = try node.optionalType("dtype")
    var dims: Tensor, type = stated ?? .float32
    if isLike {
      let x = try node.input(0)
      dims = try f.shape(x)
      if stated == nil && x.type != .unknown { type = x.type }
    } else {
      let shape = try node.ints("shape")
      for d in shape where d < 0 { throw EngineError(.formatError, "the shape \(Shape(shape)) is impossible") }
      dims = f.list(shape)
    }
    let values = try graph.add1(isNormal ? .randomStandardNormal : .uniformReal, ["seed": .number(number), "seed2": 0], [dims])
    let scaled = try f.add(f.mul(values, isNormal ? second : second - first), first)
    return try f.cast(scaled, type)
  }
}
