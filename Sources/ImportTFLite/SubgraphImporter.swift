import ConverterCore
import Graph

/// Imports one subgraph: keeps what each of its tensors has become, and imports operator by operator.
///
/// Quantised values are computed as int8: uint8 ones are shifted by 128, values and zero point alike, and 16-bit ones are computed
/// as the real numbers that they stand for.
final class SubgraphImporter {
  let session: ImportSession
  let source: TFLiteSubgraph
  let graph: GraphBuilder
  let depth: Int
  /// What computed tensors have become.
  private var values: [Tensor?]
  private var constants: [Int: Tensor] = [:]
  /// Real numbers of quantised tensors.
  private var reals: [Int: Tensor] = [:]
  /// Resource handles: the variable that a tensor stands for.
  var handles: [Int: String] = [:]
  private var bound: Set<ObjectIdentifier> = []

  init(_ session: ImportSession, _ source: TFLiteSubgraph, _ graph: GraphBuilder, depth: Int) throws(EngineError) {
    self.session = session
    self.source = source
    self.graph = graph
    self.depth = depth
    values = [Tensor?](repeating: nil, count: source.tensors.count)
  }

  // MARK: inputs and outputs

  /// Makes tensor `index` an input of the graph, in the type of the file.
  func declareInput(_ index: Int) throws(EngineError) {
    let info = source.tensors[index]
    guard let type = info.type.dataType else {
      throw EngineError(.notSupported, "input \"\(info.name)\" has the type \(info.type.name)")
    }
    let dims = session.model.options.inputShapes[info.name] ?? (info.type == .complex64 ? info.dims + [2] : info.dims)
    let input = graph.input(info.name, type, dims)
    bound.insert(ObjectIdentifier(input))
    guard info.isQuantised, let params = try quantParams(index, shifted: false) else {
      values[index] = input
      return
    }
    graph.scope = "\(info.name)/input"
    // 16-bit values are no quantised ones for the engine: whoever calls it deals with the integers.
    if info.type != .int16 { input.quantParams = params }
    switch info.type {
    case .uint8: values[index] = try cast(input, to: .int8, params: try quantParams(index, shifted: true) ?? [])
    case .int16: values[index] = try real(of16Bit: input, params[0])
    default: values[index] = input
    }
  }

  /// The graph's outputs in the types of the file, and those of the state variables.
  func finishMain() throws(EngineError) {
    var outputs = [Tensor](), names = [String]()
    for index in source.outputs {
      let info = source.tensors[index]
      graph.scope = "\(info.name)/output"
      var t = try value(index)
      if info.isQuantised, !t.isConstant, let params = try quantParams(index, shifted: false) {
        let renamed = t.name == info.name
        if info.type == .uint8 || info.type == .int16 {
          if renamed && !isInput(t) { t.name = "\(info.name)/computed" }
          t = info.type == .uint8 ? try cast(t, to: .uint8, params: params) : try stored16Bit(t, params[0])
        }
      }
      outputs.append(t)
      names.append(info.name)
    }
    graph.scope = "state"
    for (name, tensor) in try session.variables.outputs(graph) {
      outputs.append(tensor)
      names.append(name)
    }
    try graph.setOutputs(outputs, names: names)
  }

  private func isInput(_ t: Tensor) -> Bool { graph.graph.inputs.contains { $0 === t } }

  /// The outputs of a callee, in the types in which values are computed.
  func finishCallee() throws(EngineError) {
    var outputs = [Tensor]()
    for index in source.outputs { outputs.append(try value(index)) }
    try graph.setOutputs(outputs, names: source.outputs.map { source.tensors[$0].name })
  }

  // MARK: values

  func bind(_ index: Int, _ tensor: Tensor) {
    values[index] = tensor
    reals[index] = nil
    // An operator that changes nothing gives its input: that keeps its name.
    if bound.insert(ObjectIdentifier(tensor)).inserted && !tensor.isConstant { tensor.name = source.tensors[index].name }
  }

  /// The same for a tensor that has a name already.
  func adopt(_ index: Int, _ tensor: Tensor) {
    values[index] = tensor
    keepName(tensor)
  }

