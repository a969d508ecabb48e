import ConverterCore
import Graph

/// Operators of object detection.
enum DetectionOperators {
  static let table: [String: ONNXOperator] = [
    "NonMaxSuppression": nonMaxSuppression,
    "MaxRoiPool": maxRoiPool,
    "RoiAlign": RoiAlign.run,
  ]

  /// Batches and classes are taken apart, since the format's operator counts its limit over all of them.
  static func nonMaxSuppression(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let boxes = try node.input(0, "boxes"), scores = try node.input(1, "scores")
    let form = try node.int("center_point_box", 0)
    // Operands left out are 0.
    let limit = try f.cast(node.optional(2) ?? f.list([0]), .int32)
    let overlap = node.optional(3) ?? graph.constant(floats: [0])
    // No threshold at all, where it is left out.
    let smallest = node.optional(4) ?? graph.constant(floats: [-Float.greatestFiniteMagnitude])
    let attributes: [String: AttributeValue] = ["center_point_box": .number(form)]
    guard let dims = graph.dims(of: scores), dims.count == 3, dims[1] >= 1, dims[0] >= 1 else {
      throw EngineError(
        .inferError,
        "batches and classes are taken one by one, so the shape of the scores must be known (\(graph.dims(of: scores).map { Shape($0).text } ?? "rank unknown")); give the model's input shapes (--inputShape)")
    }
    try node.refuse(dims[0] * dims[1] > 4096, "\(dims[0]) batches of \(dims[1]) classes are too many; 4096 together are accepted")
    func select(_ boxes: Tensor, _ scores: Tensor) throws(EngineError) -> Tensor {
      let rows = try graph.add1(.nonMaxSuppression, attributes, [boxes, scores, limit, overlap, smallest])
      graph.declare(rows, [-1, 3], type: .int32)
      return rows
    }
    if dims[0] == 1 && dims[1] == 1 { return [try select(boxes, scores)] }
    var parts = [Tensor]()
    for batch in 0..<dims[0] {
      let own = dims[0] == 1 ? boxes : try f.slice(boxes, axis: 0, from: batch, to: batch + 1)
      let all = dims[0] == 1 ? scores : try f.slice(scores, axis: 0, from: batch, to: batch + 1)
      for kind in 0..<dims[1] {
        let rows = try select(own, f.slice(all, axis: 1, from: kind, to: kind + 1))
        let places = graph.constant(ints: [batch, kind, 0], dims: [1, 3])
        parts.append(batch == 0 && kind == 0 ? rows : try f.add(rows, places))
      }
    }
    let rows = try f.concat(parts, 0)
    graph.declare(rows, [-1, 3], type: .int32)
    return [rows]
  }

  /// Regions are rows (image, x1, y1, x2, y2); the format's operator has the rows of the image before its columns.
  static func maxRoiPool(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0, "X"), rois = try node.input(1, "rois")
    let shape = try node.ints("pooled_shape")
    guard shape.count == 2 else { throw EngineError(.formatError, "pooled_shape has \(shape.count) entries; 2 are needed") }
    let scale = try node.float("spatial_scale", 1)
    let ordered = try f.gather(rois, f.list([0, 2, 1, 4, 3]), axis: 1)
    return [
      try graph.nchw(
        graph.add1(
          .roiPooling, ["pooled_h": .number(shape[0]), "pooled_w": .number(shape[1]), "scale": .float(Double(scale))],
          [graph.nhwc(x), ordered]))
    ]
  }
}
