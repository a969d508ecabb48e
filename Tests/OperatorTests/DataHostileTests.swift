import Graph
import System
import Testing

@testable import Operators

/// Attributes, shapes and operands as a broken or hostile file may have them: every operator answers with a result or with a
/// sentence. A trap ends the test process, so that the expectations here are few.
struct DataHostileTests {
  private static var kinds: [OperatorKind] {
    (1...221).map { OperatorKind(rawValue: $0) }.filter { Registry.dataFactory(for: $0) != nil }
  }

  private struct Noise {
    var state: UInt64
    mutating func below(_ n: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % n
    }
    mutating func pick<T>(_ list: [T]) -> T { list[below(list.count)] }
    static let numbers: [Int64] = [0, 1, 2, 3, -1, -2, 4, 7, 100, -100, 1 << 31, -(1 << 31), .max, .min]
    mutating func number() -> Int64 { pick(below(4) == 0 ? Noise.numbers : Array(Noise.numbers[0..<7])) }
  }

  private func value(_ noise: inout Noise) -> Value {
    let dims = (0..<noise.below(5)).map { _ in noise.pick([0, 1, 1, 2, 3, 4]) }
    let n = dims.reduce(1, *)
    switch noise.below(7) {
    case 0, 1: return .floats(dims, (0..<n).map { _ in noise.pick([0, 1, -1.5, .nan, .infinity, 3e38, 2]) })
    case 2, 3: return .ints(dims, (0..<n).map { _ in Int32(clamping: noise.number()) })
    case 4: return .longs(dims, (0..<n).map { _ in noise.number() })
    case 5: return Value(.int8, dims, (0..<n).map { _ in Int8(truncatingIfNeeded: noise.number()) })
    default: return .bools(dims, (0..<n).map { _ in noise.below(2) == 0 })
    }
  }

  @Test func smallTensorsWithWildValues() {
    var noise = Noise(state: 7)
    var accepted = 0
    for _ in 0..<40 {
      for kind in DataHostileTests.kinds {
        var a = Attributes()
        for id in 0..<5 where noise.below(2) == 0 {
          switch noise.below(5) {
          case 0, 1: a[id] = .int(noise.number())
          case 2: a[id] = .ints((0..<noise.below(5)).map { _ in noise.number() })
          case 3: a[id] = .ints2D((0..<noise.below(3)).map { _ in (0..<2).map { _ in noise.number() } })
          default: a[id] = .floats([Float(noise.below(3))])
          }
        }
        let inputs = (0..<noise.below(6)).map { _ in value(&noise) }
        let known = Set((0..<inputs.count).filter { $0 > 0 || noise.below(2) == 0 })
        // Results of up to 2^47 elements are legal; only small ones are run.
        if let size = inferredBytes(kind, a, inputs, known), size < 1 << 20 {
          if OperatorRun(kind: kind, attributes: a, known: known).refusal(inputs, outputs: outputs(kind)) == "accepted" {
            accepted += 1
          }
        }
      }
    }
    #expect(accepted > 50)
  }

  private func outputs(_ kind: OperatorKind) -> Int { kind == .unique || kind == .topKFusion || kind == .split ? 2 : 1 }

  /// The output's size after infer; nil for a refusal.
  private func inferredBytes(_ kind: OperatorKind, _ a: Attributes, _ inputs: [Value], _ known: Set<Int>) -> Int? {
    let owners = inputs.map { v in
      let b = Block(v.bytes.count)
      v.bytes.withUnsafeBytes { b.data.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(b.data), byteCount: $0.count) }
      return b
    }
    let tensors = inputs.enumerated().map { i, v in
      let t = Tensor(name: "in\(i)", type: v.type, shape: Shape(v.dims))
      if known.contains(i) { t.setConstant(owners[i].data, owner: owners[i]) }
      return t
    }
    let results = (0..<outputs(kind)).map { Tensor(name: "out\($0)", type: .unknown, shape: Shape()) }
    do {
      let op = try Registry.dataFactory(for: kind)!(
        Node(name: "n", kind: kind, attributes: a, inputs: tensors, outputs: results))
      try op.infer()
      return results.reduce(0) { $0 + $1.byteCount }
    } catch {
      return nil
    }
  }

  /// Dimensions whose products overflow, with and without a zero among them; nothing is run.
  @Test func wildDimensions() {
    var noise = Noise(state: 11)
    let context = ExecutionContext(
      kernels: .init(bitPattern: 8)!, pool: ThreadPool(threadCount: 1), workspace: .init(bitPattern: 8)!)
    for _ in 0..<60 {
      for kind in DataHostileTests.kinds {
        var a = Attributes()
        for id in 0..<4 where noise.below(2) == 0 {
          a[id] = noise.below(2) == 0 ? .int(noise.number()) : .ints([noise.number()])
        }
        let tensors = (0..<noise.below(4) + 1).map { i in
          let dims = (0..<noise.below(9)).map { _ in noise.pick([0, 1, 2, 1 << 20, Int(Int32.max)]) }
          return Tensor(name: "in\(i)", type: noise.pick([.float32, .int32, .bool, .int64]), shape: Shape(dims))
        }
        let results = (0..<outputs(kind)).map { Tensor(name: "out\($0)", type: .unknown, shape: Shape()) }
        // Small operands with values make the shape rules run; the large tensors have none.
        for t in tensors.dropFirst() {
          t.type = .int32
          t.shape = Shape([noise.below(3)])
          let b = Block(64)
          for k in 0..<8 { b.data.storeBytes(of: Int32(clamping: noise.number()), toByteOffset: k * 4, as: Int32.self) }
          t.setConstant(b.data, owner: b)
        }
        do {
          let op = try Registry.dataFactory(for: kind)!(
            Node(name: "n", kind: kind, attributes: a, inputs: tensors, outputs: results))
          try op.infer()
          if results.reduce(0, { $0 + $1.byteCount }) < 1 << 24 { try op.prepare(context) }
        } catch {}
      }
    }
  }

  @Test func everyRefusalIsASentence() {
    for kind in DataHostileTests.kinds {
      let text = OperatorRun(kind: kind).refusal([])
      #expect(
        text.contains("needed") || text.contains("outputs") || text.contains("has no inputs") || text.contains("types")
          || text.contains("type") || text.contains("has the block size"), "\(kind.name): \(text)")
    }
  }
}
