import CInterface
import CNeuralNetworkRuntime
import CSystem

/// An input or output of a run: memory, and the shape that it is to have or has got.
struct RunTensor {
  let data: UnsafeMutableRawPointer
  /// Bytes from `data` on.
  let capacity: Int
  /// -1 if it is ordinary memory.
  let descriptor: Int32
  let offset: Int
  let dataType: OH_NN_DataType
  var shape: TensorShape
  /// What keeps the memory; nil if it is the program's.
  let memory: DeviceMemory?
}

/// Runs a compiled model.
final class ExecutorObject: HandleObject {
  let prepared: PreparedModel
  /// Held during a run.
  private let runs = Lock()
  /// For everything that changes; never held while a driver works.
  private let lock = Lock()
  /// The outputs' shapes for programs: ``TensorShape/maximumRank`` sizes for each, which stay where they are.
  private let shownSizes: UnsafeMutablePointer<Int32>
  private var shownRanks: [Int]
  /// The inputs' ranges for programs: minima and maxima of each; nil where the device does not say.
  private let shownRanges: UnsafeMutablePointer<Int>?
  private var onRunDone: NN_OnRunDone?
  private var onServiceDied: NN_OnServiceDied?
  private var userData: UnsafeMutableRawPointer?
  let queue = RunQueue()
  /// Inputs and outputs as they were before API 11.
  let slots: ExecutorSlots

  init(_ prepared: PreparedModel) {
    self.prepared = prepared
    let maximum = TensorShape.maximumRank
    shownSizes = .allocate(capacity: prepared.outputs.count * maximum)
    shownRanks = []
    for i in prepared.outputs.indices {
      prepared.outputs[i].shape.write(to: shownSizes + i * maximum)
      shownRanks.append(prepared.outputs[i].shape.rank)
    }
    if prepared.ranges.isEmpty {
      shownRanges = nil
    } else {
      let ranges = UnsafeMutablePointer<Int>.allocate(capacity: prepared.inputs.count * maximum * 2)
      for i in prepared.ranges.indices {
        for k in prepared.ranges[i].indices {
          ranges[i * maximum * 2 + k] = Int(prepared.ranges[i][k].0)
          ranges[i * maximum * 2 + maximum + k] = Int(prepared.ranges[i][k].1)
        }
      }
      shownRanges = ranges
    }
    slots = ExecutorSlots(prepared)
  }

  deinit {
    shownSizes.deallocate()
    shownRanges?.deallocate()
  }

  // MARK: what programs see

  func outputShape(_ index: UInt32) throws(Failure) -> (UnsafeMutablePointer<Int32>, Int) {
    lock.lock()
    defer { lock.unlock() }
    if index >= UInt32(shownRanks.count) { throw Self.noOutput(Int(index), shownRanks.count) }
    return (shownSizes + Int(index) * TensorShape.maximumRank, shownRanks[Int(index)])
  }

  func inputRange(_ index: Int) throws(Failure) -> (UnsafeMutablePointer<Int>, UnsafeMutablePointer<Int>, Int) {
    if index < 0 || index >= prepared.inputs.count { throw Self.noInput(index, prepared.inputs.count) }
    guard let shownRanges else {
      throw .forbidden("device \(prepared.device.name.string) does not say which sizes an input may have")
    }
    let minima = shownRanges + index * TensorShape.maximumRank * 2
    return (minima, minima + TensorShape.maximumRank, prepared.inputs[index].shape.rank)
  }

  static func noInput(_ index: Int, _ count: Int) -> Failure { .invalid("there is no input \(index); the model has \(count)") }
  static func noOutput(_ index: Int, _ count: Int) -> Failure { .invalid("there is no output \(index); the model has \(count)") }

  // MARK: callbacks

  func setOnRunDone(_ callback: NN_OnRunDone?) {
    lock.lock()
    onRunDone = callback
    lock.unlock()
  }

  var runDoneCallback: NN_OnRunDone? {
    lock.lock()
    defer { lock.unlock() }
    return onRunDone
  }

  func setOnServiceDied(_ callback: NN_OnServiceDied?, _ handle: OpaquePointer) {
    lock.lock()
    onServiceDied = callback
    lock.unlock()
    prepared.device.unwatch(handle)
    if callback != nil { prepared.device.watch(handle) }
  }

  func setUserData(_ data: UnsafeMutableRawPointer) {
    lock.lock()
    userData = data
    lock.unlock()
  }

  func serviceDied() {
    lock.lock()
    let (callback, data) = (onServiceDied, userData)
    lock.unlock()
    callback?(data)
  }

  // MARK: running

  /// Checks inputs and outputs against the model, before they wait for their run.
  func check(_ inputs: [RunTensor], _ outputs: [RunTensor]) throws(Failure) {
    for i in inputs.indices {
      let declared = prepared.inputs[i].shape
      try check(inputs[i].dataType, prepared.inputs[i], "input", i)
      if !declared.admits(inputs[i].shape) {
        throw .invalid("input \(i) has the shape \(inputs[i].shape.text); the model has \(declared.text)")
      }
      if !inputs[i].shape.isKnown { throw .invalid("input \(i) has the shape \(inputs[i].shape.text), which is not known") }
      guard let bytes = inputs[i].shape.bytes(inputs[i].dataType), bytes <= inputs[i].capacity else {
        throw .invalid("input \(i) has the shape \(inputs[i].shape.text) and only \(inputs[i].capacity) bytes")
      }
      if prepared.ranges.isEmpty { continue }
      for k in prepared.ranges[i].indices {
        let (minimum, maximum) = prepared.ranges[i][k]
        let size = UInt32(inputs[i].shape[k])
        if size < minimum || size > maximum {
          throw .invalid("dimension \(k) of input \(i) is \(size); the device takes \(minimum) to \(maximum)")
        }
      }
    }
    for i in outputs.indices {
      // What an output's description says of its shape before a run does not count.
      try check(outputs[i].dataType, prepared.outputs[i], "output", i)
      if let bytes = prepared.outputs[i].shape.bytes(outputs[i].dataType), bytes > outputs[i].capacity {
        throw .invalid("output \(i) needs \(bytes) bytes and has \(outputs[i].capacity)")
      }
      for input in inputs where input.data == outputs[i].data { throw .invalid("output \(i) is in the memory of an input") }
    }
  }

