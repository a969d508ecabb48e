import FlatBuffers
import Graph
import ModelFile
import Testing

@Suite struct Constants {
  /// The constant as the model's third tensor.
  private func loadConstant(_ table: TableBuilder, shift: Int = 0, copy: Bool = false) throws -> (Tensor, ModelDescription) {
    let m = try load(file(model(adding: [table])), shift: shift, copyConstants: copy)
    return (m.mainGraph.tensors[2], m)
  }

  @Test func scalarsHaveNoDims() throws {
    let (t, _) = try loadConstant(constant("c", dims: nil, type: 34, data: littleEndian([Int32(-7)])))
    #expect(t.isConstant)
    #expect(t.shape.rank == 0)
    #expect(t.values(Int32.self) == [-7])
  }

  @Test func alignedConstantsStayInTheFile() throws {
    let content = file(model(adding: [constant("c", dims: [2], type: 43, data: littleEndian([Float(1).bitPattern, 2]))]))
    let owner = ModelBytes(content)
    func isInFile(_ m: ModelDescription) -> Bool {
      let data = UnsafeRawPointer(m.mainGraph.tensors[2].data!)
      return data >= owner.bytes.baseAddress! && data < owner.bytes.baseAddress! + owner.bytes.count
    }
    let inPlace = try ModelReader.read(owner.bytes, owner: owner, copyConstants: false)
    #expect(isInFile(inPlace))
    #expect(inPlace.mainGraph.tensors[2].owner === owner)
    #expect(!isInFile(try ModelReader.read(owner.bytes, owner: nil, copyConstants: true)))
  }

  @Test(arguments: 0..<9) func unalignedConstantsAreCopied(shift: Int) throws {
    let values: [Int64] = [.min, -1, 5]
    for alignment in [4, 8] {
      let table = TableBuilder().set(1, .int32(35)).set(2, .int32s([3])).set(6, .bytes(littleEndian(values), alignment: alignment))
      let (t, _) = try loadConstant(table, shift: shift)
      #expect(UInt(bitPattern: t.data) % 8 == 0)
      #expect(t.values(Int64.self) == values)
    }
  }

  @Test func payloadsMayBeLonger() throws {
    let (t, _) = try loadConstant(constant("c", dims: [1, 2], type: 32, data: [1, 2, 3, 4]))
    #expect(t.values(Int8.self) == [1, 2])
  }

  @Test func halfPrecisionStays() throws {
    let (t, _) = try loadConstant(constant("c", dims: [1], type: 42, data: [0, 0x3C]))
    #expect(t.type == .float16)
    #expect(t.values(UInt16.self) == [0x3C00])
  }

  @Test func genericTypesAreThe32BitOnes() throws {
    let (t, _) = try loadConstant(constant("c", dims: [1], type: 41, data: littleEndian([Float(3).bitPattern])))
    #expect(t.type == .float32)
    #expect(t.values(Float.self) == [3])
  }

  @Test func stringsAreBytes() throws {
    let (t, _) = try loadConstant(constant("c", dims: [1], type: 12, data: [1, 0, 0, 0, 12, 0, 0, 0, 14, 0, 0, 0, 104, 105]))
    #expect(t.type == .string && t.shape.dims == [14])
  }

  @Test func emptyConstantsHaveNoData() throws {
    let root = metaGraph(
      tensors: [tensor("x"), tensor("y"), tensor("none", dims: [0], nodeType: 0)],
      nodes: [node("n", kind: 5, inputs: [0, 2], outputs: [1])])
    let t = try load(file(root)).mainGraph.nodes[0].inputs[1]
    #expect(t.isConstant && t.hasKnownValue)
    #expect(t.knownIntegers() == [])
  }

  @Test func constantOutputs() throws {
    let c = constant("c", dims: [1], type: 43, data: [0, 0, 0, 0])
    let m = try load(file(metaGraph(tensors: [tensor("x"), tensor("y"), c], nodes: [], outputs: [2])))
    #expect(m.mainGraph.outputs[0].isConstant)
  }

  @Test func quantParamsAreKept() throws {
    let table = constant(
      "c", dims: [2], type: 32, data: [1, 2],
      quant: [quantParam(scale: 0.5, zero: 3, variance: 2, mean: 4), TableBuilder()])
    let (t, _) = try loadConstant(table)
    #expect(t.type == .int8)
    #expect(t.quantParams.map(\.scale) == [0.5, 1])
    #expect(t.quantParams.map(\.zeroPoint) == [3, 0])
    #expect(t.quantParams.map(\.bits) == [8, 8])
    #expect(t.quantParams.map(\.varianceCorrection) == [2, 1])
    #expect(t.quantParams.map(\.meanCorrection) == [4, 0])
  }

