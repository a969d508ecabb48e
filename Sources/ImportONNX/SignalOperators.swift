import ConverterCore
import Foundation
import Graph

/// Fourier transforms, as products with constant matrices, and windows.
enum SignalOperators {
  static let table: [String: ONNXOperator] = [
    "DFT": dft, "STFT": stft, "HannWindow": window(0.5, 0.5, 0), "HammingWindow": window(25.0 / 46, 21.0 / 46, 0),
    "BlackmanWindow": window(0.42, 0.5, 0.08),
  ]

  // MARK: windows

  /// a - b cos(t) + c cos(2 t) for t = 2 pi i / n, where n is the number of entries, or one less for a symmetric window.
  private static func window(_ a: Float, _ b: Float, _ c: Float) -> ONNXOperator {
    return { node throws(EngineError) in
      let f = Formula(node)
      let type = try node.optionalType("output_datatype") ?? .float32
      let size = try f.squeezedToScalar(f.int(node.input(0, "size")))
      let length = try node.bool("periodic", true) ? size : f.sub(size, f.scalar(1))
      let angle = try f.div(f.mul(f.float(f.counting(size)), 2 * Float.pi), f.float(length))
      var y = try f.add(f.mul(f.unary(.cos, angle), -b), a)
      if c != 0 { y = try f.add(y, f.mul(f.unary(.cos, f.mul(angle, 2)), c)) }
      return [try f.cast(y, type)]
    }
  }

  // MARK: transforms

  /// Operands: a signal [..., 1 or 2] of real or complex numbers, the length, the axis (an attribute before version 20). Without a length
  /// it is that of the signal; a shorter signal continues with zeros, of a longer one the end does not count.
  private static func dft(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let source = try node.input(0)
    let rank = try graph.rank(of: source)
    let stated: Int
    if node.version < 20 {
      stated = try node.int("axis", 1)
    } else {
      stated = try node.optional(2).map { t throws(EngineError) in try number(node, t, "the axis") } ?? -2
    }
    let axis = try graph.axis(stated, of: source)
    guard axis < rank - 1, let dims = graph.dims(of: source) else {
      throw EngineError(.inputParameterInvalid, "axis \(stated) of \(source) is that of the real and imaginary parts")
    }
    let extent = dims[axis]
    guard extent >= 1 else {
      throw EngineError(.inferError, "the length of \(source) along axis \(axis) is not known; give the model's input shapes (--inputShape)")
    }
    let isInverse = try node.bool("inverse", false), isOneSided = try node.bool("onesided", false)
    let length = try node.optional(1).map { t throws(EngineError) in try number(node, t, "the length") }
    let transform = try FourierMatrix(
      rows: extent, parts: parts(source, dims), length: length ?? (isInverse && isOneSided ? 2 * (extent - 1) : extent),
      isInverse: isInverse, isOneSided: isOneSided)
    let order = (0..<(rank - 1)).filter { $0 != axis } + [axis, rank - 1]
    let isMoved = order != Array(0..<rank)
    var x = try f.float(source)
    if isMoved { x = try graph.transpose(x, order) }
    var y = try f.matmul(graph.reshape(x, [-1, extent * transform.parts]), transform.constant(graph))
    y = try graph.add1(
      .reshape, [:], [y, f.joined([f.dims(x, 0..<(rank - 2)), f.list([transform.bins, transform.resultParts])].filter { $0.count != 0 })])
    if isMoved { y = try graph.transpose(y, order.indices.map { i in order.firstIndex(of: i) ?? i }) }
    return [try f.cast(y, source.type)]
  }

