import CKernels
import CSystem
import Testing

/// A kernel table that the processor can run.
struct Table: @unchecked Sendable, CustomTestStringConvertible {
  let kernels: MSKernels
  var testDescription: String { String(cString: kernels.name) }

  init(_ fill: (UnsafeMutablePointer<MSKernels>) -> Void) {
    let memory = UnsafeMutablePointer<MSKernels>.allocate(capacity: 1)
    defer { memory.deallocate() }
    fill(memory)
    kernels = memory.pointee
  }
}

private let referenceTable = Table(mskernels_reference)

var reference: MSKernels { referenceTable.kernels }

/// All tables but the reference.
func availableTables() -> [Table] {
  var tables = [Table(mskernels_baseline)]
  #if arch(x86_64)
  let best = Int(mssys_best_isa())
  if best >= MSSYS_ISA_AVX2 { tables.append(Table(mskernels_avx2)) }
  if best >= MSSYS_ISA_AVX512 { tables.append(Table(mskernels_avx512)) }
  #endif
  return tables
}

let tables = availableTables()

/// Lengths around every vector width.
let lengths = [0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 131]

/// A linear congruential generator (Knuth's MMIX constants): the same data on every machine.
struct Random {
  private var state: UInt64
  init(_ seed: Int) { state = UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 &+ 1 }

  mutating func next() -> UInt32 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return UInt32(state >> 32)
  }

  mutating func float(_ low: Float = -1, _ high: Float = 1) -> Float {
    low + (high - low) * Float(next() >> 8) * 0x1p-24
  }

  mutating func floats(_ count: Int, _ low: Float = -1, _ high: Float = 1) -> [Float] {
    (0..<count).map { _ in float(low, high) }
  }
}

/// Written behind every output, to see that kernels stay within it.
private let sentinel: Float = 12345.678

/// Runs `body` on an output of `count` floats, which start as `initial` says, and returns them.
func output(_ count: Int, from initial: [Float] = [], _ body: (UnsafeMutablePointer<Float>) -> Void) -> [Float] {
  var buffer = [Float](repeating: sentinel, count: count + 64)
  for (i, x) in initial.enumerated() { buffer[i] = x }
  buffer.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
  #expect(buffer[count...].allSatisfy { $0 == sentinel }, "wrote behind the end")
  return Array(buffer[..<count])
}

/// Expects |actual - expected| <= absolute + relative * |expected|, NaN for NaN and infinities alike.
func expectClose(
  _ actual: [Float], _ expected: [Float], absolute: Float = 0, relative: Float = 0, _ label: String = "",
  location: SourceLocation = #_sourceLocation
) {
  var worst = -1
  var excess: Float = 0
  for i in expected.indices {
    let a = actual[i], e = expected[i]
    if a == e || (a.isNaN && e.isNaN) { continue }
    let error = (a - e).magnitude - (absolute + relative * e.magnitude)
    if !(error <= excess) {
      worst = i
      excess = error.isNaN ? .infinity : error
    }
  }
  if worst >= 0 {
    Issue.record("\(label) [\(worst)]: \(actual[worst]), expected \(expected[worst])", sourceLocation: location)
  }
}

/// Expects the same bits.
func expectSame(_ a: [Float], _ b: [Float], _ label: String = "", location: SourceLocation = #_sourceLocation) {
  #expect(a.map(\.bitPattern) == b.map(\.bitPattern), "\(label)", sourceLocation: location)
}