  /// Bits one by one into a string of zeros and ones, then eight at a time into bytes: not how the reader does it.
  static func pack(_ values: [Int], bits: Int) -> [UInt8] {
    var stream: [Bool] = []
    for v in values {
      let u = v + (1 << (bits - 1))
      for k in 0..<bits { stream.append((u >> k) % 2 == 1) }
    }
    while stream.count % (bits < 8 ? 8 : 16) != 0 { stream.append(false) }
    return stride(from: 0, to: stream.count, by: 8).map { at in
      (0..<8).reduce(0) { $0 + (stream[at + $1] ? UInt8(1 << $1) : 0) }
    }
  }

  @Test(arguments: Array(1...7) + Array(9...15)) func bitPacking(bits: Int) throws {
    for count in [1, 2, 7, 8, 9, 33, 100] {
      let low = -(1 << (bits - 1))
      let values = (0..<count).map { low + ($0 * 7919 + 13) % (1 << bits) }
      let table = constant(
        "c", dims: [Int32(count)], type: bits < 8 ? 32 : 33, data: Constants.pack(values, bits: bits),
        quant: [quantParam(bits: Int32(bits))])
      let (t, _) = try loadConstant(table)
      let read = bits < 8 ? t.values(Int8.self).map { Int($0) } : t.values(Int16.self).map { Int($0) }
      #expect(read == values)
    }
  }

  @Test func packedDataTooShort() {
    let table = constant("c", dims: [5], type: 32, data: [0, 0], quant: [quantParam(bits: 4)])
    #expect(
      withoutOffsets(refusal(file(model(adding: [table]))))
        == "tensor 2 \"c\" at byte N: 2 bytes of data; int8 [5] of 4 bits needs 3")
  }
}

@Suite struct Dequantisation {
  /// The weight of a node of quantType 4 as the operator gets it.
  private func weight(
    kind: UInt8, attributes: TableBuilder = TableBuilder(), position: Int = 1, _ weight: TableBuilder,
    extra: [TableBuilder] = [], quantType: Int32 = 4, version: String = "MindSpore Lite 2.2.0"
  ) throws(EngineError) -> Tensor {
    var inputs: [UInt32] = position == 0 ? [2, 0] : [0, 2]
    for i in 0..<extra.count { inputs.append(UInt32(3 + i)) }
    let root = metaGraph(
      tensors: [tensor("x"), tensor("y"), weight] + extra,
      nodes: [node("n", kind: kind, attributes: attributes, inputs: inputs, outputs: [1], quantType: quantType)],
      version: version)
    return try load(file(root)).mainGraph.nodes[0].inputs[position]
  }
  private let values: [Int8] = [-128, -1, 0, 1, 64, 127]
  private func int8(_ dims: [Int32], _ quant: [TableBuilder]?) -> TableBuilder {
    constant("w", dims: dims, type: 32, data: values.map { UInt8(bitPattern: $0) }, quant: quant)
  }

  @Test func onePerTensorIgnoresCorrections() throws {
    let t = try weight(kind: 35, int8([6], [quantParam(scale: 0.1, zero: 3, variance: 2, mean: 9)]))
    #expect(t.type == .float32)
    #expect(t.quantParams.isEmpty)
    #expect(t.values(Float.self) == values.map { Float((Double($0) - 3) * 0.1) })
  }

