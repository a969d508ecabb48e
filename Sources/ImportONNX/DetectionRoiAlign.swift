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
    try node.refuse(
      samples <= 0, "sampling_ratio 0 takes a number of samples that depends on each region's size, which a graph cannot; give a positive one")
    guard height >= 1, width >= 1, height < 1 << 16, width < 1 << 16, samples < 1 << 10, let dims = graph.dims(of: x), dims.count == 4,
      dims[2] > 0, dims[3] > 0
    else { throw EngineError(.inferError, "the size of the image must be known; give the model's input shapes (--inputShape)") }
    let most = max(height * samples, width * samples, dims[2], dims[3])
    try node.refuse(most > 1 << 20, "images and regions of \(most) pixels or samples along an axis are too large; \(1 << 20) are accepted")
    let isHalf = transform == "half_pixel"
    let scaled = try f.add(f.mul(rois, scale), isHalf ? -0.5 : 0)
    /// Positions along an axis [regions, samples], and which of them lie outside.
    func positions(_ first: Int, _ cells: Int, _ size: Int) throws(EngineError) -> (inside: Tensor, isOutside: Tensor) {
      let start = try f.slice(scaled, axis: 1, from: first, to: first + 1)
      var extent = try f.sub(f.slice(scaled, axis: 1, from: first + 2, to: first + 3), start)
      if !isHalf { extent = try f.maximum(extent, f.scalar(Float(1))) }
      let steps = (0..<cells * samples).map { (Float($0) + 0.5) / Float(samples * cells) }
      let at = try f.add(start, f.mul(extent, graph.constant(floats: steps, dims: [1, steps.count])))
      let isOutside = try graph.add1(
        .logicalOr, [:], [f.less(at, f.scalar(Float(-1))), f.greater(at, f.scalar(Float(size)))])
      return (try f.minimum(f.maximum(at, f.scalar(Float(0))), f.scalar(Float(size - 1))), isOutside)
    }
    if mode == "max" {
      let rows = try positions(1, height, dims[2]), columns = try positions(0, width, dims[3])
      return [try greatest(f, x, dims, batches, rows, columns, samples, height, width)]
    }
    func matrix(_ first: Int, _ cells: Int, _ size: Int) throws(EngineError) -> Tensor {
      let (at, isOutside) = try positions(first, cells, size)
      let inside = try f.unsqueeze(at, [2])
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

  /// Mode "max": the greatest of the four weighted pixels around every sample, and of the samples of a cell.
  private static func greatest(
    _ f: Formula, _ x: Tensor, _ dims: [Int], _ batches: Tensor, _ rows: (inside: Tensor, isOutside: Tensor),
    _ columns: (inside: Tensor, isOutside: Tensor), _ samples: Int, _ height: Int, _ width: Int
  ) throws(EngineError) -> Tensor {
    let graph = f.graph
    guard dims[1] > 0, let pixels = Shape([dims[2], dims[3]]).checkedCount, pixels < 1 << 30 else {
      throw EngineError(.inferError, "the number of channels must be known; give the model's input shapes (--inputShape)")
    }
    let flat = try graph.reshape(graph.transpose(f.float(x), [0, 2, 3, 1]), [-1, dims[1]])
    /// The two pixels around each position, and their weights, with `axis` for the other direction.
    func ends(_ at: (inside: Tensor, isOutside: Tensor), _ size: Int, _ axis: Int) throws(EngineError) -> [(pixel: Tensor, weight: Tensor)] {
      let low = try f.unary(.floor, at.inside)
      let high = try f.minimum(f.add(low, 1), f.scalar(Float(size - 1)))
      let rest = try f.sub(at.inside, low)
      var list = [(pixel: Tensor, weight: Tensor)]()
      for (pixel, weight) in [(low, try f.sub(f.scalar(Float(1)), rest)), (high, rest)] {
        let share = try f.choose(at.isOutside, f.scalar(Float(0)), weight)
        list.append((try f.int(f.unsqueeze(pixel, [axis])), try f.unsqueeze(share, [axis])))
      }
      return list
    }
    let first = try f.mul(graph.reshape(f.int(batches), [-1, 1, 1]), f.scalar(pixels))
    var best: Tensor?
    for row in try ends(rows, dims[2], 2) {
      let line = try f.add(first, f.mul(row.pixel, f.scalar(dims[3])))
      for column in try ends(columns, dims[3], 1) {
        let values = try f.gather(flat, f.add(line, column.pixel), axis: 0)
        let weighted = try f.mul(values, f.unsqueeze(f.mul(row.weight, column.weight), [3]))
        best = try best.map { t throws(EngineError) in try f.maximum(t, weighted) } ?? weighted
      }
    }
    guard let best else { throw EngineError(.formatError, "the image has no pixels") }
    // [regions, height, samples, width, samples, channels], reduced over one axis of samples after the other.
    let lines = try f.reduce(
      graph.reshape(best, [-1, height, samples, width * samples * dims[1]]), ReduceNumber.max, [2], keep: false)
    let cells = try f.reduce(graph.reshape(lines, [-1, height * width, samples, dims[1]]), ReduceNumber.max, [2], keep: false)
    return try f.cast(graph.transpose(graph.reshape(cells, [-1, height, width, dims[1]]), [0, 3, 1, 2]), x.type)
  }
}
