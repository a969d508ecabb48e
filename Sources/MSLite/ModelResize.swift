import CInterface
import CMindSpore
import CSystem
import Graph
import Runtime

@c @implementation
public func OH_AI_ModelResize(
  _ model: OH_AI_ModelHandle!, _ inputs: OH_AI_TensorHandleArray, _ shape_infos: UnsafeMutablePointer<OH_AI_ShapeInfo>!,
  _ shape_info_num: Int
) -> OH_AI_Status {
  guard let object = liveModel(model) else { return OH_AI_Status(.nullPointer) }
  guard let shape_infos else { return fail(.nullPointer, "shape_infos is NULL; expected a shape per input") }
  // A count that has the top bit set cannot be the length of anything.
  let count = max(shape_info_num, 0)
  var i = 0
  while i < count {
    if let dim = impossibleDimension(shape_infos + i) {
      return fail(.parameterInvalid, "shape_infos[\(i)] has the dimension \(dim); expected 0 to \(Int32.max)")
    }
    i += 1
  }
  guard object.enter() else { return OH_AI_Status(.error) }
  defer { object.leave() }
  guard let session = object.session, let list = object.inputs else { return fail(.nullPointer, "the model is not built") }
  let expected = list.tensors.count
  guard inputs.handle_num == expected && count == expected && count > 0 else {
    return fail(
      .inputParameterInvalid,
      "\(UInt(bitPattern: inputs.handle_num)) inputs and \(UInt(bitPattern: shape_info_num)) shapes; expected \(expected) of each")
  }
  guard let handles = inputs.handle_list,
    UnsafeMutablePointer(handles) == list.list || isReadable(UnsafePointer(handles), expected, known: shape_infos)
  else { return fail(.parameterInvalid, "inputs.handle_list is not a list of \(expected) tensors") }
  var shapes: [[Int]] = []
  i = 0
  while i < expected {
    if handles[i] != list.tensors[i].handle {
      return fail(.parameterInvalid, "inputs.handle_list[\(i)] is not the model's own input; expected OH_AI_ModelGetInputs's")
    }
    guard let shape = acceptableShape(shape_infos + i, for: object.graphInputs[i]) else {
      return fail(.error, "shape_infos[\(i)] is no shape for input \(object.graphInputs[i])")
    }
    guard mayChangeMemory(list.tensors[i]) else { return OH_AI_Status(.error) }
    shapes.append(shape)
    i += 1
  }
  do throws(EngineError) {
    if let training = object.training { try training.resize(shapes) } else { try session.resize(shapes) }
  } catch {
    return fail(error.code == .outOfMemory ? .outOfMemory : .error, Message(text: error.message))
  }
  object.refreshShapes()
  object.reportNotices()
  return OH_AI_STATUS_SUCCESS
}

private func impossibleDimension(_ info: UnsafeMutablePointer<OH_AI_ShapeInfo>) -> Int64? {
  let count = min(UInt(bitPattern: info.pointee.shape_num), UInt(OH_AI_MAX_SHAPE_NUM))
  return withUnsafePointer(to: &info.pointee.shape) { tuple in
    let dims = UnsafeRawPointer(tuple).assumingMemoryBound(to: Int64.self)
    var i = 0
    while i < Int(count) {
      if dims[i] < 0 || dims[i] > Int64(Int32.max) { return dims[i] }
      i += 1
    }
    return nil
  }
}

/// The dimensions; nil for a shape that no such input can have: too many dimensions, an empty one, or none where there are some.
private func acceptableShape(_ info: UnsafeMutablePointer<OH_AI_ShapeInfo>, for input: Tensor) -> [Int]? {
  let count = UInt(bitPattern: info.pointee.shape_num)
  if count > UInt(Shape.maximumRank) || (count == 0 && input.shape.rank != 0) { return nil }
  return withUnsafePointer(to: &info.pointee.shape) { tuple in
    let dims = UnsafeRawPointer(tuple).assumingMemoryBound(to: Int64.self)
    var shape: [Int] = []
    var i = 0
    while i < Int(count) {
      if dims[i] == 0 { return nil }
      shape.append(Int(dims[i]))
      i += 1
    }
    return shape
  }
}
