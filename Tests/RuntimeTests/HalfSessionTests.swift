import Graph
import KernelSelection
import ModelFile
import Operators
import System
import Testing

@testable import Runtime

extension Network {
  /// conv -> relu -> conv -> add -> reshape -> matmul -> softmax
  mutating func model() throws -> [UInt8] {
    let x = add(type, [1, 6, 6, 4])
    var y = op("first", .conv2DFusion, [1: .ints([3, 3]), 4: .int(1), 7: .int(1)], [x, constant([24, 3, 3, 4]), constant([24])])
    y = op("relu", .activation, [0: .int(1)], [y])
    let z = op("second", .conv2DFusion, [1: .ints([3, 3]), 4: .int(1), 7: .int(1)], [y, constant([24, 3, 3, 24])])
    y = op("sum", .addFusion, [:], [z, y])
    let shape = Tensor(name: "shape", type: .int32, shape: Shape([2]))
    add(shape)
    let buffer = Buffer(count: 8)!
    buffer.base.storeBytes(of: SIMD2<Int32>(1, 864), as: SIMD2<Int32>.self)
    shape.setConstant(buffer.base, owner: buffer)
    y = op("flat", .reshape, [:], [y, shape])
    y = op("dense", .matMulFusion, [1: .bool(true)], [y, constant([20, 864])])
    y = op("softmax", .softmax, [0: .ints([-1])], [y])
    return try file([x], [y])
  }
}

@Suite struct HalfSessionTests {
  private func open(_ type: DataType, _ options: SessionOptions) throws -> (Session, [Float]) {
    var network = Network(type)
    let model = try network.model()
    let session = try model.withUnsafeBytes { bytes throws(EngineError) in
      try Session.open(ModelSource(bytes: bytes, directory: nil), options: options)
    }
    return (session, network.values(144))
  }

  private func run(_ session: Session, _ x: [Float]) throws -> [Float] {
    let halves = session.inputs[0].type == .float16
    let memory = Buffer(count: x.count * 4)!
    for (i, v) in x.enumerated() {
      if halves {
        memory.base.storeBytes(of: Float16(v), toByteOffset: i * 2, as: Float16.self)
      } else {
        memory.base.storeBytes(of: v, toByteOffset: i * 4, as: Float.self)
      }
    }
    session.bindInput(0, memory.base)
    try session.run(observer: nil)
    let y = session.outputs[0]
    #expect(y.shape.dims == [1, 20])
    return (0..<20).map {
      y.type == .float16 ? Float(y.data!.load(fromByteOffset: $0 * 2, as: Float16.self)) : y.data!.load(fromByteOffset: $0 * 4, as: Float.self)
    }
  }

  private func options(float16: Bool = false, threads: Int = 1, _ plan: StaticString = "") throws -> SessionOptions {
    var o = SessionOptions()
    o.float16 = float16
    o.threads = threads
    o.plan = try ExecutionPlan(text: UnsafeRawBufferPointer(start: plan.utf8Start, count: plan.utf8CodeUnitCount))
    return o
  }

  private func arithmetic(_ session: Session) -> [String: String] {
    var names = [String: String]()
    for p in session.profile { names[p.name] = p.arithmetic.description }
    return names
  }

  /// Inputs, outputs and everything between are float16; each operator computes in float32 and rounds its result.
  @Test func aModelOfFloat16TensorsGivesWhatItsFloat32FormGives() throws {
    let (wide, x) = try open(.float32, options())
    let expected = try run(wide, x)
    for threads in [1, 2] {
      let (half, x16) = try open(.float16, options(threads: threads))
      #expect(x16 == x && half.inputs[0].type == .float16 && half.outputs[0].type == .float16)
      let y = try run(half, x)
      for (a, b) in zip(y, expected) { #expect(abs(a - b) < 4e-3 * max(b, 0.1)) }
      #expect(y != expected)
      #expect(try run(half, x) == y)
    }
  }

  /// Half precision is used where it was asked for: everywhere but in the first layer, or by name.
  @Test func planAndOption() throws {
    let name = HalfKernels.active.map { HalfKernels.name($0.pointee.arithmetic).description } ?? "float32"
    let (plain, x) = try open(.float32, options())
    #expect(arithmetic(plain).values.allSatisfy { $0 == "float32" })
    let exact = try run(plain, x)

    let (half, _) = try open(.float32, options(float16: true))
    var used = arithmetic(half)
    #expect(used["first"] == "float32" && used["second"] == name && used["dense"] == name && used["softmax"] == "float32")
    let y = try run(half, x)
    for (a, b) in zip(y, exact) { #expect(abs(a - b) < 0.05 * b) }
    #expect((y == exact) == (name == "float32"))

    let (named, _) = try open(.float32, options("[execution_plan]\nfirst=data_type:float16\nnobody=data_type:float16\n"))
    used = arithmetic(named)
    #expect(used["first"] == name && used["second"] == "float32" && used["dense"] == "float32")

    let (kept, _) = try open(
      .float32, options(float16: true, "[execution_plan]\nsecond=data_type:float16\nsecond=data_type:float32\ndense=data_type:float32\n"))
    used = arithmetic(kept)
    #expect(used["second"] == "float32" && used["dense"] == "float32")
    #expect(try run(kept, x) == exact)

    // float16 tensors and half-precision kernels together.
    let (both, _) = try open(.float16, options(float16: true))
    #expect(arithmetic(both)["dense"] == name)
    for (a, b) in zip(try run(both, x), exact) { #expect(abs(a - b) < 0.05 * max(b, 0.1)) }
  }

  @Test func threadsDoNotChangeBits() throws {
    let (one, x) = try open(.float32, options(float16: true))
    let (two, _) = try open(.float32, options(float16: true, threads: 2))
    #expect(try run(one, x) == run(two, x))
  }
}
