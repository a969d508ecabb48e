import ConverterCore
import Graph

/// Layers that look at all entries of an axis together.
enum ReductionLayers {
  static let table: [String: LayerImporter] = [
    "Softmax": softmax, "ArgMax": argMax, "Reduction": reduction, "Pooling": PoolingLayer.pool,
  ]

  private static func softmax(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let x = try c.input()
    let axis = try c.b.axis(Int(c.parameters.softmaxParam.axis), of: x)
    return [try c.b.add1(.softmax, ["axis": .list([axis])], [x])]
  }

  /// Positions of the largest entries (int32), or their values, or both, one after the other. Without an axis the largest of each
  /// image: [N, 1, top_k] or, with values, [N, 2, top_k].
  private static func argMax(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.argmaxParam
    let x = try c.input()
    let k = try c.positive(p.topK, "top_k")
    if p.hasAxis {
      let axis = try c.b.axis(Int(p.axis), of: x)
      return [try best(c, x, axis, k, isValue: p.outMaxVal)]
    }
    let rows = try c.b.reshape(x, [0, 1, -1])
    let positions = try best(c, rows, 2, k, isValue: false)
    if !p.outMaxVal { return [positions] }
    let real = try c.b.add1(.cast, [:], [positions, c.b.constant(ints: [Int(DataType.float32.rawValue)], dims: [])])
    return [try c.b.add1(.concat, ["axis": 1], [real, try best(c, rows, 2, k, isValue: true)])]
  }

  private static func best(_ c: LayerContext, _ x: Tensor, _ axis: Int, _ k: Int, isValue: Bool) throws(EngineError) -> Tensor {
    let size = try c.b.knownDims(of: x)[axis]
    if k > size { throw EngineError(.formatError, "top_k \(k) is more than the \(size) entries of axis \(axis)") }
    return try c.b.add1(
      .argMaxFusion, ["axis": .number(axis), "top_k": .number(k), "keep_dims": true, "out_max_value": .bool(isValue)], [x])
  }

  /// coeff times the sum of all entries (or of their sizes, or squares), or their mean, from `axis` on.
  private static func reduction(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.reductionParam
    let x = try c.input()
    let axis = try c.b.axis(Int(p.axis), of: x)
    let mode: Int
    switch p.operation {
    case .sum: mode = Reduction.sum
    case .asum: mode = Reduction.absSum
    case .sumsq: mode = Reduction.sumSquare
    case .mean: mode = Reduction.mean
    }
    // The operator leaves out factors that are nearly 0.
    let isOwn = abs(p.coeff) > 1e-4
    let y = try c.b.add1(
      .reduceFusion,
      [
        "keep_dims": false, "mode": .number(mode), "reduce_to_end": true, "coeff": .float(isOwn ? Double(p.coeff) : 1),
      ], [x, c.b.constant(ints: [axis])])
    return [isOwn ? y : try c.affine(y, scale: p.coeff, shift: 0)]
  }
}
