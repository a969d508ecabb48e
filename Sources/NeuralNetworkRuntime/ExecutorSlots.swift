import CNeuralNetworkRuntime
import CSystem

/// Inputs and outputs that an executor remembers from call to call, as it was before API 11.
final class ExecutorSlots {
  private let prepared: PreparedModel
  private let lock = Lock()
  private var inputs: [RunTensor?]
  private var outputs: [RunTensor?]
  /// Where inputs are copied to.
  private var copies: [DeviceMemory?]
  /// Runs on their way.
  private var runs = 0

  init(_ prepared: PreparedModel) {
    self.prepared = prepared
    inputs = [RunTensor?](repeating: nil, count: prepared.inputs.count)
    outputs = [RunTensor?](repeating: nil, count: prepared.outputs.count)
    copies = [DeviceMemory?](repeating: nil, count: prepared.inputs.count)
  }

  deinit { MemoryRegistry.shared.removeAll(of: self) }

  // MARK: inputs

  /// What a program says of an input: its shape, and the bytes that it needs.
  private func request(_ index: UInt32, _ tensor: UnsafePointer<OH_NN_Tensor>?) throws(Failure) -> (Int, TensorShape, Int) {
    let number = Int(index)
    if number >= prepared.inputs.count { throw ExecutorObject.noInput(number, prepared.inputs.count) }
    guard let tensor else { throw .invalid("tensor is NULL") }
    let declared = prepared.inputs[number]
    if tensor.pointee.dataType != declared.dataType {
      throw .invalid("input \(number) is of data type \(tensor.pointee.dataType.rawValue); the model has \(declared.dataType.rawValue)")
    }
    if tensor.pointee.type != OH_NN_TENSOR { throw .invalid("input \(number) is of tensor type \(tensor.pointee.type.rawValue)") }
    let shape = try shape(of: tensor)
    if !declared.shape.admits(shape) || !shape.isKnown {
      throw .invalid("input \(number) has the shape \(shape.text); the model has \(declared.shape.text)")
    }
    guard let bytes = shape.bytes(declared.dataType) else { throw .invalid("the shape \(shape.text) has too many bytes") }
    return (number, shape, bytes)
  }

  func setInput(
    _ index: UInt32, _ tensor: UnsafePointer<OH_NN_Tensor>?, _ data: UnsafeRawPointer?, _ length: Int
  ) throws(Failure) {
    let (number, shape, bytes) = try request(index, tensor)
    guard let data else { throw .invalid("dataBuffer is NULL") }
    if length < bytes { throw .invalid("the length is \(length); input \(number) needs \(bytes) bytes") }
    lock.lock()
    defer { lock.unlock() }
    let memory = try copyMemory(number, bytes)
    memcpy(memory.base, data, bytes)
    inputs[number] = Self.tensor(memory, prepared.inputs[number], shape)
  }

  /// Memory for a copy of an input: that of the last copy if it is large enough and no run reads it at this moment.
  private func copyMemory(_ index: Int, _ bytes: Int) throws(Failure) -> DeviceMemory {
    if runs == 0, let memory = copies[index], memory.size >= bytes { return memory }
    let memory = try DeviceMemory.allocate(prepared.device, bytes)
    copies[index] = memory
    return memory
  }

  func setInput(
    _ index: UInt32, _ tensor: UnsafePointer<OH_NN_Tensor>?, _ memory: UnsafePointer<OH_NN_Memory>?
  ) throws(Failure) {
    let (number, shape, bytes) = try request(index, tensor)
    let shared = try MemoryRegistry.shared.memory(memory)
    if shared.length < bytes { throw .invalid("the memory has \(shared.length) bytes; input \(number) needs \(bytes)") }
    lock.lock()
    inputs[number] = Self.tensor(shared.memory, prepared.inputs[number], shape, shared.length)
    lock.unlock()
  }

  // MARK: outputs

  private func checkOutput(_ index: UInt32, _ length: Int) throws(Failure) -> TensorInfo {
    let number = Int(index)
    if number >= prepared.outputs.count { throw ExecutorObject.noOutput(number, prepared.outputs.count) }
    let declared = prepared.outputs[number]
    let bytes = declared.shape.bytes(declared.dataType) ?? Int.max
    if length <= 0 || length < bytes { throw .invalid("\(UInt(bitPattern: length)) bytes for output \(number), which needs \(bytes)") }
    return declared
  }

  func setOutput(_ index: UInt32, _ data: UnsafeMutableRawPointer?, _ length: Int) throws(Failure) {
    guard let data else { throw .invalid("dataBuffer is NULL") }
    let declared = try checkOutput(index, length)
    lock.lock()
    outputs[Int(index)] = RunTensor(
      data: data, capacity: length, descriptor: -1, offset: 0, dataType: declared.dataType, shape: declared.shape, memory: nil)
    lock.unlock()
  }

  func setOutput(_ index: UInt32, _ memory: UnsafePointer<OH_NN_Memory>?) throws(Failure) {
    let shared = try MemoryRegistry.shared.memory(memory)
    let declared = try checkOutput(index, shared.length)
    lock.lock()
    outputs[Int(index)] = Self.tensor(shared.memory, declared, declared.shape, shared.length)
    lock.unlock()
  }

  private static func tensor(_ memory: DeviceMemory, _ info: TensorInfo, _ shape: TensorShape, _ length: Int? = nil) -> RunTensor {
    RunTensor(
      data: memory.base, capacity: length ?? memory.size, descriptor: memory.descriptor, offset: 0, dataType: info.dataType, shape: shape,
      memory: memory)
  }

  // MARK: running

  /// All inputs and outputs, for a run that ``endRun()`` follows.
  func beginRun() throws(Failure) -> ([RunTensor], [RunTensor]) {
    lock.lock()
    defer { lock.unlock() }
    let bound = (try Self.all(inputs, "input"), try Self.all(outputs, "output"))
    runs += 1
    return bound
  }

  func endRun() {
    lock.lock()
    runs -= 1
    lock.unlock()
  }

  private static func all(_ slots: [RunTensor?], _ kind: StaticString) throws(Failure) -> [RunTensor] {
    var tensors: [RunTensor] = []
    for i in slots.indices {
      guard let tensor = slots[i] else { throw .invalid("\(kind) \(i) was not set") }
      tensors.append(tensor)
    }
    return tensors
  }

  // MARK: memory

  func allocate(isInput: Bool, _ index: UInt32, _ length: Int) throws(Failure) -> UnsafeMutablePointer<OH_NN_Memory> {
    let count = isInput ? prepared.inputs.count : prepared.outputs.count
    if Int(index) >= count { throw isInput ? ExecutorObject.noInput(Int(index), count) : ExecutorObject.noOutput(Int(index), count) }
    return MemoryRegistry.shared.add(try DeviceMemory.allocate(prepared.device, length), length, self, isInput, index)
  }
}
