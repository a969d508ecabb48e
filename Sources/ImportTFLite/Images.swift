import ConverterCore
import Graph

extension OperatorTable {
  /// Operators on images [N, H, W, C].
  static let images: [String: OperatorEntry] = [
    "AVERAGE_POOL_2D": .one(.native(activation: 5)) { (op) throws(EngineError) in try pool(op, .avgPoolFusion) },
    "MAX_POOL_2D": .one(.native(activation: 5)) { (op) throws(EngineError) in try pool(op, .maxPoolFusion) },
    // The root of the mean square.
    "L2_POOL_2D": .one(.real) { (op) throws(EngineError) in
      let squares = try op.graph.add1(.square, [:], [try op.input(0)])
      let mean = try op.graph.add1(.avgPoolFusion, try poolAttributes(op, fused: 0), [squares])
      return try op.activate(try op.graph.add1(.sqrt, [:], [mean]), try op.options.byte(5))
    },
    "RESIZE_BILINEAR": .one(.native()) { (op) throws(EngineError) in
      try resize(op, method: 0, alignCorners: try op.options.bool(2), halfPixel: try op.options.bool(3))
    },
    "RESIZE_NEAREST_NEIGHBOR": .one(.native(), nearest),
    "DEPTH_TO_SPACE": .one(.native()) { (op) throws(EngineError) in
      try op.add1(.depthToSpace, ["block_size": .number(try op.options.int(0)), "format": 1, "mode": "DCR"], [try op.input(0)])
    },
    "SPACE_TO_DEPTH": .one(.native()) { (op) throws(EngineError) in
      try op.add1(.spaceToDepth, ["block_size": .number(try op.options.int(0)), "format": 1], [try op.input(0)])
    },
    "SPACE_TO_BATCH_ND": .one(.native()) { (op) throws(EngineError) in
      try blocks(op, .spaceToBatchND, edges: "paddings", what: "the padding")
    },
    "BATCH_TO_SPACE_ND": .one(.native()) { (op) throws(EngineError) in
      try blocks(op, .batchToSpaceND, edges: "crops", what: "the crop")
    },
  ]

  /// Field ids: 0 padding, 1 and 2 stride (w, h), 3 and 4 window (w, h), 5 activation.
  private static func poolAttributes(_ op: Operation, fused: AttributeValue) throws(EngineError) -> [String: AttributeValue] {
    let window = try pair(op, height: 4, width: 3), stride = try pair(op, height: 2, width: 1)
    let mode = try padMode(try op.options.byte(0))
    return [
      "kernel_size": .list(window), "strides": .list(stride), "pad_mode": .number(mode), "round_mode": 0, "format": 1, "global": false,
      "pad": samePads(op, try op.input(0), kernel: window, stride: stride, dilation: [1, 1], mode: mode), "activation_type": fused,
    ]
  }

  private static func pool(_ op: Operation, _ kind: OperatorKind) throws(EngineError) -> Tensor {
    let (fused, rest) = try op.fused(5)
    return try op.activate(try op.add1(kind, try poolAttributes(op, fused: fused), [try op.input(0)]), rest)
  }

  static func resize(_ op: Operation, method: Int, alignCorners: Bool, halfPixel: Bool) throws(EngineError) -> Tensor {
    var attributes: [String: AttributeValue] = [
      "format": 1, "method": .number(method), "coordinate_transform_mode": .number(alignCorners ? 1 : halfPixel ? 2 : 0),
      "nearest_mode": 0, "cubic_coeff": -0.75,
    ]
    if halfPixel { attributes["cubic_coeff"] = -0.5 }
    if let size = op.knownIntegers(1), size.count == 2 {
      attributes["new_height"] = .number(size[0])
      attributes["new_width"] = .number(size[1])
    }
    return try op.add1(.resize, attributes, [try op.input(0), try op.importer.value(try op.index(1))])
  }

  /// Field ids: 0 align corners, 1 half pixel. With the latter the source is floor((i + 0.5) in / out), which the format's operator
  /// computes only where that is floor(i in / out); elsewhere rows and columns are gathered.
  private static func nearest(_ op: Operation) throws(EngineError) -> Tensor {
    let align = try op.options.bool(0), half = try op.options.bool(1)
    if align || !half { return try resize(op, method: 1, alignCorners: align, halfPixel: false) }
    let x = try op.input(0)
    guard let size = op.knownIntegers(1), size.count == 2, let dims = op.graph.dims(of: x), dims.count == 4, dims[1] > 0, dims[2] > 0
    else {
      throw EngineError(.notSupported, "half_pixel_centers with sizes that are not known; give the model's input shapes (--inputShape)")
    }
    if (0..<2).allSatisfy({ size[$0] % dims[$0 + 1] == 0 }) { return try resize(op, method: 1, alignCorners: false, halfPixel: false) }
    var y = x
    for a in 0..<2 where size[a] != dims[a + 1] {
      guard size[a] > 0 && size[a] <= 1 << 20 else { throw EngineError(.graphFileError, "a size of \(size[a]) pixels") }
      let scale = Float(dims[a + 1]) / Float(size[a])
      let from = (0..<size[a]).map { min(Int((Float($0) + 0.5) * scale), dims[a + 1] - 1) }
      y = try op.add1(.gather, [:], [y, op.graph.constant(ints: from), op.scalar(a + 1)])
    }
    return y
  }

  /// Rank 4 with two blocked axes, which the format has; rank 3 with one blocked axis gets a width of 1.
  private static func blocks(_ op: Operation, _ kind: OperatorKind, edges: String, what: String) throws(EngineError) -> Tensor {
    let x = try op.input(0), rank = try op.graph.rank(of: x)
    let sizes = try op.importer.value(try op.index(1)), margins = try op.importer.value(try op.index(2))
    // What the model computes the format's operator takes as inputs.
    if rank == 4 && !(sizes.isConstant && margins.isConstant) { return try op.add1(kind, [:], [x, sizes, margins]) }
    var block = try op.integers(1, "the block shape"), list = try op.integers(2, what)
    guard list.count == 2 * block.count else { throw EngineError(.graphFileError, "\(block.count) block sizes and \(list.count) edges") }
    guard rank == 4 && block.count == 2 || rank == 3 && block.count == 1 || rank == 4 && block.count == 1 else {
      throw EngineError(.notSupported, "\(block.count) blocked axes of \(x); two of rank 4 and one of rank 3 are accepted")
    }
    var image = x
    if block.count == 1 {
      block.append(1)
      list += [0, 0]
      if rank == 3 {
        image = try op.graph.add1(.expandDims, [:], [x, op.scalar(2)])
        image.quantParams = x.quantParams
      }
    }
    let rows = [[list[0], list[1]], [list[2], list[3]]]
    let y = try op.add1(kind, ["block_shape": .list(block), edges: .rows(rows)], [image])
    return rank == 3 ? try op.add1(.squeeze, ["axis": [2]], [y]) : y
  }
}
