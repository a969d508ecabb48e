import ConverterCore
import Graph

/// Layers of the single-shot detectors.
enum DetectionLayers {
  static let table: [String: LayerImporter] = ["PriorBox": priorBox]

  /// Boxes around the centre of every cell of a feature map, as fractions of the image, [1, 2, boxes * 4]: the corners, then the
  /// variances. They depend on shapes alone, so they are computed here.
  private static func priorBox(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.priorBoxParam
    let inputs = try c.inputs(2...2)
    let map = try c.b.knownDims(of: inputs[0])
    let picture = try c.b.knownDims(of: inputs[1])
    guard map.count == 4, picture.count == 4 else { throw EngineError(.formatError, "both bottoms must be [N, C, H, W]") }
    guard !p.minSize.isEmpty, p.minSize.allSatisfy({ $0 > 0 }) else { throw EngineError(.formatError, "min_size is needed") }
    guard p.maxSize.isEmpty || p.maxSize.count == p.minSize.count else {
      throw EngineError(.formatError, "has \(p.maxSize.count) max_size for \(p.minSize.count) min_size; none or as many are accepted")
    }
    var ratios: [Float] = [1]
    for ratio in p.aspectRatio where !ratios.contains(where: { abs($0 - ratio) < 1e-6 }) {
      guard ratio > 0 else { throw EngineError(.formatError, "aspect_ratio must be positive") }
      ratios.append(ratio)
      if p.flip { ratios.append(1 / ratio) }
    }
    guard [0, 1, 4].contains(p.variance.count) else { throw EngineError(.formatError, "has \(p.variance.count) variances; 1 or 4 are accepted") }
    let variances = p.variance.count == 4 ? p.variance : [Float](repeating: p.variance.first ?? 0.1, count: 4)

    let height = Float(p.imgSize > 0 ? Int(p.imgSize) : p.imgH > 0 ? Int(p.imgH) : picture[2])
    let width = Float(p.imgSize > 0 ? Int(p.imgSize) : p.imgW > 0 ? Int(p.imgW) : picture[3])
    var (stepH, stepW) = (p.hasStep ? p.step : p.stepH, p.hasStep ? p.step : p.stepW)
    if stepH == 0 || stepW == 0 { (stepH, stepW) = (height / Float(map[2]), width / Float(map[3])) }

    /// Sizes of the boxes of one cell, width and height.
    var sizes: [(Float, Float)] = []
    for (i, size) in p.minSize.enumerated() {
      sizes.append((size, size))
      if !p.maxSize.isEmpty {
        let middle = (size * p.maxSize[i]).squareRoot()
        sizes.append((middle, middle))
      }
      for ratio in ratios where abs(ratio - 1) >= 1e-6 { sizes.append((size * ratio.squareRoot(), size / ratio.squareRoot())) }
    }
    let shape = Shape([map[2], map[3], sizes.count, 8])
    guard let count = shape.checkedCount, count <= 1 << 26 else { throw EngineError(.formatError, "makes too many boxes (\(shape))") }
    var values = [Float]()
    values.reserveCapacity(count)
    for row in 0..<map[2] {
      for column in 0..<map[3] {
        let (x, y) = ((Float(column) + p.offset) * stepW, (Float(row) + p.offset) * stepH)
        for (w, h) in sizes {
          for v in [(x - w / 2) / width, (y - h / 2) / height, (x + w / 2) / width, (y + h / 2) / height] {
            values.append(p.clip ? min(max(v, 0), 1) : v)
          }
        }
      }
    }
    let boxes = values.count / 4
    for _ in 0..<boxes { values += variances }
    return [c.b.constant("\(c.layer.name).boxes", floats: values, dims: [1, 2, boxes * 4])]
  }
}
