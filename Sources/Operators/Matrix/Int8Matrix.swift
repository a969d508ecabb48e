import CKernels
import Graph
import System

/// The weights of 8-bit products, packed once, and what the last step of the products needs per output channel.
///
/// The weights are `groups` matrices of k x n. Vectors run over all groups' channels; each group's part is as long as its panels are
/// wide, because kernels read whole vectors.
final class Int8Matrix {
  let kernels: UnsafePointer<MSInt8MatrixKernels>
  let k: Int, n: Int, groups: Int
  let panels: Int
  /// Bytes of one group's packed weights.
  let bytes: Int
  /// Entries of one group's vectors.
  private let stride: Int
  /// nil until constant weights are packed.
  private var packed: PackedBuffer? = nil
  private let vectors: Buffer
  private let weights: Tensor
  private let flip: Int32
  private let sharesParameters: Bool
  private let period: Int
  /// Some weight has a zero point other than 0.
  private var hasZeros = false
  /// The input's zero point and scale that the vectors were computed for.
  private var source: (zero: Int32, scale: Double)? = nil

  /// Vectors: sums, zero points, offsets, multipliers, shifts; scales and biases as floats.
  private enum Vector: Int {
    case sums = 0, zeros, offsets, multipliers, shifts, scales, biases
    static let count = 7
  }

  /// For `weights`, int8 or uint8, whose parameters, when there is more than one, belong to the output channels: those of all groups,
  /// or, when the groups share them, to the n columns of each. `period`: channels of a group, when its columns repeat them.
  /// Weights that are not constant are packed by every run.
  init(
    _ weights: Tensor, k: Int, n: Int, groups: Int, kernels: UnsafePointer<MSInt8MatrixKernels>, sharesParameters: Bool = false,
    period: Int? = nil
  ) throws(EngineError) {
    self.kernels = kernels
    self.weights = weights
    self.sharesParameters = sharesParameters
    self.period = max(period ?? n, 1)
    self.k = k
    self.n = n
    self.groups = groups
    let width = Int(kernels.pointee.columns)
    panels = (n + width - 1) / width
    stride = panels * width
    flip = weights.type == .uint8 ? 0x80 : 0
    let (size, overflow) = (k + 8).multipliedReportingOverflow(by: stride * 2)
    bytes = overflow || size > 1 << 40 ? -1 : (kernels.pointee.packed_bytes(k, n) + 63) & ~63
    let (total, overflow2) = bytes.multipliedReportingOverflow(by: groups)
    guard bytes >= 0, !overflow2, total < 1 << 40, let vectors = Buffer(count: Vector.count * stride * groups * 4) else {
      throw EngineError(.outOfMemory, "no memory to pack the weights (\(weights))")
    }
    self.vectors = vectors
    if !weights.isConstant {
      packed = PackedBuffer.make(count: total)
      if packed == nil { throw EngineError(.outOfMemory, "no memory to pack \(weights)") }
    }
    vectors.base.initializeMemory(as: UInt8.self, repeating: 0, count: Vector.count * stride * groups * 4)
  }

  /// Forgets what `update` has computed, for weights that change from run to run.
  func reset() { source = nil }

  private func integers(_ vector: Vector, _ group: Int) -> UnsafeMutablePointer<Int32> {
    vectors.base.assumingMemoryBound(to: Int32.self) + (vector.rawValue * groups + group) * stride
  }
  private func floats(_ vector: Vector, _ group: Int) -> UnsafeMutablePointer<Float> {
    vectors.base.assumingMemoryBound(to: Float.self) + (vector.rawValue * groups + group) * stride
  }
  func packedWeights(_ group: Int) -> UnsafeMutableRawPointer {
    // Weights without elements are not packed, and not read.
    (packed?.base ?? vectors.base) + group * bytes
  }

  /// Which output channel column c of a group is.
  private func channel(_ group: Int, _ c: Int) -> Int { (sharesParameters ? 0 : group * period) + (c < period ? c : c % period) }

