import ConverterCore
import Graph
import Operators

/// Layer and instance normalisation spelled with means, differences and roots:
///
///   d = x - mean(x); y = d / sqrt(mean(d^2) + e) * gamma + beta                         (ONNX)
///   r = rsqrt(mean((x - mean(x))^2) + e) * gamma; y = x r + (beta - mean(x) r)           (TensorFlow)
struct NormPatterns {
  let editor: GraphEditor
  let switches: FusionSwitch

  /// What has been found of a normalisation: y = (x - mean) / sqrt(variance + epsilon) over `axes`.
  private struct Norm {
    var x: Tensor
    var axes: [Int]
    var epsilon: Float
  }

  func run() throws(EngineError) {
    for node in editor.nodes where !editor.isRemoved(node) && node.outputs.count == 1 && node.outputs[0].type == .float32 {
      if node.outputs[0].quantParams.isEmpty, try !folded(node) { try plain(node) }
    }
  }

  // MARK: pieces

  /// The tensor and the axes of a mean that keeps its axes.
  private func mean(_ tensor: Tensor) -> (x: Tensor, axes: [Int])? {
    guard let node = editor.plain(tensor, .reduceFusion), node.attributes.bool(0), node.attributes.int(1) == 0, !node.attributes.bool(2),
      node.inputs.count == 2, node.inputs[1].isConstant, let axes = node.inputs[1].knownIntegers(limit: 8), !axes.isEmpty,
      let rank = editor.dims(of: node.inputs[0])?.count
    else { return nil }
    let counted = axes.map { $0 < 0 ? $0 + rank : $0 }.sorted()
    // In a model with open dimensions nothing says yet that the mean is possible.
    guard Set(counted).count == counted.count, counted.allSatisfy({ $0 >= 0 && $0 < rank }) else { return nil }
    return (node.inputs[0], counted)
  }

  /// x and its mean's axes where `tensor` is x - mean(x).
  private func centred(_ tensor: Tensor) -> (x: Tensor, axes: [Int])? {
    guard let node = editor.plain(tensor, .subFusion), let m = mean(node.inputs[1]), m.x === node.inputs[0] else { return nil }
    return m
  }

  /// The normalisation whose variance plus epsilon is `tensor`.
  private func variance(_ tensor: Tensor) -> Norm? {
    guard let sum = editor.plain(tensor, .addFusion) else { return nil }
    for (v, e) in editor.operands(sum) {
      guard let epsilon = editor.scalar(e), let m = mean(v) else { continue }
      if let node = editor.plain(m.x, .squaredDifference) {
        for (x, other) in editor.operands(node) {
          if let inner = mean(other), inner.x === x, inner.axes == m.axes { return Norm(x: x, axes: m.axes, epsilon: epsilon) }
        }
        continue
      }
      let f = editor.factors(m.x, depth: 2)
      if f.variables.count == 2, f.variables[0] === f.variables[1], f.scale == 1, let d = centred(f.variables[0]), d.axes == m.axes {
        return Norm(x: d.x, axes: m.axes, epsilon: epsilon)
      }
      // Two subtractions that are not merged yet.
      if f.variables.count == 2, f.scale == 1, let a = centred(f.variables[0]), let b = centred(f.variables[1]), a.x === b.x, a.axes == m.axes,
        b.axes == m.axes
      {
        return Norm(x: a.x, axes: m.axes, epsilon: epsilon)
      }
    }
    return nil
  }

  /// The normalisation whose reciprocal root is `tensor`: rsqrt(v), 1 / sqrt(v), v^-0.5.
  private func reciprocalRoot(_ tensor: Tensor) -> Norm? {
    if let node = editor.plain(tensor, .rsqrt) { return variance(node.inputs[0]) }
    if let node = editor.plain(tensor, .reciprocal), let root = editor.plain(node.inputs[0], .sqrt) { return variance(root.inputs[0]) }
    if editor.exponent(tensor) == -0.5, let node = editor.producer(of: tensor) { return variance(node.inputs[0]) }
    return nil
  }

  private func root(_ tensor: Tensor) -> Norm? {
    if let node = editor.plain(tensor, .sqrt) { return variance(node.inputs[0]) }
    if editor.exponent(tensor) == 0.5, let node = editor.producer(of: tensor) { return variance(node.inputs[0]) }
    return nil
  }

  // MARK: patterns

  /// (x - mean) / root [* gamma [+ beta]]: starts at the quotient and takes what follows.
  private func plain(_ node: Node) throws(EngineError) {
    var found: Norm? = nil
    if node.kind == .divFusion || node.kind == .realDiv, let d = centred(node.inputs[0]), let n = root(node.inputs[1]), n.x === d.x, n.axes == d.axes {
      found = n
    } else if node.kind == .mulFusion {
      for (a, b) in editor.operands(node) {
        if let d = centred(a), let n = reciprocalRoot(b), n.x === d.x, n.axes == d.axes { found = n }
      }
    }
    guard let norm = found, node.kind == .realDiv || node.attributes.int(0) == ActivationType.none else { return }
    var last = node
    var gamma: Tensor? = nil, beta: Tensor? = nil
    if let mul = editor.onlyReader(of: node.outputs[0]), mul.kind == .mulFusion, mul.attributes.int(0) == ActivationType.none,
      let (_, g) = editor.operands(mul).first(where: { $0.0 === node.outputs[0] }), g.isConstant,
      let add = editor.onlyReader(of: mul.outputs[0]), add.kind == .addFusion, add.attributes.int(0) == ActivationType.none,
      let (_, b) = editor.operands(add).first(where: { $0.0 === mul.outputs[0] }), b.isConstant
    {
      (gamma, beta, last) = (g, b, add)
    }
    if try make(last, norm, gamma, beta) { return }
    if last !== node { _ = try make(node, norm, nil, nil) }
  }

