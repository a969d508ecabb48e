import CKernels
import Foundation
import Graph
import KernelSelection
import System
import Testing

@testable import Operators

/// A tensor's content in a test: type, dimensions, bytes.
struct Value: Equatable {
  var type: DataType
  var dims: [Int]
  var bytes: [UInt8]

  init<T: BitwiseCopyable>(_ type: DataType, _ dims: [Int], _ elements: [T]) {
    self.type = type
    self.dims = dims
    bytes = elements.withUnsafeBytes { [UInt8]($0) }
  }
  static func floats(_ dims: [Int], _ v: [Float]) -> Value { Value(.float32, dims, v) }
  static func ints(_ dims: [Int], _ v: [Int32]) -> Value { Value(.int32, dims, v) }
  static func ints(_ v: [Int32]) -> Value { Value(.int32, [v.count], v) }
  static func longs(_ dims: [Int], _ v: [Int64]) -> Value { Value(.int64, dims, v) }
  static func scalar(_ v: Int32) -> Value { Value(.int32, [], [v]) }
  static func bools(_ dims: [Int], _ v: [Bool]) -> Value { Value(.bool, dims, v.map { UInt8($0 ? 1 : 0) }) }

  func elements<T: BitwiseCopyable>(_: T.Type) -> [T] {
    bytes.withUnsafeBytes { raw in
      (0..<raw.count / MemoryLayout<T>.size).map { raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.size, as: T.self) }
    }
  }
  var floats: [Float] { elements(Float.self) }
  var ints: [Int32] { elements(Int32.self) }
}

/// Memory with guard bytes on both sides.
final class Block {
  let base: UnsafeMutableRawPointer
  let count: Int
  static let guardBytes = 64
  init(_ count: Int) {
    self.count = count
    base = .allocate(byteCount: count + 2 * Block.guardBytes, alignment: 64)
    memset(base, 0xa5, count + 2 * Block.guardBytes)
  }
  var data: UnsafeMutableRawPointer { base + Block.guardBytes }
  var isIntact: Bool {
    for i in 0..<Block.guardBytes
    where base.load(fromByteOffset: i, as: UInt8.self) != 0xa5
      || base.load(fromByteOffset: Block.guardBytes + count + i, as: UInt8.self) != 0xa5
    {
      return false
    }
    return true
  }
  deinit { base.deallocate() }
}

/// One operator from its attributes to its result. Inputs whose number is in `known` have their values before the run (as
/// constants, or as what the runtime has marked as known when shapes depend on data); by default all but input 0.
struct OperatorRun {
  var kind: OperatorKind
  var attributes = Attributes()
  var known: Set<Int>? = nil
  var quantParams: [Int: [QuantParam]] = [:]  // by input; -1 - i: output i
  var quantType: Int32 = 0
  var inPlace = false

  func callAsFunction(_ inputs: [Value], outputs: Int = 1) throws -> [Value] {
    var tensors: [Tensor] = []
    var blocks: [Block] = []
    for (i, v) in inputs.enumerated() {
      let t = Tensor(name: "in\(i)", type: v.type, shape: Shape(v.dims))
      t.quantParams = quantParams[i] ?? []
      let block = Block(v.bytes.count)
      v.bytes.withUnsafeBytes {
        block.data.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(block.data), byteCount: $0.count)
      }
      if known?.contains(i) ?? (i > 0) { t.setConstant(block.data, owner: block) }
      tensors.append(t)
      blocks.append(block)
    }
    let results = (0..<outputs).map { Tensor(name: "out\($0)", type: .unknown, shape: Shape()) }
    for (i, t) in results.enumerated() { t.quantParams = quantParams[-1 - i] ?? [] }
    let node = Node(name: "n", kind: kind, attributes: attributes, inputs: tensors, outputs: results)
    node.quantType = quantType
    guard let factory = Registry.factory(for: kind) else { throw EngineError(.unknownOperator, "no operator") }
    let op = try factory(node)
    try op.infer()
    let pool = ThreadPool(threadCount: 2)
    let none = Block(0)
    let context = ExecutionContext(kernels: Kernels.active, pool: pool, workspace: none.data)
    try op.prepare(context)
    let workspace = Block(op.workspaceBytes)
    context.workspace = workspace.data
    for (i, t) in tensors.enumerated() { t.data = blocks[i].data }
    var written: [Block] = []
    for t in results {
      #expect(t.shape.checkedCount != nil)
      let block = Block(t.byteCount)
      t.data = block.data
      written.append(block)
    }
    if op.isView {
      #expect(results[0].byteCount == tensors[0].byteCount)
      if inPlace { results[0].data = tensors[0].data }
    }
    if inPlace && op.inPlaceInputs.contains(0) { results[0].data = tensors[0].data }
    try op.run(context)
    for b in blocks + written + [workspace] { #expect(b.isIntact) }
    OperatorCoverage.record(node)
    try Float16Twin.check(node)
    return results.map { t in
      Value(t.type, t.shape.dims, [UInt8](UnsafeRawBufferPointer(start: t.data, count: t.byteCount)))
    }
  }

  /// The message of the refusal, or a text that says there was none.
  func refusal(_ inputs: [Value], outputs: Int = 1) -> String {
    do {
      _ = try self(inputs, outputs: outputs)
      return "accepted"
    } catch let e as EngineError {
      return e.code == .deferred ? "deferred" : e.message
    } catch {
      return "\(error)"
    }
  }
}

func attributes(_ fields: (Int, AttributeValue)...) -> Attributes {
  var a = Attributes()
  for (id, v) in fields { a[id] = v }
  return a
}

/// Every coordinate of a box, in row-major order.
func coordinates(_ dims: [Int]) -> [[Int]] {
  var all: [[Int]] = [[]]
  for d in dims { all = all.flatMap { c in (0..<d).map { c + [$0] } } }
  return all
}

/// Row-major position.
func position(_ c: [Int], _ dims: [Int]) -> Int {
  var p = 0
  for (i, d) in zip(c, dims) { p = p * d + i }
  return p
}

/// A value of each element size with different elements, for operators that move data: (input of `dims`, what the reference that
/// maps output coordinates to input coordinates expects of it).
func numbered(_ dims: [Int], from: Int = 0) -> [Value] {
  let n = dims.reduce(1, *)
  return [
    Value(.float32, dims, (0..<n).map { Float($0 + from) }),
    Value(.float16, dims, (0..<n).map { UInt16(truncatingIfNeeded: $0 + from) }),
    Value(.bool, dims, (0..<n).map { UInt8(truncatingIfNeeded: $0 + from) }),
    Value(.int64, dims, (0..<n).map { Int64($0 + from) << 33 }),
  ]
}

/// The value whose element at each coordinate is the one that `source` names, nil being zero bytes.
func gathered(_ x: Value, _ dims: [Int], _ source: ([Int]) -> [Int]?) -> Value {
  let size = x.type.size
  var bytes = [UInt8]()
  for c in coordinates(dims) {
    if let s = source(c) {
      let p = position(s, x.dims) * size
      bytes += x.bytes[p..<p + size]
    } else {
      bytes += [UInt8](repeating: 0, count: size)
    }
  }
  var out = x
  out.dims = dims
  out.bytes = bytes
  return out
}
