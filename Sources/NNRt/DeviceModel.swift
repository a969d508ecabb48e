import CNNRt
import CSystem
import Graph
import System

/// A model of the runtime while it is built: tensors, operators, inputs and outputs. The runtime copies the constants.
final class DeviceModel {
  let library: NNRtLibrary
  private(set) var handle: OpaquePointer?
  /// The runtime's number of each of the graph's tensors that it has been told of; -1: of the others.
  private var numbers: [Int32]
  /// Tensors that were made for the node which is being added.
  private var made: [(tensor: Tensor, number: UInt32)] = []
  private var tensorCount: UInt32 = 0

  private init(_ library: NNRtLibrary, _ handle: OpaquePointer, _ tensorCount: Int) {
    self.library = library
    self.handle = handle
    numbers = [Int32](repeating: -1, count: tensorCount)
  }

  /// A model of parts of a graph that has `tensorCount` tensors.
  private static func make(_ library: NNRtLibrary, tensorCount: Int) throws(EngineError) -> DeviceModel {
    guard let handle = library.functions.makeModel() else { throw NNRtError.refused("OH_NNModel_Construct", nil) }
    return DeviceModel(library, handle, tensorCount)
  }

  deinit { library.functions.freeModel(&handle) }

  /// The most tensors that an operator, or a model's list of inputs or outputs, may have.
  static let listLimit = 200

  /// A finished model of nodes' operators. Not nil in `refused`: there is none, because the runtime does not accept an
  /// operator (older runtimes do not know newer ones and their parameters).
  static func make(
    _ library: NNRtLibrary, tensorCount: Int, _ nodes: [[DeviceOperation]], _ border: (inputs: [Tensor], outputs: [Tensor])
  ) throws(EngineError) -> (model: DeviceModel, refused: (node: Int, code: UInt32)?) {
    let model = try make(library, tensorCount: tensorCount)
    for (i, list) in nodes.enumerated() {
      if let operation = try model.add(list) { return (model, (i, operation.code)) }
    }
    try model.finish(border.inputs, border.outputs)
    return (model, nil)
  }

  /// Adds a node's operators. Not nil: the runtime does not accept this one, and the model is spoilt.
  private func add(_ operations: [DeviceOperation]) throws(EngineError) -> DeviceOperation? {
    made.removeAll()
    for operation in operations {
      if !(try add(operation)) { return operation }
    }
    return nil
  }

  private func add(_ operation: DeviceOperation) throws(EngineError) -> Bool {
    var parameters = [UInt32](), inputs = [UInt32](), outputs = [UInt32]()
    for p in operation.parameters {
      guard let number = try add(p) else { return false }
      parameters.append(number)
    }
    for t in operation.inputs { inputs.append(try number(of: t)) }
    for t in operation.outputs { outputs.append(try number(of: t)) }
    return withList(parameters) { p in
      withList(inputs) { i in
        withList(outputs) { o in
          library.functions.addOperation(handle, OH_NN_OperationType(rawValue: operation.code), p, i, o) == OH_NN_SUCCESS
        }
      }
    }
  }

  /// Says what comes in and goes out, and ends building.
  private func finish(_ inputs: [Tensor], _ outputs: [Tensor]) throws(EngineError) {
    if inputs.isEmpty || outputs.isEmpty || inputs.count > DeviceModel.listLimit || outputs.count > DeviceModel.listLimit {
      throw EngineError(.notSupported, "\(inputs.count) inputs and \(outputs.count) outputs; 1 to \(DeviceModel.listLimit) of each are possible")
    }
    var from = [UInt32](), to = [UInt32]()
    for t in inputs { from.append(try number(of: t)) }
    for t in outputs { to.append(try number(of: t)) }
    let code = withList(from) { i in withList(to) { o in library.functions.specifyInputsAndOutputs(handle, i, o) } }
    try NNRtError.check(code, "OH_NNModel_SpecifyInputsAndOutputs")
    try NNRtError.check(library.functions.finishModel(handle), "OH_NNModel_Finish")
  }

  private func withList<Result>(_ list: [UInt32], _ body: (UnsafePointer<OH_NN_UInt32Array>) -> Result) -> Result {
    var list = list
    let count = UInt32(list.count)
    return list.withUnsafeMutableBufferPointer { buffer in
      var array = OH_NN_UInt32Array(data: count == 0 ? nil : buffer.baseAddress, size: count)
      return body(&array)
    }
  }