  /// x r + (beta - mean r), with r = rsqrt(variance + epsilon) [* gamma].
  private func folded(_ node: Node) throws(EngineError) -> Bool {
    guard node.kind == .addFusion, node.attributes.int(0) == ActivationType.none else { return false }
    for (scaled, shift) in editor.operands(node) {
      guard let product = editor.plain(scaled, .mulFusion), let difference = editor.plain(shift, .subFusion),
        let shifted = editor.plain(difference.inputs[1], .mulFusion)
      else { continue }
      for (x, r) in editor.operands(product) {
        guard let (m, _) = editor.operands(shifted).first(where: { $0.1 === r }).map({ ($0.0, $0.1) }), let average = mean(m), average.x === x
        else { continue }
        var gamma: Tensor? = nil
        var norm = reciprocalRoot(r)
        if norm == nil, let scale = editor.plain(r, .mulFusion) {
          for (a, b) in editor.operands(scale) where b.isConstant {
            if let n = reciprocalRoot(a) { (norm, gamma) = (n, b) }
          }
        }
        guard let n = norm, n.x === x, n.axes == average.axes, let g = gamma, difference.inputs[0].isConstant else { continue }
        if try make(node, n, g, difference.inputs[0]) { return true }
      }
    }
    return false
  }

  // MARK: results

  /// Makes `node` the normalisation, if there is an operator for it.
  private func make(_ node: Node, _ norm: Norm, _ gamma: Tensor?, _ beta: Tensor?) throws(EngineError) -> Bool {
    guard let d = editor.dims(of: norm.x), !d.isEmpty, gamma == nil || gamma?.type == .float32, beta == nil || beta?.type == .float32 else { return false }
    let rank = d.count
    let trailing = norm.axes == Array((rank - norm.axes.count)..<rank)
    let normalised = Array(d[(rank - norm.axes.count)...])
    if trailing, !normalised.contains(where: { $0 <= 0 }) {
      if let gamma, let beta {
        if let g = spread(gamma, normalised), let b = spread(beta, normalised) {
          return layerNorm(node, norm, [norm.x, g, b], rank)
        }
      } else {
        return layerNorm(node, norm, [norm.x], rank)
      }
    }
    // One value per channel: the spatial axes of an image are normalised.
    guard rank == 4, switches.allows("TfNormFusion") else { return false }
    let channelsLast = norm.axes == [1, 2], channelsFirst = norm.axes == [2, 3]
    guard channelsLast || channelsFirst, let gamma, let beta else { return false }
    let channels = d[channelsLast ? 3 : 1]
    let axis = channelsLast ? 3 : 1
    guard channels > 0, let g = perChannel(gamma, channels, axis), let b = perChannel(beta, channels, axis) else { return false }
    let name = node.name
    if channelsLast {
      editor.rewrite(node, .instanceNorm, ["epsilon": .float(Double(norm.epsilon))], [norm.x, g, b])
    } else {
      let x = try editor.add(.transpose, [:], [norm.x, editor.builder.constant(ints: [0, 2, 3, 1])], scope: name)
      x.format = .nhwc
      let y = try editor.add(.instanceNorm, ["epsilon": .float(Double(norm.epsilon))], [x, g, b], scope: name)
      editor.rewrite(node, .transpose, [:], [y, editor.builder.constant(ints: [0, 3, 1, 2])])
    }
    switches.count("TfNormFusion")
    return true
  }

  private func layerNorm(_ node: Node, _ norm: Norm, _ inputs: [Tensor], _ rank: Int) -> Bool {
    let name = "OnnxLayerNormFusion"
    guard switches.allows(name) else { return false }
    let axis = AttributeValue.number(rank - norm.axes.count)
    editor.rewrite(
      node, .layerNormFusion,
      [
        "begin_norm_axis": axis, "begin_params_axis": axis, "epsilon": .float(Double(norm.epsilon)),
        "elementwise_affine": .bool(inputs.count == 3),
      ], inputs)
    switches.count(name)
    return true
  }

  /// A parameter as a constant of the normalised shape: it has that shape already (apart from leading ones), or one element.
  private func spread(_ t: Tensor, _ dims: [Int]) -> Tensor? {
    let own = Array(t.shape.dims.drop { $0 == 1 })
    if own == Array(dims.drop { $0 == 1 }) { return t.shape.dims == dims ? t : editor.constant(t, dims: dims) }
    guard let value = editor.scalar(t) else { return nil }
    let count = Shape(dims).count
    return count > 0 && count <= 1 << 16
      ? editor.builder.constant(t.name, floats: [Float](repeating: value, count: count), dims: dims) : nil
  }

  /// A parameter that has one value per entry of `axis` of four, as a vector.
  private func perChannel(_ t: Tensor, _ channels: Int, _ axis: Int) -> Tensor? {
    let dims = [Int](repeating: 1, count: max(0, 4 - t.shape.rank)) + t.shape.dims
    var wanted = [1, 1, 1, 1]
    wanted[axis] = channels
    guard dims == wanted else { return nil }
    return t.shape.rank == 1 ? t : editor.constant(t, dims: [channels])
  }
}
