import ConverterCore
import Graph

/// RoiAlign: means of bilinear samples in the cells of a grid laid over every region.
///
/// Samples of one axis are a matrix [samples, pixels] with the weights of linear interpolation; the mean over a cell's samples is the mean
/// of their rows. So a region is rows * image * columns, with one matrix for each axis.
enum RoiAlign {
  static func run(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0, "X"), rois = try node.input(1, "rois"), batches = try node.input(2, "batch_indices")
    let mode = try node.choice("mode", "avg", "max")
    let height = try node.int("output_height", 1), width = try node.int("output_width", 1)
    let samples = try node.int("sampling_ratio", 0), scale = try node.float("spatial_scale", 1)
    let transform = try node.choice(
      "coordinate_transformation_mode", node.version < 16 ? "output_half_pixel" : "half_pixel", "half_pixel", "output_half_pixel")
    try node.refuse(mode == "max", "mode \"max\" (the greatest weighted corner) is not supported; \"avg\" is")
    try node.refuse(
      samples <= 0, "sampling_ratio 0 takes a number of samples that depends on each region's size, which a graph cannot; give a positive one")
    guard height >= 1, width >= 1, height < 1 << 16, width < 1 << 16, samples < 1 << 10, let dims = graph.dims(of: x), dims.count == 4,
      dims[2] > 0, dims[3] > 0
    else { throw EngineError(.inferError, "the size of the image must be known; give the model's input shapes (--inputShape)") }
    let isHalf = transform == "half_pixel"
    let scaled = try f.add(f.mul(rois, scale), isHalf ? -0.5 : 0)
    func matrix(_ first: Int, _ cells: Int, _ size: Int) throws(EngineError) -> Tensor {
      let start = try f.slice(scaled, axis: 1, from: first, to: first + 1)
      var extent = try f.sub(f.slice(scaled, axis: 1, from: first + 2, to: first + 3), start)
      if !isHalf { extent = try f.maximum(extent, f.scalar(Float(1))) }
      let steps = (0..<cells * samples).map { (Float($0) + 0.5) / Float(samples * cells) }
      let at = try f.add(start, f.mul(extent, graph.constant(floats: steps, dims: [1, steps.count])))
      let isOutside = try graph.add1(
        .logicalOr, [:], [f.less(at, f.scalar(Float(-1))), f.greater(at, f.scalar(Float(size)))])
      let inside = try f.unsqueeze(f.minimum(f.maximum(at, f.scalar(Float(0))), f.scalar(Float(size - 1))), [2])
      let pixels = graph.constant(floats: (0..<size).map { Float($0) }, dims: [1, 1, size])
      let distance = try f.unary(.abs, f.sub(inside, pixels))
      let weights = try f.relu(f.sub(f.scalar(Float(1)), distance))
      let rows = try f.choose(f.unsqueeze(isOutside, [2]), f.scalar(Float(0)), weights)
      if samples == 1 { return try f.unsqueeze(rows, [1]) }
      let means = try f.reduce(graph.reshape(rows, [-1, cells, samples, size]), ReduceNumber.mean, [2], keep: false)
      return try f.unsqueeze(means, [1])
    }
    let images = try f.gather(x, f.cast(batches, .int32), axis: 0)
    let rows = try f.matmul(matrix(1, height, dims[2]), images)
    return [try f.matmul(rows, matrix(0, width, dims[3]), transposeB: true)]
  }
}