  /// Operands: a signal [batch, length, 1 or 2], the distance of two frames, the window, the frames' length. Result: [batch, frame, bin, 2].
  private static func stft(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let source = try node.input(0, "signal")
    let dims = graph.dims(of: source) ?? []
    guard dims.count == 3 else { throw EngineError(.inputParameterInvalid, "\(source) is not a signal [batch, length, 1 or 2]") }
    let step = try number(node, node.input(1, "frame_step"), "the frame step")
    let taper = node.optional(2)
    let stated = try node.optional(3).map { t throws(EngineError) in try number(node, t, "the frame length") }
    let length = stated ?? taper.map { graph.dims(of: $0)?.first ?? -1 } ?? dims[1]
    guard length >= 1, step >= 1 else {
      throw EngineError(.inferError, "frames of a known length, and a step between them of 1 or more, are needed")
    }
    let transform = try FourierMatrix(
      rows: length, parts: parts(source, dims), length: length, isInverse: false, isOneSided: node.bool("onesided", true))
    var matrix = try transform.constant(graph)
    if let taper {
      let rows = try graph.reshape(matrix, [length, transform.parts * transform.bins * 2])
      matrix = try graph.reshape(f.mul(rows, graph.reshape(f.float(taper), [length, 1])), [length * transform.parts, transform.bins * 2])
    }
    let count: Tensor
    if dims[1] >= 0 {
      guard dims[1] >= length else { throw EngineError(.inputParameterInvalid, "\(source) is shorter than a frame of \(length)") }
      count = f.list([(dims[1] - length) / step + 1])
    } else {
      count = try f.add(f.floorDiv(f.sub(f.dims(source, 1..<2), f.scalar(length)), f.scalar(step)), f.scalar(1))
    }
    let starts = try f.mul(f.counting(f.squeezedToScalar(count)), f.scalar(step))
    let positions = try f.add(f.unsqueeze(starts, [1]), graph.constant(ints: Array(0..<length), dims: [1, length]))
    let frames = try f.gather(f.float(source), positions, axis: 1)
    let y = try f.matmul(graph.reshape(frames, [-1, length * transform.parts]), matrix)
    let shape = try f.joined([f.dims(source, 0..<1), count, f.list([transform.bins, 2])])
    return [try f.cast(graph.add1(.reshape, [:], [y, shape]), source.type)]
  }

  private static func number(_ node: ONNXNode, _ tensor: Tensor, _ what: String) throws(EngineError) -> Int {
    guard let value = try node.graph.integers(tensor, what).first else { throw EngineError(.formatError, "\(what) is not one number") }
    return value
  }

  /// 1 for real numbers, 2 for complex ones.
  private static func parts(_ x: Tensor, _ dims: [Int]) throws(EngineError) -> Int {
    guard let last = dims.last, last == 1 || last == 2 else {
      throw EngineError(.inputParameterInvalid, "the last dimension of \(x) must be 1 (real) or 2 (complex)")
    }
    return last
  }
}

/// The matrix of a discrete Fourier transform: rows for the parts of each number of the signal, columns for those of each number of the result.
struct FourierMatrix {
  let rows: Int
  /// Parts of each number of the signal: real, or real and imaginary.
  let parts: Int
  let length: Int
  let isInverse: Bool
  /// Of the numbers of a real signal's transform the later ones mirror the earlier: they are left out, or to be completed.
  let isOneSided: Bool
  private static let limit = 1 << 24, lengthLimit = 1 << 20

  init(rows: Int, parts: Int, length: Int, isInverse: Bool, isOneSided: Bool) throws(EngineError) {
    guard length >= 1, length <= Self.lengthLimit, rows >= 1, rows <= Self.lengthLimit else {
      throw EngineError(.inputParameterInvalid, "a Fourier transform of the length \(length) is impossible")
    }
    self.rows = rows
    self.parts = parts
    self.length = length
    self.isInverse = isInverse
    self.isOneSided = isOneSided
    guard rows * parts * bins * resultParts <= Self.limit else {
      throw EngineError(.notSupported, "a Fourier transform of \(rows) to \(bins) numbers is too large to be a matrix")
    }
  }

  /// Numbers of the result.
  var bins: Int { isOneSided && !isInverse ? length / 2 + 1 : length }
  /// The result of a transform of completed numbers is real.
  var resultParts: Int { isOneSided && isInverse ? 1 : 2 }

  func constant(_ graph: GraphBuilder) throws(EngineError) -> Tensor {
    let sign: Double = isInverse ? 1 : -1
    let columns = bins * resultParts
    var values = [Float](repeating: 0, count: rows * parts * columns)
    let used = min(rows, isOneSided && isInverse ? length / 2 + 1 : length)
    let circle = (0..<length).map { i in
      let angle = 2 * Double.pi * Double(i) / Double(length)
      return (cos: cos(angle), sin: sign * sin(angle))
    }
    for j in 0..<used {
      var scale = isInverse ? 1 / Double(length) : 1
      // The completed number has the same share.
      if resultParts == 1 && j > 0 && 2 * j != length { scale *= 2 }
      for k in 0..<bins {
        let turn = circle[j * k % length]
        for part in 0..<parts {
          let place = (j * parts + part) * columns + k * resultParts
          values[place] = Float(scale * (part == 0 ? turn.cos : -turn.sin))
          if resultParts == 2 { values[place + 1] = Float(scale * (part == 0 ? turn.sin : turn.cos)) }
        }
      }
    }
    return graph.constant(floats: values, dims: [rows * parts, columns])
  }
}
