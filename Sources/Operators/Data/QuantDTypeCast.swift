import CKernels
import Graph
import System

// Attributes: 0 src_t: TypeId, not used (the input's type counts); 1 dst_t: TypeId; 2 axis: int, 0: the axis of the scales when
// the quantised tensor has one per channel.

/// Converts between real numbers and their quantised form: float32 to and from int8 and uint8, int8 to and from uint8 (a shift of
/// 128), int8 to int8 of another scale. Values are rounded before the zero point is added, halves away from zero.
final class QuantCastOperator: Operator {
  private let source: DataType, target: DataType
  private let axis: Int
  /// The quantised side's form, one entry per channel, or one.
  private var forms: [Quantization] = []
  /// What bytes become where both sides are bytes: 256 entries per form.
  private var tables: [UInt8] = []
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
      (.int8, .int8): break
    default:
      throw EngineError(
        .notSupported,
        "converts \(inputs[0]) to \(target.name); float32 to and from int8 and uint8, and between those two, are accepted")
    }
  }

  private var isShift: Bool { source != target && source != .float32 && target != .float32 }

  override func infer() throws(EngineError) {
    let shape = inputs[0].shape
    try setOutput(0, target, shape.dims)
    forms = []
    tables = []
    inner = max(shape.count, 1)
    if isShift {
      // 128 more or less is the sign bit.
      let plain = Quantization(scale: 1, zero: 0)
      forms = [plain]
      tables = plain.table { q in plain.byte(q) ^ 0x80 }
      return
    }
    // The quantised side says how; files that leave its parameters out have them at the other side.
    let (own, other) = source == .float32 ? (outputs[0], inputs[0]) : (inputs[0], outputs[0])
    let params = own.quantParams.isEmpty ? other.quantParams : own.quantParams
    let type = source == .float32 ? target : source
    if params.count > 1, let a = shape.axis(axis), shape[a] == params.count {
      inner = shape.span(a + 1..<shape.rank)
      for p in params { forms.append(try quantization(of: own, p, type)) }
    } else if let p = params.first {
      forms = [try quantization(of: own, p, type)]
    } else {
      throw EngineError(.error, "neither \(inputs[0]) nor its output has quantization parameters")
    }
    if source == .int8 && target == .int8 {
      let result = try quantization(of: outputs[0], outputs[0].quantParams.first ?? params[0], .int8)
      for f in forms { tables += f.requantization(to: result) }
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = outputs[0].count
    guard n > 0, let x = inputs[0].data, let y = outputs[0].data else { return }
    // One task stays inside one channel.
    let grain = min(inner, Elementwise.grain)
    let pieces = (inner + grain - 1) / grain
    forms.withUnsafeBufferPointer { forms in
      tables.withUnsafeBufferPointer { tables in
        context.parallel(
          n / inner * pieces,
          Job(
            kernels: context.kernels, x: UnsafeRawPointer(x), y: y, forms: forms.baseAddress.unsafelyUnwrapped,
            tables: tables.baseAddress, channels: forms.count, inner: inner, grain: grain, pieces: pieces,
            fromFloat: source == .float32, toFloat: target == .float32))
      }
    }
  }

  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let x: UnsafeRawPointer, y: UnsafeMutableRawPointer
    let forms: UnsafePointer<Quantization>, tables: UnsafePointer<UInt8>?
    let channels: Int, inner: Int, grain: Int, pieces: Int
    let fromFloat: Bool, toFloat: Bool
    func run(_ index: Int, worker: Int) {
      let group = index / pieces
      let first = index % pieces * grain
      let n = min(grain, inner - first)
      let start = group * inner + first
      let channel = group % channels
      let q = forms[channel]
      let bytes = kernels.pointee.int8
      if fromFloat {
        bytes.quantize(
          x.assumingMemoryBound(to: Float.self) + start, y.assumingMemoryBound(to: UInt8.self) + start, n, Float(q.scale), q.zero,
          q.flip)
        return
      }
      let from = x.assumingMemoryBound(to: UInt8.self) + start
      if toFloat {
        bytes.dequantize(from, y.assumingMemoryBound(to: Float.self) + start, n, Float(q.scale), q.zero, q.flip)
      } else if let tables {
        bytes.map(from, y.assumingMemoryBound(to: UInt8.self) + start, n, tables + channel * 256)
      }
    }
  }
}
