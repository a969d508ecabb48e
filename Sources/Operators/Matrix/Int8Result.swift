import CKernels
import Graph
import System

/// What becomes of the sums of an 8-bit product: a quantised tensor or a float32 one, with bias and activation.
struct Int8Result {
  /// nil: the result is float32.
  let quantization: Quantization?
  private let bias: Tensor?
  private let range: ClosedRange<Int32>
  /// The clamp that a float result's activation is; others are applied afterwards.
  private let floatRange: ClosedRange<Float>
  private let activation: FusedActivation
  private let upward: Bool, singlePrecision: Bool

  /// Float results as the sums are.
  init() {
    quantization = nil
    bias = nil
    range = 0...0
    floatRange = -Float.infinity...Float.infinity
    activation = .none
    upward = false
    singlePrecision = false
  }

  var isFloat: Bool { quantization == nil }

  /// An activation is left to ``finishFloats(_:_:)``.
  var finishesFloats: Bool { isFloat && !activation.isNone && activation.op != Int32(MS_UNARY_CLAMP.rawValue) }

  /// Applies to a float result the activation that the kernels have not applied.
  func finishFloats(_ y: Tensor, _ context: ExecutionContext) {
    guard finishesFloats, y.count > 0 else { return }
    context.kernels.pointee.unary(activation.op, y.floats, y.floats, y.count, activation.alpha, activation.beta)
  }

  /// Reads what `op`'s output is to be. `field`: of the activation attribute. The bias, if any, must be constant: float32, or int32
  /// in units of the product of the scales.
  init(_ op: Operator, bias: Tensor?, activationField field: Int) throws(EngineError) {
    activation = try op.fusedActivation(field: field)
    self.bias = bias
    if let bias {
      guard bias.type == .int32 || bias.type == .float32, bias.isConstant else {
        throw EngineError(.notSupported, "the bias (\(bias)) must be an int32 or float32 constant")
      }
    }
    let parameters = op.inputs[0].quantParams.first
    upward = parameters?.roundType == 2
    singlePrecision = parameters?.multiplier == 0
    let output = op.outputs[0]
    // A file says the type; where nobody has said it, parameters tell a quantised result.
    if output.type == .float32 || (output.type == .unknown && output.quantParams.isEmpty) {
      quantization = nil
      range = 0...0
      let isClamp = activation.op == Int32(MS_UNARY_CLAMP.rawValue)
      floatRange = isClamp && activation.alpha <= activation.beta ? activation.alpha...activation.beta : -Float.infinity...Float.infinity
      return
    }
    let type = output.type.isByteInteger ? output.type : op.inputs[0].type
    let own = try op.requireQuantization(output: 0, type: type)
    quantization = own
    range = own.range(after: op.node.attributes.int(field, 0))
    floatRange = 0...0
  }

  /// The type that the shape rule sets.
  var type: DataType { quantization.map { $0.flip == 0 ? .int8 : .uint8 } ?? .float32 }

  /// The bias of a channel in units of its sums, `real` each; 0 for float results, whose bias is added to the real number.
  func offset(_ channel: Int, _ real: Double) -> Int32 {
    guard !isFloat, let bias, let data = bias.data else { return 0 }
    if bias.type == .int32 { return data.loadUnaligned(fromByteOffset: channel * 4, as: Int32.self) }
    let value = roundHalfAway(Double(data.loadUnaligned(fromByteOffset: channel * 4, as: Float.self)) / real)
    return value >= -0x1p31 && value < 0x1p31 ? Int32(value) : value > 0 ? Int32.max : value < 0 ? Int32.min : 0
  }

  func realBias(_ channel: Int, _ real: Double) -> Float {
    guard let bias, let data = bias.data else { return 0 }
    if bias.type == .float32 { return data.loadUnaligned(fromByteOffset: channel * 4, as: Float.self) }
    return Float(Double(data.loadUnaligned(fromByteOffset: channel * 4, as: Int32.self)) * real)
  }

  /// From sums of unit `real` to the result's.
  func factor(_ real: Double) -> FixedMultiplier {
    let factor = real / (quantization?.scale ?? 1)
    return FixedMultiplier(singlePrecision ? Double(Float(factor)) : factor)
  }

