import CNeuralNetworkRuntime
import CSystem
import NNRtTypes
import System

/// A finished model as drivers see it: flat C structs. It never changes, so any number of threads may read it.
final class FlatModel {
  /// Without its name, which a compilation gives.
  private(set) var model = NNRt_Model()
  private let memory = Arena()
  /// Hold the constants.
  private let tensors: [ModelTensor]
  let inputs: [TensorInfo]
  let outputs: [TensorInfo]

  var nodeCount: Int { Int(model.nodeCount) }
  /// Some input has a size that is not known before a run.
  var hasDynamicInput: Bool { inputs.contains { !$0.shape.isKnown } }

  private init(_ tensors: [ModelTensor], _ inputs: [TensorInfo], _ outputs: [TensorInfo]) {
    self.tensors = tensors
    self.inputs = inputs
    self.outputs = outputs
  }

  /// Parameters are left out: they are in the nodes' attributes.
  static func make(of source: ModelObject) throws(Failure) -> FlatModel {
    var kept: [ModelTensor] = []
    var numbers: [UInt32] = []
    var names: [Text] = []
    for i in source.tensors.indices {
      numbers.append(UInt32(kept.count))
      if !source.tensors[i].isData { continue }
      kept.append(source.tensors[i])
      names.append(try Text.copy("Tensor: \(i)"))
    }
    func info(_ indices: [UInt32]) -> [TensorInfo] {
      var list: [TensorInfo] = []
      for index in indices {
        let tensor = source.tensors[Int(index)]
        list.append(TensorInfo(names[Int(numbers[Int(index)])], tensor.dataType, OH_NN_FORMAT_NHWC, tensor.shape))
      }
      return list
    }
    let flat = FlatModel(kept, info(source.inputs), info(source.outputs))
    flat.names = names
    try flat.fill(source, numbers)
    return flat
  }

  private var names: [Text] = []

  private func fill(_ source: ModelObject, _ numbers: [UInt32]) throws(Failure) {
    let tensorList = try memory.make(NNRt_ModelTensor(), tensors.count)
    for i in tensors.indices { tensorList[i] = try flat(tensors[i], names[i]) }
    let nodeList = try memory.make(NNRt_Node(), source.nodes.count)
    for i in source.nodes.indices { nodeList[i] = try flat(source.nodes[i], i, source, numbers) }
    model.tensors = UnsafePointer(tensorList)
    model.tensorCount = UInt32(tensors.count)
    model.nodes = UnsafePointer(nodeList)
    model.nodeCount = UInt32(source.nodes.count)
    model.inputs = try flat(source.inputs, numbers)
    model.inputCount = UInt32(source.inputs.count)
    model.outputs = try flat(source.outputs, numbers)
    model.outputCount = UInt32(source.outputs.count)
  }

  private func flat(_ tensor: ModelTensor, _ name: Text) throws(Failure) -> NNRt_ModelTensor {
    var flat = NNRt_ModelTensor()
    flat.name = UnsafePointer(name.pointer)
    flat.dataType = tensor.dataType
    flat.format = OH_NN_FORMAT_NHWC
    flat.dimensionCount = UInt32(tensor.shape.rank)
    let sizes = try memory.make(Int32(0), tensor.shape.rank)
    tensor.shape.write(to: sizes)
    flat.dimensions = UnsafePointer(sizes)
    if let data = tensor.data {
      flat.data = UnsafeRawPointer(data.base)
      flat.dataSize = data.count
    }
    let quantParams = try memory.make(NNRt_QuantParam(), tensor.quantParams.count)
    for i in tensor.quantParams.indices { quantParams[i] = tensor.quantParams[i] }
    flat.quantParams = tensor.quantParams.isEmpty ? nil : UnsafePointer(quantParams)
    flat.quantParamCount = UInt32(tensor.quantParams.count)
    return flat
  }

