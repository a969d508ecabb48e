import CKernels
import CSystem
import Graph
import System

// Attributes: none. Input 1: the TypeId to convert to (int32 scalar).

/// Converts between number types. Floats are truncated to integers, saturated at the type's range, NaN gives 0 (the original's
/// C casts are undefined there; this is what 64-bit ARM computes). Integers wrap. bool is "not zero".
final class CastOperator: Operator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(2...2)
    try requireOutputs(1...1)
    try requireFixedSize(0)
  }

  override func infer() throws(EngineError) {
    let number = try requireScalar(1)
    guard let type = DataType(typeID: Int32(number)), type.bits(of: 0) != nil else {
      throw EngineError(.notSupported, "cannot convert to type \(number), which is no number type")
    }
    try setOutput(0, type, inputs[0].shape.dims)
  }

  override var isView: Bool { inputs[0].type == outputs[0].type }

  private static let grain = 16384

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = outputs[0].count
    guard n > 0, let x = inputs[0].data, let y = outputs[0].data else { return }
    if isView {
      if x != y { copyBytes(context, x, y, outputs[0].byteCount) }
      return
    }
    context.parallel(
      (n + CastOperator.grain - 1) / CastOperator.grain,
      Job(
        kernels: context.kernels, x: UnsafeRawPointer(x), y: y, n: n, grain: CastOperator.grain, from: inputs[0].type,
        to: outputs[0].type))
  }

  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let x: UnsafeRawPointer, y: UnsafeMutableRawPointer
    let n: Int, grain: Int
    let from: DataType, to: DataType
    func run(_ index: Int, worker: Int) {
      let start = index * grain
      let count = min(grain, n - start)
      let x = x + start * from.size
      let y = y + start * to.size
      // The conversions that models do on large tensors have loops of their own.
      switch (from, to) {
      case (.float16, .float32):
        kernels.pointee.f16_to_f32(
          x.assumingMemoryBound(to: UInt16.self), y.assumingMemoryBound(to: Float.self), count)
      case (.float32, .float16):
        kernels.pointee.f32_to_f16(
          x.assumingMemoryBound(to: Float.self), y.assumingMemoryBound(to: UInt16.self), count)
      case (.int32, .float32):
        kernels.pointee.i32_to_f32(x.assumingMemoryBound(to: Int32.self), y.assumingMemoryBound(to: Float.self), count)
      case (.int64, .float32): convert(x, Int64.self, y, Float.self, count) { Float($0) }
      case (.uint8, .float32), (.bool, .float32):
        kernels.pointee.u8_to_f32(x.assumingMemoryBound(to: UInt8.self), y.assumingMemoryBound(to: Float.self), count)
      case (.int8, .float32):
        kernels.pointee.i8_to_f32(x.assumingMemoryBound(to: Int8.self), y.assumingMemoryBound(to: Float.self), count)
      case (.float32, .int32): convert(x, Float.self, y, Int32.self, count) { saturated(Double($0), Int32.self) }
      case (.float32, .uint8): convert(x, Float.self, y, UInt8.self, count) { saturated(Double($0), UInt8.self) }
      case (.int64, .int32): convert(x, Int64.self, y, Int32.self, count) { Int32(truncatingIfNeeded: $0) }
      case (.int32, .int64): convert(x, Int32.self, y, Int64.self, count) { Int64($0) }
      default: convertAny(x, y, count)
      }
    }

    @inline(__always)
    private func convert<S: BitwiseCopyable, D: BitwiseCopyable>(
      _ x: UnsafeRawPointer, _ source: S.Type, _ y: UnsafeMutableRawPointer, _ target: D.Type, _ n: Int, _ function: (S) -> D
    ) {
      // Pointers that step cost less than checked products of positions.
      var p = x, q = y
      let end = y + n * MemoryLayout<D>.stride
      while q < end {
        q.storeBytes(of: function(p.loadUnaligned(as: S.self)), as: D.self)
        p += MemoryLayout<S>.stride
        q += MemoryLayout<D>.stride
      }
    }

    /// One element at a time, through Double or Int64.
    private func convertAny(_ x: UnsafeRawPointer, _ y: UnsafeMutableRawPointer, _ n: Int) {
      var i = 0
      while i < n {
        let bits: UInt64
        switch from {
        case .float32: bits = to.bits(of: Double(x.loadUnaligned(fromByteOffset: i * 4, as: Float.self))) ?? 0
        case .float64: bits = to.bits(of: x.loadUnaligned(fromByteOffset: i * 8, as: Double.self)) ?? 0
        case .float16:
          bits = to.bits(of: Double(floatFromHalf(x.loadUnaligned(fromByteOffset: i * 2, as: UInt16.self)))) ?? 0
        default: bits = bitsOf(integer(x, i))
        }
        store(bits, y, i)
        i += 1
      }
    }

    private func integer(_ x: UnsafeRawPointer, _ i: Int) -> Int64 {
      switch from {
      case .bool, .uint8: return Int64(x.load(fromByteOffset: i, as: UInt8.self))
      case .int8: return Int64(x.load(fromByteOffset: i, as: Int8.self))
      case .int16: return Int64(x.loadUnaligned(fromByteOffset: i * 2, as: Int16.self))
      case .uint16: return Int64(x.loadUnaligned(fromByteOffset: i * 2, as: UInt16.self))
      case .int32: return Int64(x.loadUnaligned(fromByteOffset: i * 4, as: Int32.self))
      case .uint32: return Int64(x.loadUnaligned(fromByteOffset: i * 4, as: UInt32.self))
      default: return x.loadUnaligned(fromByteOffset: i * 8, as: Int64.self)
      }
    }

    private func bitsOf(_ value: Int64) -> UInt64 {
      switch to {
      case .float32: return UInt64(Float(value).bitPattern)
      case .float64: return Double(value).bitPattern
      case .float16: return UInt64(halfBits(Float(value)))
      case .bool: return value != 0 ? 1 : 0
      default: return UInt64(bitPattern: value)
      }
    }

    private func store(_ bits: UInt64, _ y: UnsafeMutableRawPointer, _ i: Int) {
      switch to.size {
      case 1: y.storeBytes(of: UInt8(truncatingIfNeeded: bits), toByteOffset: i, as: UInt8.self)
      case 2: y.storeBytes(of: UInt16(truncatingIfNeeded: bits), toByteOffset: i * 2, as: UInt16.self)
      case 4: y.storeBytes(of: UInt32(truncatingIfNeeded: bits), toByteOffset: i * 4, as: UInt32.self)
      default: y.storeBytes(of: bits, toByteOffset: i * 8, as: UInt64.self)
      }
    }
  }
}
