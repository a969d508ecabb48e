import CMindSpore
import CSystem
import Graph
import Runtime

/// Calls `body` with a model that is trained, after the checks that the three exports begin with.
private func export(
  _ model: UnsafeMutableRawPointer?, _ type: OH_AI_ModelType, isSupported: Bool = true, function: StaticString = #function,
  _ body: (TrainingSession) throws(EngineError) -> Void
) -> OH_AI_Status {
  guard let object = liveModel(model, code: .parameterInvalid, function: function) else {
    return OH_AI_Status(.parameterInvalid)
  }
  if !isSupported {
    return fail(.notSupported, "is_inference is false; only the inference part can be written", function: function)
  }
  if type != OH_AI_MODELTYPE_MINDIR {
    return fail(
      .parameterInvalid, "model_type is \(type.rawValue); expected OH_AI_MODELTYPE_MINDIR (0)", function: function)
  }
  if !object.isBuilt { return fail(.error, "the model is not built", function: function) }
  return withTraining(model, function: function) { (_, training) throws(EngineError) in
    do throws(EngineError) {
      try body(training)
    } catch {
      throw EngineError(error.code == .nullPointer ? .nullPointer : .error, Message(text: error.message))
    }
  }
}

/// The path of a file to write; a directory is refused.
private func checkedPath(_ path: UnsafePointer<CChar>?) throws(EngineError) -> UnsafePointer<CChar> {
  guard let path else { throw EngineError(.nullPointer, "the path is NULL; expected that of a file to write") }
  let length = strlen(path)
  if length == 0 { throw EngineError(.error, "the path is empty; expected that of a file to write") }
  if path[length - 1] == CChar(UInt8(ascii: "/")) || mssys_is_directory(path) != 0 {
    throw EngineError(.error, "\"\(text(path))\" is a directory; expected a file")
  }
  return path
}

private func makeRequest(
  _ quantisation: OH_AI_QuantizationType, _ inferenceOnly: Bool,
  _ names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ count: Int
) throws(EngineError) -> ExportRequest {
  let weights: WeightForm
  switch quantisation {
  case OH_AI_NO_QUANT: weights = .float32
  case OH_AI_WEIGHT_QUANT: weights = .quantised
  default: weights = .asBefore
  }
  return ExportRequest(inferenceOnly: inferenceOnly, outputs: inferenceOnly ? try list(names, count) : [], weights: weights)
}

private func list(
  _ names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ count: Int
) throws(EngineError) -> [[UInt8]] {
  var list: [[UInt8]] = []
  guard let names, count > 0 else { return list }
  var i = 0
  while i < count {
    guard let name = names[i] else { throw EngineError(.nullPointer, "name \(i) is NULL; expected \(count) strings") }
    list.append(bytes(of: name))
    i += 1
  }
  return list
}

@c @implementation
public func OH_AI_ExportModel(
  _ model: OH_AI_ModelHandle!, _ model_type: OH_AI_ModelType, _ model_file: UnsafePointer<CChar>!,
  _ quantization_type: OH_AI_QuantizationType, _ export_inference_only: Bool,
  _ output_tensor_name: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>!, _ num: Int
) -> OH_AI_Status {
  export(model, model_type) { training throws(EngineError) in
    guard let path = pathWithSuffix(try checkedPath(model_file)) else {
      throw EngineError(.outOfMemory, "no memory for the path")
    }
    defer { free(path) }
    let request = try makeRequest(quantization_type, export_inference_only, output_tensor_name, num)
    try training.export(request, path: String(cString: path))
  }
}

/// malloc'd bytes that grow.
private struct GrowingBytes {
  var base: UnsafeMutableRawPointer?
  var count = 0
  private var capacity = 0
  private(set) var hasFailed = false

  mutating func append(_ piece: UnsafeRawBufferPointer) {
    guard let source = piece.baseAddress, !hasFailed else { return }
    if capacity - count < piece.count {
      let wanted = max(count + piece.count, capacity + capacity / 2)
      guard let larger = realloc(base, wanted) else {
        hasFailed = true
        return
      }
      base = larger
      capacity = wanted
    }
    if let base { memcpy(base + count, source, piece.count) }
    count += piece.count
  }
}

@c @implementation
public func OH_AI_ExportModelBuffer(
  _ model: OH_AI_ModelHandle!, _ model_type: OH_AI_ModelType, _ model_data: UnsafeMutableRawPointer!,
  _ data_size: UnsafeMutablePointer<Int>!, _ quantization_type: OH_AI_QuantizationType, _ export_inference_only: Bool,
  _ output_tensor_name: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>!, _ num: Int
) -> OH_AI_Status {
  // The address of a char *, whatever the declaration says.
  if let model_data { model_data.storeBytes(of: nil, as: UnsafeMutablePointer<CChar>?.self) }
  data_size?.pointee = 0
  return export(model, model_type) { training throws(EngineError) in
    guard let model_data, let data_size else {
      throw EngineError(.nullPointer, "model_data or data_size is NULL; expected addresses of a char * and of a size_t")
    }
    let request = try makeRequest(quantization_type, export_inference_only, output_tensor_name, num)
    var bytes = GrowingBytes()
    try training.export(request) { bytes.append($0) }
    if bytes.hasFailed {
      free(bytes.base)
      throw EngineError(.nullPointer, "no memory for the model's bytes")
    }
    model_data.storeBytes(of: bytes.base, as: UnsafeMutableRawPointer?.self)
    data_size.pointee = bytes.count
  }
}

@c @implementation
public func OH_AI_ExportWeightsCollaborateWithMicro(
  _ model: OH_AI_ModelHandle!, _ model_type: OH_AI_ModelType, _ weight_file: UnsafePointer<CChar>!,
  _ is_inference: Bool, _ enable_fp16: Bool,
  _ changeable_weights_name: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>!, _ num: Int
) -> OH_AI_Status {
  export(model, model_type, isSupported: is_inference) { training throws(EngineError) in
    let path = try checkedPath(weight_file)
    try training.exportWeights(
      path: String(cString: path), float16: enable_fp16, changeable: try list(changeable_weights_name, num))
  }
}
