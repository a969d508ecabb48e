import CInterface
import CMindSpore
import CSystem
import Graph

@c @implementation
public func OH_AI_TensorCreate(
  _ name: UnsafePointer<CChar>!, _ type: OH_AI_DataType, _ shape: UnsafePointer<Int64>!, _ shape_num: Int,
  _ data: UnsafeRawPointer!, _ data_len: Int
) -> OH_AI_TensorHandle! {
  guard let name, let shape else {
    fail(.nullPointer, "name or shape is NULL")
    return nil
  }
  guard TensorObject.size(of: type) > 0 else {
    fail(.parameterInvalid, "type \(type.rawValue) has no size; expected BOOL to FLOAT64 or STRING")
    return nil
  }
  guard shape_num >= 0 && shape_num <= Shape.maximumRank else {
    fail(.parameterInvalid, "shape_num is \(UInt(bitPattern: shape_num)); expected at most \(Shape.maximumRank)")
    return nil
  }
  var i = 0
  while i < shape_num {
    if shape[i] < (data == nil ? -1 : 0) {
      fail(.parameterInvalid, "dimension \(i) is \(shape[i]); expected 0 or more, or -1 without data")
      return nil
    }
    i += 1
  }
  guard let tensor = TensorObject(name: duplicate(name), type: type) else {
    fail(.outOfMemory, "no memory for the tensor")
    return nil
  }
  tensor.setShape(shape, shape_num)
  let expected = data == nil ? 0 : tensor.dataSize
  guard data_len == expected else {
    fail(.parameterInvalid, "data_len is \(UInt(bitPattern: data_len)); expected \(expected)")
    return nil
  }
  if let data { tensor.borrow(UnsafeMutableRawPointer(mutating: data), bytes: data_len) }
  return HandleTable.shared.insert(tensor, .tensor)
}

@c @implementation
public func OH_AI_TensorDestroy(_ tensor: UnsafeMutablePointer<OH_AI_TensorHandle?>!) {
  destroyHandle(tensor)
}

@c @implementation
public func OH_AI_TensorClone(_ tensor: OH_AI_TensorHandle!) -> OH_AI_TensorHandle! {
  guard let source = liveTensor(tensor) else { return nil }
  let bytes = source.dataSize
  let data = source.currentData
  if bytes > 0 && data == nil {
    fail(.error, "the tensor has no data to copy")
    return nil
  }
  let suffix: StaticString = "_duplicate"
  let length = strlen(source.name)
  let name = malloc(length + suffix.utf8CodeUnitCount + 1)?.bindMemory(to: CChar.self, capacity: length)
  if let name {
    memcpy(name, source.name, length)
    memcpy(name + length, suffix.utf8Start, suffix.utf8CodeUnitCount + 1)
  }
  guard let copy = TensorObject(name: name, type: source.type) else {
    fail(.outOfMemory, "no memory for the copy")
    return nil
  }
  copy.setShape(source.dims, source.rank)
  copy.format = source.format
  if bytes > 0, let data {
    guard let target = copy.mutableData() else {
      fail(.outOfMemory, "no memory for \(bytes) bytes")
      return nil
    }
    memcpy(target, data, bytes)
  }
  return HandleTable.shared.insert(copy, .tensor)
}

@c @implementation
public func OH_AI_TensorSetName(_ tensor: OH_AI_TensorHandle!, _ name: UnsafePointer<CChar>!) {
  guard let object = liveTensor(tensor) else { return }
  guard let name else {
    fail(.nullPointer, "name is NULL; expected a string")
    return
  }
  if !object.setName(name) { fail(.outOfMemory, "no memory for the name") }
}

@c @implementation
public func OH_AI_TensorGetName(_ tensor: OH_AI_TensorHandle!) -> UnsafePointer<CChar>! {
  guard let object = liveTensor(tensor) else { return nil }
  return UnsafePointer(object.name)
}

@c @implementation
public func OH_AI_TensorSetDataType(_ tensor: OH_AI_TensorHandle!, _ type: OH_AI_DataType) {
  liveTensor(tensor)?.type = type
}

@c @implementation
public func OH_AI_TensorGetDataType(_ tensor: OH_AI_TensorHandle!) -> OH_AI_DataType {
  liveTensor(tensor)?.type ?? OH_AI_DATATYPE_UNKNOWN
}

@c @implementation
public func OH_AI_TensorSetShape(_ tensor: OH_AI_TensorHandle!, _ shape: UnsafePointer<Int64>!, _ shape_num: Int) {
  guard let object = liveTensor(tensor) else { return }
  guard let shape else {
    fail(.nullPointer, "shape is NULL; expected shape_num dimensions")
    return
  }
  guard shape_num >= 0 && shape_num <= Shape.maximumRank else {
    fail(.parameterInvalid, "shape_num is \(UInt(bitPattern: shape_num)); expected at most \(Shape.maximumRank)")
    if mayChangeMemory(object) {
      object.setShape(shape, 0)
      object.dropData()
    }
    return
  }
  object.setShape(shape, shape_num)
}

@c @implementation
public func OH_AI_TensorGetShape(
  _ tensor: OH_AI_TensorHandle!, _ shape_num: UnsafeMutablePointer<Int>!
) -> UnsafePointer<Int64>! {
  guard let object = liveTensor(tensor) else { return nil }
  guard let shape_num else {
    fail(.nullPointer, "shape_num is NULL; expected the address of a size_t")
    return nil
  }
  shape_num.pointee = object.rank
  return UnsafePointer(object.dims)
}

@c @implementation
public func OH_AI_TensorSetFormat(_ tensor: OH_AI_TensorHandle!, _ format: OH_AI_Format) {
  liveTensor(tensor)?.format = format
}

@c @implementation
public func OH_AI_TensorGetFormat(_ tensor: OH_AI_TensorHandle!) -> OH_AI_Format {
  liveTensor(tensor)?.format ?? OH_AI_FORMAT_NHWC
}

@c @implementation
public func OH_AI_TensorGetElementNum(_ tensor: OH_AI_TensorHandle!) -> Int64 {
  liveTensor(tensor)?.elementCount ?? 0
}

@c @implementation
public func OH_AI_TensorGetDataSize(_ tensor: OH_AI_TensorHandle!) -> Int {
  liveTensor(tensor)?.dataSize ?? 0
}
