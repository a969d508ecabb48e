import CInterface
import CNeuralNetworkRuntime
import CSystem

final class TensorDescObject: HandleObject {
  private let lock = Lock()
  private var name: Text?
  private var dataType = OH_NN_UNKNOWN
  private var format = OH_NN_FORMAT_NONE
  private var shape = TensorShape()
  /// The shape as programs see it.
  private let sizes = UnsafeMutablePointer<Int32>.allocate(capacity: TensorShape.maximumRank)
  /// It belongs to a tensor.
  let isBorrowed: Bool

  init(isBorrowed: Bool = false) { self.isBorrowed = isBorrowed }

  deinit { sizes.deallocate() }

  /// Everything that there is to know at one moment.
  struct Value {
    var name: Text?
    var dataType: OH_NN_DataType
    var format: OH_NN_Format
    var shape: TensorShape
  }

  var value: Value {
    get {
      lock.lock()
      defer { lock.unlock() }
      return Value(name: name, dataType: dataType, format: format, shape: shape)
    }
    set {
      lock.lock()
      name = newValue.name
      dataType = newValue.dataType
      format = newValue.format
      setShape(newValue.shape)
      lock.unlock()
    }
  }

  private func setShape(_ shape: TensorShape) {
    self.shape = shape
    shape.write(to: sizes)
  }

  func set(name: Text) {
    lock.lock()
    self.name = name
    lock.unlock()
  }
  func set(dataType: OH_NN_DataType) {
    lock.lock()
    self.dataType = dataType
    lock.unlock()
  }
  func set(format: OH_NN_Format) {
    lock.lock()
    self.format = format
    lock.unlock()
  }
  func set(shape: TensorShape) {
    lock.lock()
    setShape(shape)
    lock.unlock()
  }

  /// The shape for programs; NULL for a scalar.
  var visibleShape: (UnsafeMutablePointer<Int32>?, Int) {
    let rank = value.shape.rank
    return (rank == 0 ? nil : sizes, rank)
  }
}

/// A description of an input or output, the caller's.
func makeTensorDesc(_ info: TensorInfo) throws(Failure) -> OpaquePointer {
  let desc = TensorDescObject()
  desc.value = TensorDescObject.Value(name: info.name, dataType: info.dataType, format: info.format, shape: info.shape)
  return try enter(desc, .tensorDesc)
}

@c @implementation
public func OH_NNTensorDesc_Create() -> OpaquePointer! {
  made { () throws(Failure) in try enter(TensorDescObject(), .tensorDesc) }
}

@c @implementation
public func OH_NNTensorDesc_Destroy(_ tensorDesc: UnsafeMutablePointer<OpaquePointer?>!) -> OH_NN_ReturnCode {
  status { () throws(Failure) in try leave(tensorDesc, .tensorDesc) }
}

@c @implementation
public func OH_NNTensorDesc_SetName(_ tensorDesc: OpaquePointer!, _ name: UnsafePointer<CChar>!) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let desc = try liveTensorDesc(tensorDesc)
    guard let name else { throw .invalid("name is NULL") }
    desc.set(name: try Text.copy(name))
  }
}

@c @implementation
public func OH_NNTensorDesc_GetName(
  _ tensorDesc: OpaquePointer!, _ name: UnsafeMutablePointer<UnsafePointer<CChar>?>!
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let desc = try liveTensorDesc(tensorDesc)
    let place = try emptyPlace(name, "name")
    place.pointee = desc.value.name.map { UnsafePointer($0.pointer) } ?? cString("")
  }
}

@c @implementation
public func OH_NNTensorDesc_SetDataType(_ tensorDesc: OpaquePointer!, _ dataType: OH_NN_DataType) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let desc = try liveTensorDesc(tensorDesc)
    if !dataType.isValid { throw .invalid("data type \(Int(Int32(bitPattern: dataType.rawValue))); expected 0 to 12") }
    desc.set(dataType: dataType)
  }
}

@c @implementation
public func OH_NNTensorDesc_GetDataType(
  _ tensorDesc: OpaquePointer!, _ dataType: UnsafeMutablePointer<OH_NN_DataType>!
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let desc = try liveTensorDesc(tensorDesc)
    try place(dataType, "dataType").pointee = desc.value.dataType
  }
}

@c @implementation
public func OH_NNTensorDesc_SetShape(
  _ tensorDesc: OpaquePointer!, _ shape: UnsafePointer<Int32>!, _ shapeLength: Int
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let desc = try liveTensorDesc(tensorDesc)
    if shapeLength == 0 { throw .invalid("shapeLength is 0; a scalar is a description without a shape") }
    desc.set(shape: try TensorShape.checked(shape, shapeLength))
  }
}

@c @implementation
public func OH_NNTensorDesc_GetShape(
  _ tensorDesc: OpaquePointer!, _ shape: UnsafeMutablePointer<UnsafeMutablePointer<Int32>?>!,
  _ shapeLength: UnsafeMutablePointer<Int>!
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let desc = try liveTensorDesc(tensorDesc)
    let sizes = try emptyPlace(shape, "shape")
    let rank = try place(shapeLength, "shapeLength")
    (sizes.pointee, rank.pointee) = desc.visibleShape
  }
}

@c @implementation
public func OH_NNTensorDesc_SetFormat(_ tensorDesc: OpaquePointer!, _ format: OH_NN_Format) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let desc = try liveTensorDesc(tensorDesc)
    if format.rawValue > OH_NN_FORMAT_ND.rawValue {
      throw .invalid("format \(Int(Int32(bitPattern: format.rawValue))); expected 0 to 3")
    }
    desc.set(format: format)
  }
}

@c @implementation
public func OH_NNTensorDesc_GetFormat(
  _ tensorDesc: OpaquePointer!, _ format: UnsafeMutablePointer<OH_NN_Format>!
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let desc = try liveTensorDesc(tensorDesc)
    try place(format, "format").pointee = desc.value.format
  }
}

@c @implementation
public func OH_NNTensorDesc_GetElementCount(
  _ tensorDesc: OpaquePointer!, _ elementCount: UnsafeMutablePointer<Int>!
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let desc = try liveTensorDesc(tensorDesc)
    let place = try place(elementCount, "elementCount")
    let shape = desc.value.shape
    if shape.rank == 0 { throw .invalid("the description has no shape") }
    guard let elements = shape.elements else { throw .invalid("the shape \(shape.text) has too many elements") }
    place.pointee = elements
    if elements == 0 { throw Failure(OH_NN_DYNAMIC_SHAPE, "the shape \(shape.text) is not known yet") }
  }
}

@c @implementation
public func OH_NNTensorDesc_GetByteSize(_ tensorDesc: OpaquePointer!, _ byteSize: UnsafeMutablePointer<Int>!) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let desc = try liveTensorDesc(tensorDesc)
    let place = try place(byteSize, "byteSize")
    let value = desc.value
    if value.dataType == OH_NN_UNKNOWN { throw .invalid("the description has no data type") }
    guard let bytes = value.shape.bytes(value.dataType) else { throw .invalid("the shape \(value.shape.text) has too many bytes") }
    place.pointee = bytes
  }
}
