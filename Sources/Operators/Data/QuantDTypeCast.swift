import Graph
import System

// Attributes: 0 src_t: TypeId, not used (the input's type counts); 1 dst_t: TypeId; 2 axis: int, 0: the axis of the scales when
// the quantised tensor has one per channel.

/// Converts between real numbers and their quantised form: float32 to and from int8 and uint8, int8 to and from uint8 (a shift of
/// 128), int8 to int8 of another scale.
final class QuantCastOperator: Operator {
  private let source: DataType, target: DataType
  private let axis: Int
  /// One entry per channel, or one.
  private var scales: [Float] = [], zeros: [Int32] = []
  private var targetScale: Float = 1, targetZero: Int32 = 0
  private var inner = 1

  override init(_ node: Node) throws(EngineError) {
    source = node.inputs.first?.type ?? .unknown
    target = DataType(typeID: Int32(node.attributes.int(1, 0))) ?? .unknown
    axis = node.attributes.int(2, 0)
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    switch (source, target) {
    case (.float32, .int8), (.float32, .uint8), (.int8, .float32), (.uint8, .float32), (.int8, .uint8), (.uint8, .int8),
      (.int8, .int8):
      break
    default:
      throw EngineError(
        .notSupported,
        "converts \(inputs[0].text) to \(target.name); float32 to and from int8 and uint8, and between those two, are accepted")
    }
  }

  private var isShift: Bool { source != target && source != .float32 && target != .float32 }

  override func infer() throws(EngineError) {
    // The quantised side says how; files that leave its parameters out have them at the other side.
    let (own, other) = source == .float32 ? (outputs[0], inputs[0]) : (inputs[0], outputs[0])
    let params = own.quantParams.isEmpty ? other.quantParams : own.quantParams
    if params.isEmpty && !isShift {
      throw EngineError(.error, "neither \(inputs[0].text) nor its output has quantization parameters")
    }
    let shape = inputs[0].shape
    scales = []
    zeros = []
    inner = max(shape.count, 1)
    if params.count > 1, let a = shape.axis(axis), shape[a] == params.count {
      inner = shape.span(a + 1..<shape.rank)
      for p in params {
        scales.append(Float(p.scale))
        zeros.append(p.zeroPoint)
      }
    } else if let p = params.first {
      scales = [Float(p.scale)]
      zeros = [p.zeroPoint]
    }
    if let q = outputs[0].quantParams.first ?? params.first {
      targetScale = Float(q.scale)
      targetZero = q.zeroPoint
    }
    try setOutput(0, target, shape.dims)
  }

  private static let grain = 16384

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = outputs[0].count
    guard n > 0, let x = inputs[0].data, let y = outputs[0].data else { return }
    if isShift {
      // 128 more or less is the sign bit.
      return context.parallel(
        (n + QuantCastOperator.grain - 1) / QuantCastOperator.grain,
        ShiftJob(
          x: UnsafePointer(x.assumingMemoryBound(to: UInt8.self)), y: y.assumingMemoryBound(to: UInt8.self), n: n,
          grain: QuantCastOperator.grain))
    }
    scales.withUnsafeBufferPointer { scales in
      zeros.withUnsafeBufferPointer { zeros in
        // One task stays inside one channel.
        let grain = min(inner, QuantCastOperator.grain)
        let pieces = (inner + grain - 1) / grain
        context.parallel(
          n / inner * pieces,
          Job(
            x: UnsafeRawPointer(x), y: y, scales: scales.baseAddress.unsafelyUnwrapped,
            zeros: zeros.baseAddress.unsafelyUnwrapped, channels: scales.count, inner: inner, grain: grain, pieces: pieces,
            source: source, target: target, targetScale: targetScale, targetZero: targetZero))
      }
    }
  }

  private struct ShiftJob: ParallelJob {
    let x: UnsafePointer<UInt8>, y: UnsafeMutablePointer<UInt8>
    let n: Int, grain: Int
    func run(_ index: Int, worker: Int) {
      var i = index * grain
      let end = min(n, i + grain)
      while i < end {
        y[i] = x[i] ^ 128
        i += 1
      }
    }
  }

  private struct Job: ParallelJob {
    let x: UnsafeRawPointer, y: UnsafeMutableRawPointer
    let scales: UnsafePointer<Float>, zeros: UnsafePointer<Int32>
    let channels: Int, inner: Int, grain: Int, pieces: Int
    let source: DataType, target: DataType
    let targetScale: Float, targetZero: Int32
    func run(_ index: Int, worker: Int) {
      let group = index / pieces
      let first = index % pieces * grain
      let n = min(grain, inner - first)
      let start = group * inner + first
      let scale = scales[group % channels]
      let zero = Int(zeros[group % channels])
      if source == .float32 {
        let from = x.assumingMemoryBound(to: Float.self) + start
        if target == .int8 { toInt8(from, start, n, scale, Float(zero)) } else { toUInt8(from, start, n, scale, zero) }
        return
      }
      var i = 0
      while i < n {
        let q =
          source == .int8
          ? Int(x.load(fromByteOffset: start + i, as: Int8.self)) : Int(x.load(fromByteOffset: start + i, as: UInt8.self))
        let real = Float(q - zero) * scale
        if target == .float32 {
          y.storeBytes(of: real, toByteOffset: (start + i) * 4, as: Float.self)
        } else {
          y.storeBytes(
            of: rounded(real * (1 / targetScale) + Float(targetZero)), toByteOffset: start + i, as: Int8.self)
        }
        i += 1
      }
    }

    private func toInt8(_ x: UnsafePointer<Float>, _ start: Int, _ n: Int, _ scale: Float, _ zero: Float) {
      let factor = 1 / scale
      var i = 0
      while i < n {
        y.storeBytes(of: rounded(x[i] * factor + zero), toByteOffset: start + i, as: Int8.self)
        i += 1
      }
    }

    private func toUInt8(_ x: UnsafePointer<Float>, _ start: Int, _ n: Int, _ scale: Float, _ zero: Int) {
      var i = 0
      while i < n {
        // Either infinity gives 255, as in the original.
        let q = x[i].isInfinite ? 255 : roundHalfAway(Double(x[i]) / Double(scale) + Double(zero))
        y.storeBytes(of: saturated(q, UInt8.self), toByteOffset: start + i, as: UInt8.self)
        i += 1
      }
    }

    /// To the nearest int8, halves away from zero; NaN gives -128.
    @inline(__always)
    private func rounded(_ value: Float) -> Int8 {
      let v = value > -200 ? (value < 200 ? value : 200) : -200
      let whole = Int32(v)
      let rest = v - Float(whole)
      let q = rest >= 0.5 ? whole + 1 : rest <= -0.5 ? whole - 1 : whole
      return Int8(max(-128, min(q, 127)))
    }
  }
}
