import ConverterCore
import Graph

/// Layers that move elements around, and those that bring in tensors.
enum ShapeLayers {
  static let table: [String: LayerImporter] = [
    "Concat": concat, "Slice": slice, "Split": split, "Flatten": flatten, "Reshape": reshape, "Permute": permute, "Tile": tile,
    "Crop": crop, "Interp": interpolate, "Upsample": upsample, "Embed": embed, "Silence": silence, "Parameter": parameter,
    "ShuffleChannel": shuffle,
  ]

  private static func concat(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.concatParam
    let inputs = try c.inputs(1...Int.max)
    let axis = try c.b.axis(p.hasConcatDim && !p.hasAxis ? try c.size(p.concatDim, "concat_dim") : Int(p.axis), of: inputs[0])
    return [inputs.count == 1 ? inputs[0] : try c.b.add1(.concat, ["axis": .number(axis)], inputs)]
  }

  /// Parts that begin at the slice points, or equal parts.
  private static func slice(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.sliceParam
    let x = try c.input()
    let axis = try c.b.axis(p.hasSliceDim && !p.hasAxis ? try c.size(p.sliceDim, "slice_dim") : Int(p.axis), of: x)
    let size = try c.b.knownDims(of: x)[axis]
    let count = c.layer.tops.count
    if count == 1 { return [x] }
    var sizes = [Int]()
    if p.slicePoint.isEmpty {
      guard count > 0, size % count == 0 else {
        throw EngineError(.formatError, "\(size) entries of axis \(axis) cannot be cut into \(count) equal parts")
      }
      sizes = [Int](repeating: size / count, count: count)
    } else {
      guard p.slicePoint.count == count - 1 else {
        throw EngineError(.formatError, "has \(p.slicePoint.count) slice points for \(count) tops; one less than tops is needed")
      }
      var previous = 0
      for point in p.slicePoint.map({ Int($0) }) + [size] {
        guard point > previous, point <= size else {
          throw EngineError(.formatError, "slice point \(point) must lie behind \(previous) and before the end of axis \(axis) (\(size))")
        }
        sizes.append(point - previous)
        previous = point
      }
    }
    return try c.b.add(
      .split, ["output_num": .number(count), "size_splits": .list(sizes), "axis": .number(axis)], [x], outputs: count)
  }

  private static func split(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    [Tensor](repeating: try c.input(), count: c.layer.tops.count)
  }

  private static func flatten(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.flattenParam
    let x = try c.input()
    let first = try c.b.axis(Int(p.axis), of: x)
    let last = try c.b.axis(Int(p.endAxis), of: x)
    guard first <= last else { throw EngineError(.formatError, "axis \(first) lies behind end_axis \(last)") }
    // 0 keeps a dimension, so that the batch may change later.
    let rest = try c.b.knownDims(of: x)[(last + 1)...]
    return [try c.b.reshape(x, [Int](repeating: 0, count: first) + [-1] + rest)]
  }

  /// 0 copies a dimension of the bottom, -1 takes what is left; the axes outside the range that is reshaped stay.
  private static func reshape(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.reshapeParam
    let x = try c.input()
    let dims = try c.b.knownDims(of: x)
    let axis = Int(p.axis) < 0 ? Int(p.axis) + dims.count + 1 : Int(p.axis)
    guard axis >= 0, axis <= dims.count, p.numAxes >= -1 else {
      throw EngineError(.formatError, "axis \(p.axis), num_axes \(p.numAxes) do not fit \(x)")
    }
    let end = p.numAxes == -1 ? dims.count : axis + Int(p.numAxes)
    guard end <= dims.count else { throw EngineError(.formatError, "num_axes \(p.numAxes) from axis \(axis) on lies outside \(x)") }
    let wanted = p.shape.dim.map { Int($0) }
    for (i, d) in wanted.enumerated() where d < -1 || (d == 0 && axis + i >= dims.count) {
      throw EngineError(.formatError, "entry \(i) of the shape (\(Shape(wanted))) does not fit \(x)")
    }
    if wanted.filter({ $0 == -1 }).count > 1 { throw EngineError(.formatError, "the shape \(Shape(wanted)) has more than one -1") }
    // Zeros are understood by the operator itself, and leave the batch open to change.
    let middle = wanted.enumerated().map { i, d in d == 0 && i + axis != 0 && axis > 0 ? dims[axis + i] : d }
    return [try c.b.reshape(x, [Int](repeating: 0, count: axis) + middle + dims[end...])]
  }

