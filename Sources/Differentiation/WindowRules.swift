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
    if !isKnown || mode > halfPixel {
      throw s.refuse(
        "the gradient of this resize (method \(method), coordinates \(mode)) is not supported; linear and nearest with asymmetric or aligned coordinates are")
    }
    try s.give(0, try s.add(.resizeGrad, ["method": .number(method), "align_corners": .bool(mode == alignCorners)], [try s.dy(), s.x]))
  }
}
