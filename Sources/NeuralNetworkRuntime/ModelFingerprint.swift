import CNeuralNetworkRuntime

extension FlatModel {
  /// Tells this model from others: weights, operators, parameters and everything else that a device compiles.
  /// - Parameter float16: whether it is compiled with half precision
  func fingerprint(float16: Bool) -> UInt64 {
    var sum = Checksum()
    sum.add(float16 ? 1 : 0)
    sum.add(UInt64(model.tensorCount))
    for i in 0..<Int(model.tensorCount) {
      let tensor = model.tensors[i]
      sum.add(UInt64(tensor.dataType.rawValue))
      sum.add(UnsafeRawBufferPointer(start: tensor.dimensions, count: Int(tensor.dimensionCount) * 4))
      sum.add(UnsafeRawBufferPointer(start: tensor.data, count: tensor.dataSize))
      sum.add(UInt64(tensor.quantParamCount))
      for k in 0..<Int(tensor.quantParamCount) {
        sum.add(tensor.quantParams[k].scale.bitPattern)
        sum.add(UInt64(UInt32(bitPattern: tensor.quantParams[k].zeroPoint)))
      }
    }
    sum.add(UInt64(model.nodeCount))
    for i in 0..<nodeCount {
      let node = model.nodes[i]
      sum.add(UInt64(node.operation.rawValue))
      for k in 0..<Int(node.attributeCount) {
        let attribute = node.attributes[k]
        sum.add(UInt64(attribute.type.rawValue))
        sum.add(UnsafeRawBufferPointer(start: attribute.data, count: Int(attribute.count) * attribute.dataType.size))
      }
      add(node.inputs, node.inputCount, to: &sum)
      add(node.outputs, node.outputCount, to: &sum)
    }
    add(model.inputs, model.inputCount, to: &sum)
    add(model.outputs, model.outputCount, to: &sum)
    // 0 stands for a model that is not known.
    return sum.value == 0 ? 1 : sum.value
  }

  private func add(_ indices: UnsafePointer<UInt32>, _ count: UInt32, to sum: inout Checksum) {
    sum.add(UnsafeRawBufferPointer(start: indices, count: Int(count) * 4))
  }
}
