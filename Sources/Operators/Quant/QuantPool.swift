import CKernels
import CSystem
import Graph
import System

// Attributes: as in Pool.swift.

/// AvgPoolFusion and MaxPoolFusion on int8 and uint8.
///
/// The average is the mean of the bytes inside the image, rounded (halves away from zero), as in TFLite; when input and output
/// have different parameters it is (sum - n x0) M / n with the rounding of the fixed-point multiplication instead. The maximum is
/// taken on bytes and requantised.
final class QuantPoolOperator: PoolOperator {
  private var from = Quantization(scale: 1, zero: 0), to = Quantization(scale: 1, zero: 0)
  private var table: [UInt8] = []
  private var range: ClosedRange<Int32> = -128...127
  private var changesBytes = false

  override func requireElements() throws(EngineError) {
    from = try requireQuantization(input: 0)
    to = try quantization(output: 0, type: inputs[0].type, like: from)
    let type = node.attributes.int(7, 0)
    range = to.range(after: type)
    changesBytes = !from.isLike(to) || range != -128...127
    // The maximum's table also applies the activation.
    let range = range, target = to
    let ratio = from.scale / to.scale, zero = from.zero
    table = from.table { q in
      target.byte(max(range.lowerBound, min(target.nearest(Double(q - zero) * ratio), range.upperBound)))
    }
  }

  override var acceptsFusedActivation: Bool { false }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    try super.prepare(context)
    // Sums of one row of channels.
    workspaceBytes = isAverage ? context.threads * inputs[0].shape[3] * 4 : 0
  }

  /// One output pixel per step.
  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let isAverage: Bool, isSame: Bool
    /// The maximum has other parameters than the input, or an activation.
    let mapsMaximum: Bool
    let x: UnsafePointer<UInt8>, y: UnsafeMutablePointer<UInt8>, sums: UnsafeMutablePointer<Int32>
    let table: UnsafePointer<UInt8>
    let from: Quantization, to: Quantization
    let low: Int32, high: Int32
    let inH: Int, inW: Int, outH: Int, outW: Int, channels: Int
    let kernelH: Int, kernelW: Int, strideH: Int, strideW: Int, top: Int, left: Int

    /// Row `index` of all images' output rows.
    func run(_ index: Int, worker: Int) {
      let (image, row) = index.quotientAndRemainder(dividingBy: outH)
      let start = row * strideH - top
      let firstRow = max(start, 0), lastRow = min(start + kernelH, inH)
      for column in 0..<outW {
        let left = column * strideW - left
        let firstColumn = max(left, 0), lastColumn = min(left + kernelW, inW)
        let result = y + (index * outW + column) * channels
        let taps = max(lastRow - firstRow, 0) * max(lastColumn - firstColumn, 0)
        if taps == 0 {
          // Wholly in the padding: the lowest value, or an average of 0.
          let nothing = isAverage ? max(low, min(to.zero, high)) : low
          for c in 0..<channels { result[c] = to.byte(nothing) }
          continue
        }
        let window = x + ((image * inH + firstRow) * inW + firstColumn) * channels
        if isAverage {
          average(window, result, lastRow - firstRow, lastColumn - firstColumn, sums + worker * channels)
        } else {
          memset(result, Int32(0x80 ^ from.flip), channels)
          for r in 0..<lastRow - firstRow {
            kernels.pointee.int8.max_columns(
              window + r * inW * channels, result, lastColumn - firstColumn, channels, channels, from.flip)
          }
          if mapsMaximum { kernels.pointee.int8.map(result, result, channels, table) }
        }
      }
    }

    private func average(
      _ window: UnsafePointer<UInt8>, _ result: UnsafeMutablePointer<UInt8>, _ rows: Int, _ columns: Int,
      _ sums: UnsafeMutablePointer<Int32>
    ) {
      for c in 0..<channels { sums[c] = 0 }
      for r in 0..<rows {
        kernels.pointee.int8.sum_columns(window + r * inW * channels, sums, columns, channels, channels, from.flip)
      }
      let taps = Int32(truncatingIfNeeded: rows * columns)
      if isSame {
        let half = taps / 2
        // TFLite rounds the mean of uint8 values, which are higher by 128.
        let shift: Int32 = from.flip == 0 ? 0 : 128
        for c in 0..<channels {
          let sum = sums[c] &+ shift &* taps
          let mean = (sum > 0 ? sum &+ half : sum &- half) / taps &- shift
          result[c] = to.byte(max(low, min(mean, high)))
        }
        return
      }
      var o = MSQuantOutput(from.scale / to.scale, to)
      o.low = low
      o.high = high
      meanScale(&o.scale, count: Int(taps))
      kernels.pointee.int8.requantize(sums, 0 &- taps &* from.zero, result, channels, &o)
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    let s = inputs[0].shape, out = outputs[0].shape
    table.withUnsafeBufferPointer { table in
      context.parallelRows(
        s[0] * out[1], elements: out[2] * out[3] * (isGlobal ? s[1] * s[2] : kernelSize[0] * kernelSize[1]),
        Job(
          kernels: context.kernels, isAverage: isAverage, isSame: from.isLike(to), mapsMaximum: changesBytes,
          x: UnsafePointer(inputs[0].pointer(UInt8.self)), y: outputs[0].pointer(UInt8.self),
          sums: context.workspace.assumingMemoryBound(to: Int32.self), table: table.baseAddress.unsafelyUnwrapped, from: from,
          to: to, low: range.lowerBound, high: range.upperBound, inH: s[1], inW: s[2], outH: out[1], outW: out[2],
          channels: s[3], kernelH: isGlobal ? s[1] : kernelSize[0], kernelW: isGlobal ? s[2] : kernelSize[1],
          strideH: isGlobal ? 1 : strides[0], strideW: isGlobal ? 1 : strides[1], top: padTop, left: padLeft))
    }
  }
}

/// Divides a scale by `count`, as TFLite's mean does: the multiplier is shifted up as far as 31 bits allow, then divided.
func meanScale(_ scale: inout MSQuantScale, count: Int) {
  if count <= 1 { return }
  let bits = Int32(truncatingIfNeeded: Int.bitWidth - 1 - count.leadingZeroBitCount)
  let shift = max(0, min(bits, 32, 31 + scale.shift))
  scale.multiplier = Int32(clamping: (Int64(scale.multiplier) << Int64(shift)) / Int64(count))
  scale.shift -= shift
}
