import CKernels
import Graph
import System

/// Elementwise work on quantised tensors, cut into tasks.

/// y[i] = table[x[i]]; y may be x.
struct MapJob: ParallelJob {
  let kernels: UnsafePointer<MSKernels>
  let x: UnsafePointer<UInt8>, y: UnsafeMutablePointer<UInt8>
  let n: Int
  let table: UnsafePointer<UInt8>
  func run(_ index: Int, worker: Int) {
    let start = index * Elementwise.grain
    kernels.pointee.int8.map(x + start, y + start, min(Elementwise.grain, n - start), table)
  }
}

struct DequantizeJob: ParallelJob {
  let kernels: UnsafePointer<MSKernels>
  let x: UnsafePointer<UInt8>, y: UnsafeMutablePointer<Float>
  let n: Int
  let q: Quantization
  func run(_ index: Int, worker: Int) {
    let start = index * Elementwise.grain
    kernels.pointee.int8.dequantize(x + start, y + start, min(Elementwise.grain, n - start), Float(q.scale), q.zero, q.flip)
  }
}

struct QuantizeJob: ParallelJob {
  let kernels: UnsafePointer<MSKernels>
  let x: UnsafePointer<Float>, y: UnsafeMutablePointer<UInt8>
  let n: Int
  let q: Quantization
  func run(_ index: Int, worker: Int) {
    let start = index * Elementwise.grain
    kernels.pointee.int8.quantize(x + start, y + start, min(Elementwise.grain, n - start), Float(q.scale), q.zero, q.flip)
  }
}

extension ExecutionContext {
  /// y[i] = table[x[i]] over the bytes of x; y may be x.
  func map(_ x: UnsafeRawPointer, _ y: UnsafeMutableRawPointer, _ n: Int, _ table: [UInt8]) {
    table.withUnsafeBufferPointer { table in
      parallel(
        Elementwise.tasks(n),
        MapJob(
          kernels: kernels, x: x.assumingMemoryBound(to: UInt8.self), y: y.assumingMemoryBound(to: UInt8.self), n: n,
          table: table.baseAddress.unsafelyUnwrapped))
    }
  }
}

extension Quantization {
  /// 256 bytes that turn a byte with this quantisation into the one for the same real number with `target`.
  func requantization(to target: Quantization) -> [UInt8] {
    let ratio = scale / target.scale
    return table { q in
      let rounded = roundHalfAway(Double(q - zero) * ratio) + Double(target.zero)
      return target.byte(rounded >= 127 ? 127 : rounded <= -128 ? -128 : Int32(rounded))
    }
  }

  /// 256 bytes, one for each byte of a tensor with this quantisation: `body` of the value.
  func table(_ body: (Int32) -> UInt8) -> [UInt8] {
    var table = [UInt8]()
    table.reserveCapacity(256)
    for byte in 0..<256 { table.append(body(Int32(Int8(bitPattern: UInt8(truncatingIfNeeded: byte) ^ flip)))) }
    return table
  }
}

extension MSQuantScale {
  init(_ m: FixedMultiplier) { self.init(multiplier: m.multiplier, shift: m.shift) }
}

extension MSQuantOutput {
  /// The result's side: values times `factor`, as `q` stores them after an activation.
  init(_ factor: Double, _ q: Quantization, activation: Int = ActivationType.none) {
    let range = q.range(after: activation)
    self.init(
      scale: MSQuantScale(FixedMultiplier(factor)), zero: q.zero, low: range.lowerBound, high: range.upperBound, flip: q.flip)
  }
}