  /// The kernels' description, still without multipliers or scales.
  func output(_ y: UnsafeMutableRawPointer, _ ldc: Int, offsets: UnsafePointer<Int32>) -> MSInt8Output {
    MSInt8Output(
      y: y, ldc: ldc, kind: Int32(isFloat ? MS_INT8_FLOAT.rawValue : MS_INT8_QUANTIZED.rawValue), offset: offsets,
      weight_zero: nil, multiplier: nil, shift: nil, zero: quantization?.zero ?? 0, lo: range.lowerBound, hi: range.upperBound,
      upward: upward ? 1 : 0, flip: Int32(quantization?.flip ?? 0), scale: nil, bias: nil, float_lo: floatRange.lowerBound,
      float_hi: floatRange.upperBound)
  }
}

extension Operator {
  /// Checks that input `index` holds int8 or uint8 weights with parameters for the whole tensor or one for each of `channels`.
  func requireQuantizedWeights(_ index: Int, channels: Int) throws(EngineError) {
    let weights = inputs[index]
    guard weights.type.isByteInteger else {
      throw EngineError(.notSupported, "input \(index) (\(weights)) must be int8 or uint8, as input 0 (\(inputs[0])) is")
    }
    let count = weights.quantParams.count
    guard count == 1 || count == channels else {
      throw EngineError(
        .notSupported,
        "input \(index) (\(weights)) has \(count) quantization parameters; 1 or \(channels) are needed, one per output channel")
    }
    let low: Int32 = weights.type == .uint8 ? 0 : -128
    for p in weights.quantParams where !(p.scale > 0 && p.scale < .infinity && p.zeroPoint >= low && p.zeroPoint <= low + 255) {
      throw EngineError(
        .notSupported,
        "input \(index) (\(weights)) has quantization parameters out of range: positive scales and zero points (\(p.zeroPoint)) inside the type's range are needed"
      )
    }
  }
}

/// One image's convolution, or a matrix product, on the pool; every worker has its own scratch.
struct Int8ConvolutionJob: ParallelJob {
  let kernels: UnsafePointer<MSInt8MatrixKernels>
  let convolution: MSInt8Conv
  let grid: WorkGrid
  let scratch: UnsafeMutableRawPointer
  let scratchStride: Int

  init(_ convolution: MSInt8Conv, _ matrix: Int8Matrix, scratch: UnsafeMutableRawPointer, _ context: ExecutionContext) {
    kernels = matrix.kernels
    self.convolution = convolution
    let rows = convolution.out_h * convolution.out_w
    // Products of bytes are about three times as fast as those of floats.
    let (work, overflow) = rows.multipliedReportingOverflow(by: matrix.k * matrix.n / 3)
    grid = WorkGrid(
      rows: rows, panels: matrix.panels, work: overflow ? Int.max : work, rowTile: Int(kernels.pointee.rows),
      threads: context.threads)
    self.scratch = scratch
    scratchStride = Self.scratchBytes(convolution, kernels)
  }

  /// Bytes of one worker's scratch.
  static func scratchBytes(_ convolution: MSInt8Conv, _ kernels: UnsafePointer<MSInt8MatrixKernels>) -> Int {
    var c = convolution
    return (kernels.pointee.conv_scratch(&c) + 63) & ~63
  }

  func run(_ index: Int, worker: Int) {
    let b = grid.block(index)
    withUnsafePointer(to: convolution) {
      kernels.pointee.conv($0, b.row0, b.row1, b.panel0, b.panel1, scratch + worker * scratchStride)
    }
  }
}

extension Tensor {
  /// What the values of this run stand for: a DynamicQuant operator changes the parameters of its output. `planned` is what they
  /// were when the shapes were inferred.
  func currentQuantization(_ planned: Quantization) -> Quantization {
    guard let p = quantParams.first, p.scale > 0, p.scale < .infinity else { return planned }
    return Quantization(scale: p.scale, zero: p.zeroPoint &- (planned.flip == 0 ? 0 : 128), flip: planned.flip)
  }
}