  private func flat(_ node: ModelNode, _ index: Int, _ source: ModelObject, _ numbers: [UInt32]) throws(Failure) -> NNRt_Node {
    var flat = NNRt_Node()
    let name = try Text.copy("\(node.record.name): \(index)")
    names.append(name)
    flat.name = UnsafePointer(name.pointer)
    flat.operation = node.record.operation
    let attributes = try memory.make(NNRt_Attribute(), node.attributes.count)
    for i in node.attributes.indices { attributes[i] = try self.flat(node.attributes[i]) }
    flat.attributes = UnsafePointer(attributes)
    flat.attributeCount = UInt32(node.attributes.count)
    flat.inputs = try self.flat(node.inputs, numbers)
    flat.inputCount = UInt32(node.inputs.count)
    flat.outputs = try self.flat(node.outputs, numbers)
    flat.outputCount = UInt32(node.outputs.count)
    flat.quantised = !source.tensors[Int(node.outputs[0])].quantParams.isEmpty
    return flat
  }

  private func flat(_ attribute: NodeAttribute) throws(Failure) -> NNRt_Attribute {
    let values = try memory.make(UInt64(0), attribute.values.count)
    for i in attribute.values.indices { values[i] = attribute.values[i] }
    return NNRt_Attribute(
      type: attribute.type, dataType: attribute.dataType, count: UInt32(attribute.count), given: attribute.isGiven,
      data: UnsafeRawPointer(values))
  }

  private func flat(_ indices: [UInt32], _ numbers: [UInt32]) throws(Failure) -> UnsafePointer<UInt32> {
    let list = try memory.make(UInt32(0), indices.count)
    for i in indices.indices { list[i] = numbers[Int(indices[i])] }
    return UnsafePointer(list)
  }

  // MARK: whether it can run

  /// Throws if a node needs what nothing gives, two give one tensor, or nodes wait for each other.
  func checkRunnable() throws(Failure) {
    let count = Int(model.tensorCount)
    var isReady = [Bool](repeating: false, count: count)
    for i in 0..<count where model.tensors[i].data != nil { isReady[i] = true }
    for i in 0..<Int(model.inputCount) { isReady[Int(model.inputs[i])] = true }
    var isGiven = isReady
    for i in 0..<nodeCount {
      let node = model.nodes[i]
      for k in 0..<Int(node.outputCount) {
        let output = Int(node.outputs[k])
        if isGiven[output] { throw Failure(OH_NN_FAILED, "\(name(node)) gives \(name(output)), which is given otherwise, too") }
        isGiven[output] = true
      }
    }
    var isDone = [Bool](repeating: false, count: nodeCount)
    var progress = true
    while progress {
      progress = false
      for i in 0..<nodeCount where !isDone[i] {
        let node = model.nodes[i]
        var waits = false
        for k in 0..<Int(node.inputCount) where !isReady[Int(node.inputs[k])] { waits = true }
        if waits { continue }
        for k in 0..<Int(node.outputCount) { isReady[Int(node.outputs[k])] = true }
        isDone[i] = true
        progress = true
      }
    }
    for i in 0..<nodeCount where !isDone[i] {
      throw Failure(OH_NN_FAILED, "\(name(model.nodes[i])) waits for an input that nothing gives")
    }
    for i in 0..<Int(model.outputCount) where !isReady[Int(model.outputs[i])] {
      throw Failure(OH_NN_FAILED, "nothing gives the model's output \(i)")
    }
  }

  private func name(_ node: NNRt_Node) -> String { String(cString: node.name) }
  private func name(_ tensor: Int) -> String { String(cString: model.tensors[tensor].name) }
}

/// Memory that goes as a whole.
final class Arena {
  private var blocks: [UnsafeMutableRawPointer] = []

  /// An array of `count` times `value`. Not NULL for 0 of them.
  func make<Value>(_ value: Value, _ count: Int) throws(Failure) -> UnsafeMutablePointer<Value> {
    let size = max(count * MemoryLayout<Value>.stride, 1)
    guard let block = malloc(size) else { throw .memory("no memory for \(size) bytes of a model") }
    blocks.append(block)
    let pointer = block.bindMemory(to: Value.self, capacity: max(count, 1))
    pointer.initialize(repeating: value, count: count)
    return pointer
  }

  deinit {
    for block in blocks { free(block) }
  }
}