  /// Packs the constant weights: the groups one behind the other, element (row, column) of a group at
  /// `data[row * rowStride + column * columnStride]`.
  func packConstant(
    _ data: UnsafeRawPointer, rowStride: Int, columnStride: Int, _ context: ExecutionContext
  ) throws(EngineError) {
    // The panels may depend on the zero points, which do not lie beside the weights.
    var variant = Int(flip)
    for group in 0..<groups {
      readZeros(group)
      let zeros = integers(.zeros, group)
      if hasZeros { for c in 0..<n { variant = variant &* 0x100_0193 ^ Int(zeros[c]) } }
    }
    let key = PackingKey(.int8, kernels, sizes: (k, n, groups), strides: (rowStride, columnStride), variant: variant)
    let sumBytes = stride * groups * 4
    packed = PackedBuffer.make(
      key, of: UnsafeRawBufferPointer(start: data, count: k * n * groups), count: bytes * groups + sumBytes,
      in: context.weights
    ) { target in
      let sums = (target + bytes * groups).assumingMemoryBound(to: Int32.self)
      sums.initialize(repeating: 0, count: stride * groups)
      for group in 0..<groups {
        pack(
          data + group * k * n, into: target + group * bytes, sums + group * stride, group, rowStride: rowStride,
          columnStride: columnStride, context)
      }
    }
    guard let packed else { throw EngineError(.outOfMemory, "no memory to pack the weights (\(weights))") }
    UnsafeMutableRawPointer(integers(.sums, 0)).copyMemory(from: packed.base + bytes * groups, byteCount: sumBytes)
  }

  /// Packs weights that a run has computed.
  func packVariable(_ data: UnsafeRawPointer, rowStride: Int, columnStride: Int, _ context: ExecutionContext) {
    readZeros(0)
    pack(data, into: packedWeights(0), integers(.sums, 0), 0, rowStride: rowStride, columnStride: columnStride, context)
  }

  private func readZeros(_ group: Int) {
    let zeros = integers(.zeros, group), parameters = weights.quantParams
    for c in 0..<n {
      zeros[c] = parameters[parameters.count == 1 ? 0 : channel(group, c)].zeroPoint &- (flip == 0 ? 0 : 128)
      if zeros[c] != 0 { hasZeros = true }
    }
  }

  private func pack(
    _ data: UnsafeRawPointer, into target: UnsafeMutableRawPointer, _ sums: UnsafeMutablePointer<Int32>, _ group: Int,
    rowStride: Int, columnStride: Int, _ context: ExecutionContext
  ) {
    let job = PackJob(
      kernels: kernels, target: target, sums: sums, source: data, flip: flip, zeros: integers(.zeros, group), k: k, n: n,
      rowStride: rowStride, columnStride: columnStride, panels: panels,
      tasks: k * n < 32768 ? 1 : min(panels, context.threads * 2))
    context.parallel(job.tasks, job)
  }

  private struct PackJob: ParallelJob {
    let kernels: UnsafePointer<MSInt8MatrixKernels>
    let target: UnsafeMutableRawPointer, sums: UnsafeMutablePointer<Int32>
    let source: UnsafeRawPointer
    let flip: Int32
    let zeros: UnsafePointer<Int32>
    let k: Int, n: Int, rowStride: Int, columnStride: Int, panels: Int, tasks: Int

    func run(_ index: Int, worker: Int) {
      kernels.pointee.pack(
        target, sums, source.assumingMemoryBound(to: Int8.self), flip, zeros, k, n, rowStride, columnStride,
        panels * index / tasks, panels * (index + 1) / tasks)
    }
  }

  /// Computes the vectors for an input of quantisation `x` and the result's `output`; nothing when they are up to date.
  func update(_ x: Quantization, _ output: Int8Result) {
    if let source, source.zero == x.zero && source.scale == x.scale { return }
    source = (x.zero, x.scale)
    let shifted = x.zero &+ kernels.pointee.x_shift
    let parameters = weights.quantParams
    for group in 0..<groups {
      let sums = integers(.sums, group), zeros = integers(.zeros, group), offsets = integers(.offsets, group)
      let addsZeros = hasZeros && kernels.pointee.packs_zero == 0
      for c in 0..<n {
        let channel = channel(group, c)
        let real = x.scale * parameters[parameters.count == 1 ? 0 : channel].scale
        var offset = output.offset(channel, real) &- shifted &* sums[c]
        if addsZeros { offset = offset &+ Int32(truncatingIfNeeded: k) &* shifted &* zeros[c] }
        offsets[c] = offset
        if output.isFloat {
          floats(.scales, group)[c] = Float(real)
          floats(.biases, group)[c] = output.realBias(channel, real)
        } else {
          let factor = output.factor(real)
          integers(.multipliers, group)[c] = factor.multiplier
          integers(.shifts, group)[c] = factor.shift
        }
      }
    }
  }