  private static func permute(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let x = try c.input()
    let rank = try c.b.rank(of: x)
    var order = [Int]()
    for axis in c.parameters.permuteParam.order {
      guard axis < UInt32(rank), !order.contains(Int(axis)) else {
        throw EngineError(.formatError, "axis \(axis) of the order is there twice, or outside \(x)")
      }
      order.append(Int(axis))
    }
    return [try c.b.transpose(x, order + (0..<rank).filter { !order.contains($0) })]
  }

  private static func tile(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.tileParam
    let x = try c.input()
    let axis = try c.b.axis(Int(p.axis), of: x)
    guard p.tiles >= 1 else { throw EngineError(.formatError, "tiles is \(p.tiles); at least 1 is needed") }
    var times = [Int](repeating: 1, count: try c.b.rank(of: x))
    times[axis] = Int(p.tiles)
    return [try c.b.add1(.tileFusion, [:], [x, c.b.constant(ints: times)])]
  }

  /// The part of the first bottom that has the second one's size from `axis` on.
  private static func crop(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.cropParam
    let inputs = try c.inputs(2...2)
    let dims = try c.b.knownDims(of: inputs[0])
    let axis = try c.b.axis(Int(p.axis), of: inputs[0])
    guard p.offset.count <= 1 || p.offset.count == dims.count - axis else {
      throw EngineError(.formatError, "has \(p.offset.count) offsets; 0, 1 or \(dims.count - axis) are accepted")
    }
    var offsets = [Int]()
    for i in axis..<dims.count {
      let given = p.offset.count > 1 ? p.offset[i - axis] : p.offset.first ?? 0
      offsets.append(try c.size(given, "offset"))
    }
    return [try c.b.add1(.crop, ["axis": .number(axis), "offsets": .list(offsets)], inputs)]
  }

  /// Bilinear, corner to corner, to a given size or by a factor, after cutting borders off (negative pads).
  private static func interpolate(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.interpParam
    let inputs = try c.inputs(1...2)
    var x = inputs[0]
    let dims = try c.b.knownDims(of: x)
    guard dims.count == 4 else { throw EngineError(.formatError, "the input (\(x)) must be [N, C, H, W]") }
    let cut = -(Int(p.padBeg) + Int(p.padEnd))
    guard p.padBeg <= 0, p.padEnd <= 0, cut < dims[2], cut < dims[3] else {
      throw EngineError(.formatError, "pad_beg \(p.padBeg) and pad_end \(p.padEnd) must not be positive, and leave something of \(x)")
    }
    if cut > 0 {
      x = try c.b.add1(
        .sliceFusion, ["axes": [2, 3]],
        [x, c.b.constant(ints: [-Int(p.padBeg), -Int(p.padBeg)]), c.b.constant(ints: [dims[2] - cut, dims[3] - cut])])
    }
    var size = [dims[2] - cut, dims[3] - cut]
    if inputs.count == 2 {
      size = Array(try c.b.knownDims(of: inputs[1]).suffix(2))
    } else if p.hasHeight || p.hasWidth {
      size = [Int(p.height), Int(p.width)]
    } else {
      guard p.shrinkFactor >= 1, p.zoomFactor >= 1, p.hasShrinkFactor || p.hasZoomFactor else {
        throw EngineError(.formatError, "height and width, or a zoom_factor or shrink_factor of at least 1 are needed")
      }
      size = size.map { ($0 - 1) / Int(p.shrinkFactor) + 1 }
      size = size.map { $0 + ($0 - 1) * (Int(p.zoomFactor) - 1) }
    }
    return [try resize(c, x, size, method: 0, coordinates: 1)]
  }