  @Test func perChannel() throws {
    let parameters: [(scale: Double, zero: Int32, variance: Float, mean: Float)] = [
      (0.5, 1, 2, 0.25), (0.3, -2, -0.5, 1), (0.7, 0, 10.5, 0),
    ]
    let quant = parameters.map { quantParam(scale: $0.scale, zero: $0.zero, variance: $0.variance, mean: $0.mean) }
    func expected(_ channel: (Int) -> Int) -> [Float] {
      values.indices.map { i in
        let p = parameters[channel(i)]
        // Corrections below 0 or above 10 are not credible and count as 1.
        let gain = p.variance < 0 || p.variance > 10 ? 1 : Double(p.variance)
        return Float((Double(values[i]) - Double(p.zero)) * p.scale * gain + Double(p.mean))
      }
    }
    let outer = expected { $0 / 2 }  // [3, 2] along dimension 0
    let inner = expected { $0 % 3 }  // [2, 3] along dimension 1
    func matMul(_ a: Bool, _ b: Bool) -> TableBuilder { TableBuilder().set(0, .bool(a)).set(1, .bool(b)) }

    #expect(try weight(kind: 35, int8([3, 2], quant)).values(Float.self) == outer)
    #expect(try weight(kind: 89, attributes: matMul(false, true), int8([3, 2], quant)).values(Float.self) == outer)
    #expect(try weight(kind: 89, attributes: matMul(false, false), int8([2, 3], quant)).values(Float.self) == inner)
    #expect(try weight(kind: 89, attributes: matMul(true, false), position: 0, int8([2, 3], quant)).values(Float.self) == inner)
    #expect(try weight(kind: 89, attributes: matMul(false, false), position: 0, int8([3, 2], quant)).values(Float.self) == outer)

    // A batch of matrices: still the last two dimensions.
    #expect(try weight(kind: 89, attributes: matMul(false, true), int8([1, 3, 2], quant)).values(Float.self) == outer)
    // Before release 1.6 the axis was 0 or 1.
    let old = "MindSpore Lite 1.5.0"
    #expect(
      try weight(kind: 89, attributes: matMul(false, false), int8([2, 3, 1], quant), version: old).values(Float.self) == inner)
    #expect(throws: EngineError.self) {
      try weight(kind: 89, attributes: matMul(false, true), int8([1, 3, 2], quant), version: old)
    }

    func transposed(_ group: Int64, _ channels: Int64) -> TableBuilder {
      TableBuilder().set(8, .int64(group)).set(9, .int64(channels)).set(10, .int64(channels))
    }
    #expect(try weight(kind: 36, attributes: transposed(3, 3), int8([3, 2], quant)).values(Float.self) == outer)
    #expect(try weight(kind: 36, attributes: transposed(1, 3), int8([2, 3], quant)).values(Float.self) == inner)
    #expect(
      try weight(kind: 36, attributes: transposed(1, 3), int8([3, 2], quant), version: "MindSpore Lite 1.7.0")
        .values(Float.self) == outer)

    // Gather's operands are data, indices and axis; the helper's graph input stands for the indices.
    func gather(_ a: Int32, _ dims: [Int32]) throws -> [Float] {
      let axis = constant("axis", dims: nil, type: 34, data: littleEndian([a]))
      return try weight(kind: 69, position: 0, int8(dims, quant), extra: [axis]).values(Float.self)
    }
    #expect(try gather(0, [3, 2]) == outer)
    #expect(try gather(1, [2, 3]) == inner)
    #expect(try gather(-1, [2, 3]) == inner)
    #expect(throws: EngineError.self) { try gather(2, [2, 3]) }
  }

  @Test func int16() throws {
    let w = constant("w", dims: [2], type: 33, data: littleEndian([Int16(-32768), 300]), quant: [quantParam(scale: 0.01, bits: 16)])
    #expect(try weight(kind: 67, w).values(Float.self) == [Float(-32768 * 0.01), Float(300 * 0.01)])
  }

  @Test func packedWeights() throws {
    let packed = constant(
      "w", dims: [3], type: 32, data: Constants.pack([-4, 0, 3], bits: 3), quant: [quantParam(scale: 0.5, zero: 1, bits: 3)])
    #expect(try weight(kind: 67, packed).values(Float.self) == [-2.5, -0.5, 1])
  }

  @Test func deprecatedWeightQuant() throws {
    #expect(try weight(kind: 35, int8([6], [quantParam()]), quantType: 2).type == .float32)
  }

  @Test(arguments: [0, 1, 5, 6] as [Int32]) func otherKindsKeepTheirIntegers(quantType: Int32) throws {
    let t = try weight(kind: 35, int8([6], [quantParam()]), quantType: quantType)
    #expect(t.type == .int8 && t.quantParams.count == 1)
  }

  @Test func withoutParametersNothingHappens() throws {
    #expect(try weight(kind: 35, int8([6], nil)).type == .int8)
  }

  @Test func wrongNumberOfChannels() {
    do {
      _ = try weight(kind: 35, int8([6], [quantParam(), quantParam()]))
      Issue.record("accepted")
    } catch {
      #expect(
        withoutOffsets(error.message)
          == "node 0 Conv2DFusion \"n\" at byte N: tensor \"w\" int8 [6]: 2 quantisation parameters do not match dimension 0 of its shape"
      )
    }
  }
}
