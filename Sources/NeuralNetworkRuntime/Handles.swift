import CInterface
import CNeuralNetworkRuntime

/// What a handle stands for. The engine's library uses smaller numbers, so that a handle of one library is none in the other.
enum HandleKind: UInt64 {
  case model = 8
  case compilation, executor, quantParam, tensorDesc, tensor

  var name: StaticString {
    switch self {
    case .model: return "a model from OH_NNModel_Construct"
    case .compilation: return "a compilation from OH_NNCompilation_Construct"
    case .executor: return "an executor from OH_NNExecutor_Construct"
    case .quantParam: return "quantisation parameters from OH_NNQuantParam_Create"
    case .tensorDesc: return "a tensor description from OH_NNTensorDesc_Create"
    case .tensor: return "a tensor from OH_NNTensor_Create"
    }
  }
}

/// The object of that kind behind `handle`.
@inline(never)
func live(_ handle: OpaquePointer?, _ kind: HandleKind) throws(Failure) -> HandleObject {
  if let object = HandleTable.shared.object(UnsafeMutableRawPointer(handle), kind.rawValue) { return object }
  if handle == nil { throw .invalid("the handle is NULL; expected \(kind.name)") }
  throw .invalid("the handle is not live (destroyed, of another kind, or never given out); expected \(kind.name)")
}

func liveModel(_ handle: OpaquePointer?) throws(Failure) -> ModelObject {
  unsafeDowncast(try live(handle, .model), to: ModelObject.self)
}
func liveCompilation(_ handle: OpaquePointer?) throws(Failure) -> CompilationObject {
  unsafeDowncast(try live(handle, .compilation), to: CompilationObject.self)
}
func liveExecutor(_ handle: OpaquePointer?) throws(Failure) -> ExecutorObject {
  unsafeDowncast(try live(handle, .executor), to: ExecutorObject.self)
}
func liveQuantParam(_ handle: OpaquePointer?) throws(Failure) -> QuantParamObject {
  unsafeDowncast(try live(handle, .quantParam), to: QuantParamObject.self)
}
func liveTensorDesc(_ handle: OpaquePointer?) throws(Failure) -> TensorDescObject {
  unsafeDowncast(try live(handle, .tensorDesc), to: TensorDescObject.self)
}
func liveTensor(_ handle: OpaquePointer?) throws(Failure) -> TensorObject {
  unsafeDowncast(try live(handle, .tensor), to: TensorObject.self)
}

/// Gives `object` a handle.
@inline(never)
func enter(_ object: HandleObject, _ kind: HandleKind) throws(Failure) -> OpaquePointer {
  guard let handle = HandleTable.shared.insert(object, kind.rawValue) else { throw .memory("no memory for another handle") }
  return OpaquePointer(handle)
}

/// Ends the life of `*handle` and writes NULL. A handle that is not live any more is written NULL, too; one of another kind stays.
@inline(never)
func leave(_ handle: UnsafeMutablePointer<OpaquePointer?>?, _ kind: HandleKind) throws(Failure) {
  guard let handle else { throw .invalid("the address of the handle is NULL; expected that of \(kind.name)") }
  do throws(Failure) {
    let object = try live(handle.pointee, kind)
    if kind == .tensorDesc, unsafeDowncast(object, to: TensorDescObject.self).isBorrowed {
      throw .invalid("the description belongs to a tensor and goes with it")
    }
    HandleTable.shared.destroy(UnsafeMutableRawPointer(handle.pointee))
    handle.pointee = nil
  } catch {
    if !HandleTable.shared.isLive(UnsafeMutableRawPointer(handle.pointee)) { handle.pointee = nil }
    throw error
  }
}

/// For the functions that free without a status: nothing to free is accepted.
@inline(never)
func leaveSilently(_ handle: UnsafeMutablePointer<OpaquePointer?>?, _ kind: HandleKind, function: StaticString = #function) {
  if handle?.pointee == nil { return }
  _ = status(function: function) { () throws(Failure) in try leave(handle, kind) }
}

/// Where a call is to write a value.
@inline(never)
func place<Value>(_ pointer: UnsafeMutablePointer<Value>?, _ argument: StaticString) throws(Failure) -> UnsafeMutablePointer<Value> {
  guard let pointer else { throw .invalid("\(argument) is NULL; expected where to write the result") }
  return pointer
}

/// Where a call is to write a pointer: it must be NULL before, because programs that free what was there would free ours.
@inline(never)
func emptyPlace<Value>(
  _ pointer: UnsafeMutablePointer<Value?>?, _ argument: StaticString
) throws(Failure) -> UnsafeMutablePointer<Value?> {
  let pointer = try place(pointer, argument)
  if pointer.pointee != nil { throw .invalid("*\(argument) is not NULL before the call") }
  return pointer
}
