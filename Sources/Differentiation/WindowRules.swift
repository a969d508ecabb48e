import ConverterCore
import Graph
import Operators

/// Pools and resized images.
enum WindowRules {
  static let table: [(OperatorKind, GradientRule)] = [
    (.maxPoolFusion, { s throws(EngineError) in try pool(s, .maxPoolGrad) }), (.avgPoolFusion, { s throws(EngineError) in try pool(s, .avgPoolGrad) }),
    (.resize, resize),
  ]

  private static func pool(_ s: GradientScope, _ kind: OperatorKind) throws(EngineError) {
    let node = s.node, a = node.attributes
    var kernel = a.ints(0), strides = a.ints(1), mode = a.int(3)
    if a.bool(Attributes.id(node.kind, "global")) {
      try s.known(s.x, 1..<3)
      kernel = [s.x.shape[1], s.x.shape[2]]
      strides = kernel
      mode = Pool.valid
    } else if mode == Pool.explicit, a.ints(2).contains(where: { $0 != 0 }) {
      guard Pool.becomesSame(node) else {
        throw s.refuse("the gradient of an average with the padding \(Shape(a.ints(2)).text) is not supported; padding as that of SAME is")
      }
      mode = Pool.same
    }
    try s.give(
      0,
      try s.add(
        kind, ["kernel_size": .list(kernel), "strides": .list(strides), "pad_mode": .number(mode), "format": 1], [s.x, s.y, try s.dy()]))
  }

  private static let linear = 0, nearest = 1
  private static let asymmetric = 0, alignCorners = 1, halfPixel = 2

  private static func resize(_ s: GradientScope) throws(EngineError) {
    let method = s.node.attributes.int(1), mode = s.node.attributes.int(5)
    var isKnown = method == linear && mode != halfPixel || method == nearest
    if method == nearest && mode == halfPixel {
      // Repeated pixels lie the same way.
      try s.known(s.x, 1..<3)
      try s.known(s.y, 1..<3)
      isKnown = (1...2).allSatisfy { s.x.shape[$0] > 0 && s.y.shape[$0] % s.x.shape[$0] == 0 }
    }
    if isKnown {
      return try s.give(0, try s.add(.resizeGrad, ["method": .number(method), "align_corners": .bool(mode == alignCorners)], [try s.dy(), s.x]))
    }
    try s.give(0, try byMatrices(s))
  }

  /// The rows and the columns of a resized image are sums of those of the image: products with two matrices, which the operator itself
  /// makes of the unit matrix.
  private static func byMatrices(_ s: GradientScope) throws(EngineError) -> Tensor {
    try s.known(s.x, 1..<4)
    try s.known(s.y, 1..<3)
    let (height, width, channels) = (s.x.shape[1], s.x.shape[2], s.x.shape[3]), outHeight = s.y.shape[1], outWidth = s.y.shape[2]
    var attributes: [String: AttributeValue] = ["format": 1]
    for (id, name) in [(1, "method"), (5, "coordinate_transform_mode")] { attributes[name] = .number(s.node.attributes.int(id)) }
    attributes["cubic_coeff"] = .float(Double(s.node.attributes.float(6)))
    /// [out, size]
    func matrix(_ size: Int, _ out: Int) throws(EngineError) -> Tensor {
      guard size <= 4096 else { throw s.refuse("the gradient of a resize of \(s.x) is not supported: at most 4096 rows and columns are") }
      var unit = [Float](repeating: 0, count: size * size)
      for i in 0..<size { unit[i * size + i] = 1 }
      attributes["new_height"] = .number(out)
      attributes["new_width"] = 1
      let builder = s.tape.builder
      builder.scope = "Gradients/\(s.node.name)/matrix"
      let image = try builder.add1(.resize, attributes, [builder.constant(floats: unit, dims: [1, size, 1, size])])
      return try builder.reshape(image, [out, size])
    }
    func multiply(_ m: Tensor, _ t: Tensor) throws(EngineError) -> Tensor {
      try s.add(.matMulFusion, ["transpose_a": true, "transpose_b": false, "activation_type": 0], [m, t])
    }
    let rows = try s.add(.reshape, [:], [try s.dy(), s.ints("rows", [-1, outHeight, outWidth * channels])])
    let columns = try s.add(.reshape, [:], [try multiply(try matrix(height, outHeight), rows), s.ints("columns", [-1, outWidth, channels])])
    return try s.reshaped(try multiply(try matrix(width, outWidth), columns), like: s.x)
  }
}