  /// Results that are this tensor are not named anew.
  func keepName(_ tensor: Tensor) { bound.insert(ObjectIdentifier(tensor)) }

  func known(_ index: Int) -> Tensor? { index >= 0 && index < values.count ? values[index] : nil }

  /// The tensor as it is computed: int8 for quantised bytes, float32 for quantised 16-bit values, else the file's type.
  func value(_ index: Int) throws(EngineError) -> Tensor {
    if let t = values[index] { return t }
    if let t = constants[index] { return t }
    let info = source.tensors[index]
    var t = try stored(index)
    if info.type == .int16 && info.isQuantised {
      t = try real(index)
    } else if info.type == .uint8 && info.isQuantised {
      t = try shiftedBytes(t, info.name)
    }
    if let params = try quantParams(index, shifted: true), t.type != .float32 { t.quantParams = params }
    constants[index] = t
    return t
  }

  /// The real numbers of a quantised tensor; others as they are.
  func real(_ index: Int) throws(EngineError) -> Tensor {
    let info = source.tensors[index]
    guard let q = info.quantization, info.isQuantised else { return try value(index) }
    if let t = reals[index] { return t }
    var result: Tensor
    if let t = values[index] {
      result = t.type == .int8 ? try cast(t, to: .float32, params: []) : t
    } else {
      result = try dequantised(try stored(index), q)
    }
    reals[index] = result
    return result
  }

  /// The constant tensor as the file has it; throws when it is none.
  func stored(_ index: Int) throws(EngineError) -> Tensor {
    let info = source.tensors[index]
    guard let bytes = try session.file.contents(info.buffer) else {
      if info.dims.contains(0), let type = info.type.dataType {
        return try graph.constant(info.name, type, info.dims, bytes: UnsafeRawBufferPointer(start: nil, count: 0), owner: nil)
      }
      throw EngineError(
        .graphFileError, "tensor \"\(info.name)\" is read, but it is no input, no constant, and no operator before has made it")
    }
    return try ConstantReader(session.file, info).read(bytes, into: graph)
  }

  /// Whether the tensor comes with the file (or was computed from such).
  func isConstant(_ index: Int) -> Bool {
    if index < 0 { return false }
    if let t = values[index] { return t.isConstant }
    return ((try? session.file.contents(source.tensors[index].buffer)) ?? nil) != nil
  }

  /// The parameters of the values as they are computed; `shifted`: zero points of uint8 less 128. nil: not quantised.
  func quantParams(_ index: Int, shifted: Bool) throws(EngineError) -> [QuantParam]? {
    let info = source.tensors[index]
    guard let q = info.quantization else { return nil }
    let shift: Int64 = shifted && info.type == .uint8 ? 128 : 0
    var params = [QuantParam]()
    params.reserveCapacity(q.scales.count)
    for (i, scale) in q.scales.enumerated() {
      let zero = q.zeroPoints[q.zeroPoints.count == 1 ? 0 : i]
      let (z, overflow) = zero.subtractingReportingOverflow(shift)
      guard !overflow, let narrow = Int32(exactly: z) else {
        throw EngineError(.graphFileError, "tensor \"\(info.name)\" has the zero point \(zero)")
      }
      params.append(
        QuantParam(
          scale: Double(scale), zeroPoint: narrow, bits: info.type == .int32 ? 32 : 8, varianceCorrection: 1, meanCorrection: 0))
    }
    return params
  }

  // MARK: operators

  func importOperators() throws(EngineError) {
    for (i, op) in source.operators.enumerated() {
      let name = op.outputs.first.map { source.tensors[$0].name } ?? "\(op.name)_\(i)"
      let known = op.inputs.compactMap { $0 >= 0 ? values[$0] : nil }
      let results = graph.importNode(name, type: op.name, inputs: known, outputs: op.outputs.count) {
        () throws(EngineError) in
        try Operation.run(self, op)
      }
      for (index, tensor) in zip(op.outputs, results) { bind(index, tensor) }
    }
  }
}