  /// method: 0 linear, 1 nearest; coordinates: 0 asymmetric, 1 corner to corner.
  private static func resize(_ c: LayerContext, _ x: Tensor, _ size: [Int], method: Int, coordinates: Int) throws(EngineError) -> Tensor {
    guard size.count == 2, size.allSatisfy({ $0 >= 1 && $0 <= 1 << 20 }) else {
      throw EngineError(.formatError, "the size \(Shape(size)) is not possible")
    }
    let y = try c.b.add1(
      .resize,
      [
        "format": 1, "method": .number(method), "new_height": .number(size[0]), "new_width": .number(size[1]),
        "coordinate_transform_mode": .number(coordinates),
      ], [try c.b.nhwc(x)])
    return try c.b.nchw(y)
  }

  /// Repeats pixels.
  private static func upsample(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.upsampleParam
    guard c.bottomCount == 1 else {
      throw EngineError(.notSupported, "takes the positions of a maximum pooling, which cannot be converted")
    }
    let x = try c.input()
    let dims = try c.b.knownDims(of: x)
    guard dims.count == 4 else { throw EngineError(.formatError, "the input (\(x)) must be [N, C, H, W]") }
    if p.hasUpsampleH && p.hasUpsampleW {
      return [try resize(c, x, [try c.size(p.upsampleH, "upsample_h"), try c.size(p.upsampleW, "upsample_w")], method: 1, coordinates: 0)]
    }
    let factors = [p.hasScaleH ? p.scaleH : p.scale, p.hasScaleW ? p.scaleW : p.scale]
    var size = [Int]()
    for (factor, d) in zip(factors, dims[2...]) {
      let wanted = Double(factor) * Double(d)
      guard factor > 0, wanted < 1e6 else { throw EngineError(.formatError, "a positive scale is needed") }
      size.append(Int(wanted.rounded(.down)))
    }
    return [try resize(c, x, size, method: 1, coordinates: 0)]
  }

  /// Row x of a table [input_dim, num_output], for every element x.
  private static func embed(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.embedParam
    let x = try c.input()
    let (rows, columns) = (try c.positive(p.inputDim, "input_dim"), try c.positive(p.numOutput, "num_output"))
    let count = p.biasTerm ? 2 : 1
    let table = try c.weight(0, of: count, "weight", [rows, columns])
    let indices = try c.b.add1(.cast, [:], [x, c.b.constant(ints: [Int(DataType.int32.rawValue)], dims: [])])
    let y = try c.b.add1(.gather, [:], [table, indices, c.b.constant(ints: [0], dims: [])])
    return [p.biasTerm ? try c.b.add1(.addFusion, [:], [y, try c.weight(1, of: count, "bias", [columns])]) : y]
  }

  /// Says of its bottoms that they are no outputs.
  private static func silence(_ c: LayerContext) throws(EngineError) -> [Tensor] { [] }

  /// Weights as a blob.
  private static func parameter(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    [try c.weight(0, of: 1, "value", c.parameters.parameterParam.shape.dim.map { Int($0) })]
  }

  /// The channels as a matrix of `group` rows, transposed.
  private static func shuffle(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let x = try c.input()
    let dims = try c.b.knownDims(of: x)
    let group = try c.positive(c.parameters.shuffleChannelParam.group, "group")
    guard dims.count == 4, dims[1] % group == 0 else {
      throw EngineError(.formatError, "group \(group) does not divide the channels of \(x), or that is not [N, C, H, W]")
    }
    let parts = try c.b.reshape(x, [dims[0], group, dims[1] / group, dims[2], dims[3]])
    return [try c.b.reshape(try c.b.transpose(parts, [0, 2, 1, 3, 4]), dims)]
  }
}
