import CKernels
import Graph
import System

// Attributes: as in Resize.swift.

/// Bilinear Resize on int8 and uint8 with equal parameters on both sides: TFLite's arithmetic with 10 bits of coordinate.
///
/// Along an axis of n entries that becomes m, position i of the result lies at c = i s (HALF_PIXEL: i s + s / 2 - 512) with s =
/// (1024 n + m / 2) / m (ALIGN_CORNERS: of n - 1 and m - 1), in 1024ths.
final class QuantResizeOperator: ResizeOperator {
  private var flip: UInt8 = 0
  /// An output row's or column's source: first and second entry, weight of the second of 1024.
  private struct Tap {
    var low = 0, high = 0
    var weight: Int32 = 0
  }
  /// The rows', then the columns'.
  private var taps: [Tap] = []

  /// The nearest method copies bytes; the cubic one, and a change of parameters, are computed in float32.
  static func make(_ node: Node) throws(EngineError) -> Operator {
    let method = node.attributes.int(1, 0)
    let plain: OperatorFactory = { n throws(EngineError) in try ResizeOperator(n) }
    if method == ResizeMethod.nearest { return try Registry.movingQuantised(.resize, plain)(node) }
    let general = try DequantizedOperator.make(node, plain)
    let from = try general.requireQuantization(input: 0), to = try general.requireQuantization(output: 0, type: node.inputs[0].type)
    return method == ResizeMethod.linear && from.isLike(to) ? try QuantResizeOperator(node) : general
  }

  override func requireElements() throws(EngineError) { flip = try requireQuantization(input: 0).flip }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    taps = []
    if outputs[0].count == 0 { return }
    for axis in 1...2 { fill(inputs[0].shape[axis], outputs[0].shape[axis]) }
  }

  private func fill(_ size: Int, _ out: Int) {
    var step = (1024 * size + out / 2) / out
    if coordinates == CoordinateMode.alignCorners && out > 1 { step = (1024 * (size - 1) + (out - 1) / 2) / (out - 1) }
    for i in 0..<out {
      let c = coordinates == CoordinateMode.halfPixel ? i * step + step / 2 - 512 : i * step
      let low = min(max(c / 1024, 0), size - 1)
      // A coordinate before the first entry extrapolates nothing: both entries are the first one.
      taps.append(Tap(low: low, high: max(min((c + 1023) / 1024, size - 1), low), weight: Int32(max(0, min(c - 1024 * low, 1024)))))
    }
  }

  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let x: UnsafePointer<UInt8>, y: UnsafeMutablePointer<UInt8>
    let taps: UnsafePointer<Tap>
    let inH: Int, inW: Int, outH: Int, outW: Int, channels: Int
    let flip: UInt8
    func run(_ index: Int, worker: Int) {
      let (image, i) = index.quotientAndRemainder(dividingBy: outH)
      let row = taps[i]
      let upper = x + (image * inH + row.low) * inW * channels, lower = x + (image * inH + row.high) * inW * channels
      for j in 0..<outW {
        let column = taps[outH + j]
        let a = column.low * channels, b = column.high * channels
        var corners: InlineArray<4, UnsafePointer<UInt8>> = [upper + a, upper + b, lower + a, lower + b]
        let (v, u) = (row.weight, column.weight)
        var weights: InlineArray<4, Int32> = [
          (1024 - v) * (1024 - u), (1024 - v) * u, v * (1024 - u), v * u,
        ]
        withUnsafePointer(to: &corners) { corners in
          withUnsafePointer(to: &weights) { weights in
            kernels.pointee.int8.bilinear(
              UnsafeRawPointer(corners).assumingMemoryBound(to: UnsafePointer<UInt8>.self),
              UnsafeRawPointer(weights).assumingMemoryBound(to: Int32.self), y + (index * outW + j) * channels, channels, flip)
          }
        }
      }
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    let x = inputs[0].shape, y = outputs[0].shape
    taps.withUnsafeBufferPointer { taps in
      context.parallelRows(
        y[0] * y[1], elements: y[2] * y[3] * 4,
        Job(
          kernels: context.kernels, x: UnsafePointer(inputs[0].pointer(UInt8.self)), y: outputs[0].pointer(UInt8.self),
          taps: taps.baseAddress.unsafelyUnwrapped, inH: x[1], inW: x[2], outH: y[1], outW: y[2], channels: x[3], flip: flip))
    }
  }
}
