import CKernels
import CSystem
import Graph
import System

// Attributes: as in Softmax.swift.

/// Softmax on int8 and uint8 by a table of the 256 exponentials of differences to the largest value, as TFLite computes it.
final class QuantSoftmaxOperator: SoftmaxOperator {
  private var from = Quantization(scale: 1, zero: 0), to = Quantization(scale: 1, zero: 0)
  private var exponentials: [Float] = []

  override func requireElements() throws(EngineError) {
    from = try requireQuantization(input: 0)
    to = try requireQuantization(output: 0, type: inputs[0].type)
    exponentials = []
    for i in 0..<256 { exponentials.append(expf(-Float(from.scale) * Float(255 - i))) }
  }

  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let x: UnsafePointer<UInt8>, y: UnsafeMutablePointer<UInt8>
    let n: Int, inner: Int
    let parameters: MSQuantSoftmax
    func run(_ index: Int, worker: Int) {
      let (outer, i) = index.quotientAndRemainder(dividingBy: inner)
      let offset = outer * n * inner + i
      var p = parameters
      kernels.pointee.int8.softmax(&p, x + offset, y + offset, n, inner)
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    exponentials.withUnsafeBufferPointer { exponentials in
      let parameters = MSQuantSoftmax(
        exp: exponentials.baseAddress.unsafelyUnwrapped, output_scale: Float(to.scale), output_zero: to.zero, flip: from.flip,
        output_flip: to.flip)
      context.parallelRows(
        outer * inner, elements: n * 4,
        Job(
          kernels: context.kernels, x: UnsafePointer(inputs[0].pointer(UInt8.self)), y: outputs[0].pointer(UInt8.self), n: n,
          inner: inner, parameters: parameters))
    }
  }
}
