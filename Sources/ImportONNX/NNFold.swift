import ConverterCore
import Graph

/// Col2Im: blocks of an image, added up at their places.
enum NNFold {
  static let table: [String: ONNXOperator] = ["Col2Im": col2Im]

  /// Operands: the blocks [N, C x block, positions], the image's and the block's shape. A transposed convolution of one channel for each
  /// pixel of a block, whose kernel has a 1 at that pixel, puts the blocks together.
  private static func col2Im(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let source = try node.input(0)
    var image = try graph.integers(node.input(1, "image_shape"), "the image's shape")
    var block = try graph.integers(node.input(2, "block_shape"), "the block's shape")
    let n = block.count
    try node.refuse(n < 1 || n > 2, "blocks of \(n) axes are not supported; those of one and two axes are")
    func list(_ name: String, _ fallback: Int, _ count: Int) throws(EngineError) -> [Int] {
      let values = try node.ints(name, [Int](repeating: fallback, count: count))
      guard values.count == count, values.allSatisfy({ $0 >= fallback && $0 <= 1 << 20 }) else {
        throw EngineError(.formatError, "attribute \"\(name)\" is \(Shape(values)); \(count) numbers of \(fallback) or more are needed")
      }
      return values
    }
    var strides = try list("strides", 1, n), dilations = try list("dilations", 1, n)
    let pads = try list("pads", 0, 2 * n)
    var before = Array(pads[..<n]), after = Array(pads[n...])
    guard image.count == n, (image + block).allSatisfy({ $0 >= 1 && $0 <= 1 << 20 }) else {
      throw EngineError(.formatError, "blocks \(Shape(block)) of the image \(Shape(image)) are impossible")
    }
    let shape = image
    if n == 1 {
      (image, block, strides, dilations) = ([1] + image, [1] + block, [1] + strides, [1] + dilations)
      (before, after) = ([0] + before, [0] + after)
    }
    var positions = [Int](), extra = [Int]()
    for i in 0..<2 {
      let extent = (block[i] - 1) * dilations[i] + 1
      let span = image[i] + before[i] + after[i] - extent
      guard span >= 0 else { throw EngineError(.inputParameterInvalid, "the block \(Shape(block)) is larger than the padded image \(Shape(image))") }
      positions.append(span / strides[i] + 1)
      // What no block reaches is cut off less, or is added.
      after[i] -= span % strides[i]
      extra.append(max(0, -after[i]))
      after[i] = max(0, after[i])
    }
    let dims = graph.dims(of: source) ?? []
    let size = block[0] * block[1]
    guard dims.count == 3, dims[1] > 0, dims[1] % size == 0, dims[2] < 0 || dims[2] == positions[0] * positions[1], size <= 1 << 12 else {
      throw EngineError(
        .inputParameterInvalid,
        "\(source) does not have the shape [N, C x \(size), \(positions[0] * positions[1])] of blocks \(Shape(block)) of the image \(Shape(shape))")
    }
    var kernel = [Float](repeating: 0, count: size * size)
    for i in 0..<size { kernel[i * size + i] = 1 }
    let x = try graph.nhwc(graph.reshape(f.float(source), [-1, size] + positions))
    let y = try graph.add1(
      .conv2dTransposeFusion,
      [
        "kernel_size": .list(block), "stride": .list(strides), "dilation": .list(dilations), "pad_mode": 0,
        "pad_list": .list([before[0], after[0], before[1], after[1]]), "group": 1, "in_channel": .number(size), "out_channel": 1,
        "activation_type": 0, "output_paddings": .list(extra),
      ], [x, graph.constant(floats: kernel, dims: [size] + block + [1])])
    return [try f.cast(graph.reshape(graph.nchw(y), [-1, dims[1] / size] + shape), source.type)]
  }
}