  private func number(of t: Tensor) throws(EngineError) -> UInt32 {
    if t.index >= 0 {
      if numbers[t.index] >= 0 { return UInt32(numbers[t.index]) }
    } else {
      for entry in made where entry.tensor === t { return entry.number }
    }
    guard let type = t.type.deviceType else { throw EngineError(.notSupported, "\(t) has a type that devices do not have") }
    let number = try add(type, t.shape.dims.map { Int32(clamping: $0) })
    if t.type == .int8 || t.type == .uint8 { try setQuantisation(number, t.quantParams) }
    if t.hasKnownValue, let data = t.data {
      try NNRtError.check(library.functions.setTensorData(handle, number, data, t.byteCount), "OH_NNModel_SetTensorData")
    }
    if t.index >= 0 { numbers[t.index] = Int32(number) } else { made.append((t, number)) }
    return number
  }

  /// nil: the runtime does not know such a parameter.
  private func add(_ p: DeviceOperation.Parameter) throws(EngineError) -> UInt32? {
    let number = try add(p.dataType, p.dims)
    if library.functions.setTensorType(handle, number, OH_NN_TensorType(rawValue: p.type)) != OH_NN_SUCCESS { return nil }
    let code = p.bytes.withUnsafeBytes { library.functions.setTensorData(handle, number, $0.baseAddress, $0.count) }
    try NNRtError.check(code, "OH_NNModel_SetTensorData")
    return number
  }

  private func add(_ type: OH_NN_DataType, _ dims: [Int32]) throws(EngineError) -> UInt32 {
    let description = try TensorDescription.make(library, type, dims)
    try NNRtError.check(library.functions.addTensor(handle, description.handle), "OH_NNModel_AddTensorToModel")
    tensorCount += 1
    return tensorCount - 1
  }

  private func setQuantisation(_ number: UInt32, _ params: [QuantParam]) throws(EngineError) {
    if params.isEmpty { return }
    let f = library.functions
    var quantisation = f.makeQuantisation()
    defer { _ = f.freeQuantisation(&quantisation) }
    let scales = params.map { $0.scale }, zeros = params.map { $0.zeroPoint }, bits = params.map { _ in UInt32(8) }
    try NNRtError.check(f.setScales(quantisation, scales, scales.count), "OH_NNQuantParam_SetScales")
    try NNRtError.check(f.setZeroPoints(quantisation, zeros, zeros.count), "OH_NNQuantParam_SetZeroPoints")
    try NNRtError.check(f.setBits(quantisation, bits, bits.count), "OH_NNQuantParam_SetNumBits")
    try NNRtError.check(f.setTensorQuantisation(handle, number, quantisation), "OH_NNModel_SetTensorQuantParams")
  }
}

/// Type and dimensions, in the runtime's form.
final class TensorDescription {
  private let library: NNRtLibrary
  private(set) var handle: OpaquePointer?

  private init(_ library: NNRtLibrary) {
    self.library = library
    handle = library.functions.makeDescription()
  }

  deinit { _ = library.functions.freeDescription(&handle) }

  /// No dimensions: a scalar.
  static func make(_ library: NNRtLibrary, _ type: OH_NN_DataType, _ dims: [Int32]) throws(EngineError) -> TensorDescription {
    let f = library.functions, description = TensorDescription(library)
    try NNRtError.check(f.setDataType(description.handle, type), "OH_NNTensorDesc_SetDataType")
    if !dims.isEmpty { try NNRtError.check(f.setShape(description.handle, dims, dims.count), "OH_NNTensorDesc_SetShape") }
    try NNRtError.check(f.setFormat(description.handle, OH_NN_FORMAT_NHWC), "OH_NNTensorDesc_SetFormat")
    return description
  }
}

/// Failures that the runtime reports.
enum NNRtError {
  static func check(_ code: OH_NN_ReturnCode, _ function: StaticString) throws(EngineError) {
    if code != OH_NN_SUCCESS { throw refused(function, code) }
  }

  static func refused(_ function: StaticString, _ code: OH_NN_ReturnCode?) -> EngineError {
    guard let code else { return EngineError(.error, "\(function) returned NULL") }
    return EngineError(.error, "\(function) returned \(code.rawValue)\(meaning(code))")
  }

  private static func meaning(_ code: OH_NN_ReturnCode) -> StaticString {
    switch code {
    case OH_NN_INVALID_PARAMETER: return " (invalid parameter)"
    case OH_NN_MEMORY_ERROR: return " (no memory)"
    case OH_NN_OPERATION_FORBIDDEN: return " (forbidden, or a setting that the device does not have)"
    case OH_NN_TIMEOUT: return " (time-out)"
    case OH_NN_UNSUPPORTED: return " (unsupported)"
    case OH_NN_UNAVAILABLE_DEVICE: return " (the device is not available)"
    default: return ""
    }
  }
}