  /// What the kernels are told about the last step of `group`, to be written to `y`.
  func output(_ result: Int8Result, group: Int, y: UnsafeMutableRawPointer, ldc: Int) -> MSInt8Output {
    var out = result.output(y, ldc, offsets: integers(.offsets, group))
    if hasZeros && kernels.pointee.packs_zero == 0 { out.weight_zero = UnsafePointer(integers(.zeros, group)) }
    if result.isFloat {
      out.scale = UnsafePointer(floats(.scales, group))
      out.bias = UnsafePointer(floats(.biases, group))
    } else {
      out.multiplier = UnsafePointer(integers(.multipliers, group))
      out.shift = UnsafePointer(integers(.shifts, group))
    }
    return out
  }

  /// Scratch of `multiply`.
  func productScratch(_ rows: Int, _ x: Quantization, _ result: Int8Result, _ context: ExecutionContext) -> Int {
    let nowhere = UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped
    let c = product(nowhere, stride: k, rows: rows, x, group: 0, result, sums: false, into: nowhere)
    return Int8ConvolutionJob.scratchBytes(c, kernels) * context.threads
  }

  /// The product of `rows` rows of k values, `stride` bytes apart (k), with group `group`, into rows of n results, or of n sums.
  func multiply(
    _ x: UnsafeRawPointer, stride: Int? = nil, rows: Int, _ quantization: Quantization, group: Int, _ result: Int8Result,
    sums: Bool = false, into y: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer, _ context: ExecutionContext
  ) {
    let job = Int8ConvolutionJob(
      product(x, stride: stride ?? k, rows: rows, quantization, group: group, result, sums: sums, into: y), self,
      scratch: scratch, context)
    context.parallel(job.grid.tasks, job)
  }

  private func product(
    _ x: UnsafeRawPointer, stride: Int, rows: Int, _ quantization: Quantization, group: Int, _ result: Int8Result, sums: Bool,
    into y: UnsafeMutableRawPointer
  ) -> MSInt8Conv {
    var out = output(result, group: group, y: y, ldc: n)
    if sums { out.kind = Int32(MS_INT8_SUMS.rawValue) }
    return MSInt8Conv(
      x: x.assumingMemoryBound(to: Int8.self), weights: packedWeights(group), in_h: 1, in_w: rows, in_channels: k,
      pixel_stride: stride, out_h: 1, out_w: rows, out_channels: n, kernel_h: 1, kernel_w: 1, stride_h: 1, stride_w: 1,
      dilation_h: 1, dilation_w: 1, pad_top: 0, pad_left: 0, x_zero: quantization.zero, flip: Int32(quantization.flip),
      pads_runs: 0, output: out)
  }

  /// Packs depthwise weights [groups][taps] for an input of quantisation `x`; the vectors go into the packing.
  static func packDepthwise(
    _ weights: Tensor, channels: Int, taps: Int, _ x: Quantization, _ result: Int8Result, _ kernels: UnsafePointer<MSInt8MatrixKernels>
  ) throws(EngineError) -> Buffer {
    guard let buffer = Buffer(count: kernels.pointee.depthwise_bytes(taps, channels)),
      let vectors = Buffer(count: channels * 16), let data = weights.data
    else { throw EngineError(.outOfMemory, "no memory to pack the weights (\(weights))") }
    let flip: Int32 = weights.type == .uint8 ? 0x80 : 0
    let integers = vectors.base.assumingMemoryBound(to: Int32.self), floats = vectors.base.assumingMemoryBound(to: Float.self)
    var hasZeros = false
    for c in 0..<channels {
      let p = weights.quantParams[weights.quantParams.count == 1 ? 0 : c]
      let real = x.scale * p.scale
      integers[c] = p.zeroPoint &- (flip == 0 ? 0 : 128)
      if integers[c] != 0 { hasZeros = true }
      integers[channels + c] = result.offset(c, real)
      if result.isFloat {
        floats[2 * channels + c] = Float(real)
        floats[3 * channels + c] = result.realBias(c, real)
      } else {
        let factor = result.factor(real)
        integers[2 * channels + c] = factor.multiplier
        integers[3 * channels + c] = factor.shift
      }
    }
    // The kernels take y from the call, not from the packing.
    var output = result.output(buffer.base, channels, offsets: integers + channels)
    if result.isFloat {
      output.scale = UnsafePointer(floats + 2 * channels)
      output.bias = UnsafePointer(floats + 3 * channels)
    } else {
      output.multiplier = UnsafePointer(integers + 2 * channels)
      output.shift = UnsafePointer(integers + 3 * channels)
    }
    kernels.pointee.depthwise_pack(
      buffer.base, data.assumingMemoryBound(to: Int8.self), flip, hasZeros ? UnsafePointer(integers) : nil, taps, channels, x.zero,
      &output)
    return buffer
  }
}
