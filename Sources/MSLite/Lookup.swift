// Kept out of line: the entry points are many, and what they share is small.

import CInterface
import CMindSpore
import CSystem
import Graph

/// Why a handle was refused.
@inline(never)
func refusal(_ argument: StaticString, _ handle: UnsafeMutableRawPointer?, _ accepted: StaticString) -> Message {
  handle == nil
    ? "\(argument) is NULL; expected \(accepted)"
    : "\(argument) is not a live handle of its kind (destroyed, of another kind, or never given out); expected \(accepted)"
}

/// The context behind a handle; nil, with the error reported, when there is none.
@inline(never)
func liveContext(
  _ handle: UnsafeMutableRawPointer?, _ argument: StaticString = "context", silent: Bool = false,
  function: StaticString = #function
) -> ContextObject? {
  if let object = HandleTable.shared.object(handle, .context) { return unsafeDowncast(object, to: ContextObject.self) }
  let text = refusal(argument, handle, "a context from OH_AI_ContextCreate")
  fail(.nullPointer, text, silent: silent, function: function)
  return nil
}

@inline(never)
func liveDeviceInfo(
  _ handle: UnsafeMutableRawPointer?, silent: Bool = false, function: StaticString = #function
) -> DeviceInfoObject? {
  if let object = HandleTable.shared.object(handle, .deviceInfo) {
    return unsafeDowncast(object, to: DeviceInfoObject.self)
  }
  let text = refusal("device_info", handle, "a device info from OH_AI_DeviceInfoCreate")
  fail(.nullPointer, text, silent: silent, function: function)
  return nil
}

@inline(never)
func liveTensor(_ handle: UnsafeMutableRawPointer?, function: StaticString = #function) -> TensorObject? {
  if let tensor = tensorObject(handle) { return tensor }
  fail(.nullPointer, refusal("tensor", handle, "a tensor from OH_AI_TensorCreate or from a model"), function: function)
  return nil
}

/// The tensor behind a handle, without a report when there is none.
@inline(never)
func tensorObject(_ handle: UnsafeMutableRawPointer?) -> TensorObject? {
  guard let object = HandleTable.shared.object(handle, .tensor) else { return nil }
  return unsafeDowncast(object, to: TensorObject.self)
}

/// - Parameter code: what a missing model means to the function: nullPointer, or parameterInvalid in the training group.
@inline(never)
func liveModel(
  _ handle: UnsafeMutableRawPointer?, code: EngineError.Code = .nullPointer, function: StaticString = #function
) -> ModelObject? {
  if let object = HandleTable.shared.object(handle, .model) { return unsafeDowncast(object, to: ModelObject.self) }
  fail(code, refusal("model", handle, "a model from OH_AI_ModelCreate"), function: function)
  return nil
}

@inline(never)
func liveTrainConfig(_ handle: UnsafeMutableRawPointer?, function: StaticString = #function) -> TrainConfigObject? {
  if let object = HandleTable.shared.object(handle, .trainConfig) {
    return unsafeDowncast(object, to: TrainConfigObject.self)
  }
  let text = refusal("train_cfg", handle, "train settings from OH_AI_TrainCfgCreate")
  fail(.parameterInvalid, text, function: function)
  return nil
}

/// A malloc'd copy with a final NUL, which C programs free; nil when memory runs out.
func duplicate(_ text: UnsafePointer<CChar>) -> UnsafeMutablePointer<CChar>? { strdup(text) }

/// The caller's string for an error text, cut to a length that leaves room for the rest.
@inline(never)
func text(_ string: UnsafePointer<CChar>) -> String {
  let bytes = UnsafeRawBufferPointer(start: string, count: strnlen(string, 200))
  return String(decoding: bytes, as: UTF8.self)
}

/// The bytes of a string without its final NUL.
func bytes(of string: UnsafePointer<CChar>) -> [UInt8] {
  [UInt8](UnsafeRawBufferPointer(start: string, count: strlen(string)))
}

func equal(_ string: UnsafePointer<CChar>, _ literal: StaticString) -> Bool {
  strcmp(string, UnsafeRawPointer(literal.utf8Start).assumingMemoryBound(to: CChar.self)) == 0
}

/// Destroys whatever `*handle` stands for and writes NULL; what each destroy function does except for models.
@inline(never)
func destroyHandle(_ handle: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, function: StaticString = #function) {
  guard let handle, let value = handle.pointee else { return }
  if let model = HandleTable.shared.object(value, .model) {
    destroyModel(unsafeDowncast(model, to: ModelObject.self), handle, function)
    return
  }
  if let tensor = HandleTable.shared.object(value, .tensor) {
    // A model's tensors go with the model.
    if unsafeDowncast(tensor, to: TensorObject.self).model == nil { HandleTable.shared.destroy(value) }
  } else if HandleTable.shared.object(value, .allocator) == nil, !HandleTable.shared.destroy(value) {
    fail(.parameterInvalid, "the handle is not live: it was destroyed before or never given out", function: function)
  }
  handle.pointee = nil
}