  private func check(
    _ dataType: OH_NN_DataType, _ declared: TensorInfo, _ kind: StaticString, _ index: Int
  ) throws(Failure) {
    if dataType == declared.dataType { return }
    throw .invalid("\(kind) \(index) is of data type \(dataType.rawValue); the model has \(declared.dataType.rawValue)")
  }

  /// Runs; the outputs get the shapes of the results.
  /// - Parameter flight: of a run that may be given up
  func run(_ inputs: [RunTensor], _ outputs: inout [RunTensor], _ flight: Flight? = nil) throws(Failure) {
    let memory = Arena()
    let inputList = try ioTensors(inputs, prepared.inputs, memory)
    let outputList = try ioTensors(outputs, prepared.outputs, memory)
    for i in outputs.indices { Self.setShape(&outputList[i], prepared.outputs[i].shape) }
    for i in inputs.indices { inputList[i].byteSize = inputs[i].shape.bytes(inputs[i].dataType) ?? 0 }
    runs.lock()
    let code = prepared.run(inputList, outputList, flight)
    let message = code == OH_NN_SUCCESS ? "" : prepared.device.driver.failure("run", code)
    runs.unlock()
    if code != OH_NN_SUCCESS && code != OH_NN_MEMORY_ERROR { throw Failure(OH_NN_UNAVAILABLE_DEVICE, Message(text: message)) }
    for i in outputs.indices { outputs[i].shape = try resultShape(outputList[i], i) }
    show(outputs)
    for i in outputs.indices {
      let bytes = outputs[i].shape.bytes(outputs[i].dataType) ?? Int.max
      if bytes <= outputs[i].capacity { continue }
      if code == OH_NN_MEMORY_ERROR {
        throw .invalid("output \(i) has the shape \(outputs[i].shape.text), \(bytes) bytes, and there is room for \(outputs[i].capacity)")
      }
      throw garbage(i, "of \(bytes) bytes, where there is room for \(outputs[i].capacity)")
    }
    if code == OH_NN_MEMORY_ERROR { throw Failure(OH_NN_UNAVAILABLE_DEVICE, Message(text: message)) }
    withExtendedLifetime(memory) {}
  }

  private func ioTensors(
    _ tensors: [RunTensor], _ declared: [TensorInfo], _ memory: Arena
  ) throws(Failure) -> UnsafeMutablePointer<NNRt_IOTensor> {
    let list = try memory.make(NNRt_IOTensor(), tensors.count)
    for i in tensors.indices {
      list[i].name = UnsafePointer(declared[i].name.pointer)
      list[i].dataType = declared[i].dataType
      list[i].format = declared[i].format
      Self.setShape(&list[i], tensors[i].shape)
      list[i].data = tensors[i].data
      list[i].byteSize = tensors[i].capacity
      list[i].fd = tensors[i].descriptor
      list[i].offset = tensors[i].offset
    }
    return list
  }

  private static func setShape(_ tensor: inout NNRt_IOTensor, _ shape: TensorShape) {
    tensor.dimensionCount = UInt32(shape.rank)
    withUnsafeMutablePointer(to: &tensor.dimensions.0) { shape.write(to: $0) }
  }

  /// What the driver says of a result, checked against the model. A size of 0 is a result without elements.
  private func resultShape(_ tensor: NNRt_IOTensor, _ index: Int) throws(Failure) -> TensorShape {
    let declared = prepared.outputs[index].shape
    if tensor.dimensionCount != UInt32(declared.rank) { throw garbage(index, "with \(tensor.dimensionCount) dimensions") }
    var tensor = tensor
    let shape = withUnsafePointer(to: &tensor.dimensions.0) { TensorShape(unchecked: $0, declared.rank) }
    for i in 0..<shape.rank where shape[i] < 0 || (declared[i] > 0 && declared[i] != shape[i]) {
      throw garbage(index, "of the shape \(shape.text)")
    }
    if shape.bytes(prepared.outputs[index].dataType) == nil { throw garbage(index, "of the shape \(shape.text)") }
    return shape
  }

  private func garbage(_ index: Int, _ what: Message) -> Failure {
    Failure(
      OH_NN_UNAVAILABLE_DEVICE,
      "\(prepared.device.driver.path): run gave output \(index) \(what.text); the model has \(prepared.outputs[index].shape.text)")
  }

  private func show(_ outputs: [RunTensor]) {
    lock.lock()
    for i in outputs.indices {
      outputs[i].shape.write(to: shownSizes + i * TensorShape.maximumRank)
      shownRanks[i] = outputs[i].shape.rank
    }
    lock.unlock()
  }
}
