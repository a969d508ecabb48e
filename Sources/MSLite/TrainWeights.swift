import CInterface
import CMindSpore
import CSystem
import Graph
import Runtime

@c @implementation
public func OH_AI_ModelGetWeights(_ model: OH_AI_ModelHandle!) -> OH_AI_TensorHandleArray {
  var array = OH_AI_TensorHandleArray(handle_num: 0, handle_list: nil)
  _ = withTraining(model) { (_, training) throws(EngineError) in
    let weights = try training.writableWeights()
    let size = MemoryLayout<UnsafeMutableRawPointer?>.stride
    guard let memory = calloc(max(weights.count, 1), size) else { throw noMemory }
    let list = memory.bindMemory(to: UnsafeMutableRawPointer?.self, capacity: max(weights.count, 1))
    for weight in weights {
      guard let tensor = TensorObject(name: cString(weight.name), type: OH_AI_DataType(engine: weight.type)),
        let handle = HandleTable.shared.insert(tensor, .tensor)
      else {
        while array.handle_num > 0 {
          array.handle_num -= 1
          HandleTable.shared.destroy(list[array.handle_num])
        }
        free(memory)
        throw noMemory
      }
      tensor.describe(weight)
      tensor.borrow(weight.data, bytes: weight.byteCount)
      list[array.handle_num] = handle
      array.handle_num += 1
    }
    array.handle_list = list
  }
  return array
}

private var noMemory: EngineError { EngineError(.outOfMemory, "no memory for the list of weights") }

@c @implementation
public func OH_AI_ModelUpdateWeights(
  _ model: OH_AI_ModelHandle!, _ new_weights: OH_AI_TensorHandleArray
) -> OH_AI_Status {
  let (object, status) = builtModel(model)
  guard object != nil else { return status }
  if new_weights.handle_num == 0 || new_weights.handle_list == nil {
    return fail(.inputParameterInvalid, "new_weights is empty; expected tensors named like weights")
  }
  return withTraining(model) { (object, training) throws(EngineError) in
    var changes: [WeightChange] = []
    let list = UnsafePointer(new_weights.handle_list)
    guard let list, isReadable(list, new_weights.handle_num, known: nil) else {
      throw EngineError(.error, "new_weights.handle_list is not a list of \(UInt(bitPattern: new_weights.handle_num)) tensors")
    }
    // The tensors live until the values are taken over, whatever other threads destroy.
    var tensors: [TensorObject] = []
    // Where several weights have one name, a list of all of them gives each its own.
    var weights = training.weights, used: [Tensor] = []
    var i = 0
    while i < new_weights.handle_num {
      guard let handle = list[i] else { throw EngineError(.nullPointer, "new_weights.handle_list[\(i)] is NULL") }
      guard let tensor = tensorObject(handle) else {
        throw EngineError(.error, "new_weights.handle_list[\(i)] is not a live tensor")
      }
      let change = try makeChange(tensor, weights, used)
      weights.removeAll { $0 === change.weight }
      used.append(change.weight)
      changes.append(change)
      tensors.append(tensor)
      i += 1
    }
    try withExtendedLifetime(tensors) { () throws(EngineError) in
      do throws(EngineError) {
        try training.update(changes)
      } catch {
        throw EngineError(error.code == .outOfMemory ? .outOfMemory : .error, Message(text: error.message))
      }
    }
    object.refreshWeights()
  }
}

/// What a caller's tensor says of the weight that has its name.
private func makeChange(_ tensor: TensorObject, _ weights: [Tensor], _ used: [Tensor]) throws(EngineError) -> WeightChange {
  let name = bytes(of: tensor.name)
  func isNamed(_ weight: Tensor) -> Bool { weight.name.utf8.elementsEqual(name) }
  guard let weight = weights.first(where: isNamed) ?? used.first(where: isNamed) else {
    throw EngineError(.error, "no weight is called \"\(text(tensor.name))\"; expected names from OH_AI_ModelGetWeights")
  }
  if tensor.type != OH_AI_DataType(engine: weight.type) {
    throw EngineError(
      .parameterInvalid, "\"\(text(tensor.name))\" has type \(tensor.type.rawValue); expected that of the weight \(weight)")
  }
  var dims: [Int] = []
  var i = 0
  while i < tensor.rank {
    dims.append(Int(clamping: tensor.dims[i]))
    i += 1
  }
  let shape = Shape(dims)
  guard let count = shape.checkedCount, count > 0, count <= Int(Int32.max) else {
    throw EngineError(.parameterInvalid, "\"\(text(tensor.name))\" has the shape \(shape); expected one with elements")
  }
  let data = tensor.currentData
  if data != nil && tensor.capacity < count * weight.type.size {
    throw EngineError(
      .parameterInvalid, "\"\(text(tensor.name))\" has \(tensor.capacity) bytes; expected \(count * weight.type.size)")
  }
  return WeightChange(weight: weight, shape: shape, values: UnsafeRawPointer(data))
}
