import CNeuralNetworkRuntime
import CSystem
import Graph
import ModelFile
import System

/// Makes the engine's graph of a driver's flat model.
struct ModelTranslator {
  private let model: NNRt_Model
  /// Constants are copied; otherwise they are read where the caller has them.
  private let ownsConstants: Bool

  init(_ model: NNRt_Model, ownsConstants: Bool) {
    self.model = model
    self.ownsConstants = ownsConstants
  }

  // MARK: answers

  /// Whether the CPU can run each node of the model.
  func findSupported(_ supported: UnsafeMutablePointer<Bool>) throws(EngineError) {
    var tensors = [Tensor?](repeating: nil, count: Int(model.tensorCount))
    var i = 0
    while i < Int(model.nodeCount) {
      do throws(EngineError) {
        _ = try translate(i, &tensors)
        supported[i] = true
      } catch { supported[i] = false }
      i += 1
    }
  }

  /// The graph, its nodes in an order in which they can run.
  func graph() throws(EngineError) -> Graph {
    var tensors = [Tensor?](repeating: nil, count: Int(model.tensorCount))
    // By tensor: the node that writes it.
    var writer = [Int?](repeating: nil, count: Int(model.tensorCount))
    var groups = [[Node]]()
    var i = 0
    while i < Int(model.nodeCount) {
      groups.append(try translate(i, &tensors))
      for t in try indices(node(i).outputs, node(i).outputCount) {
        if writer[t] != nil { throw EngineError(.error, "node \(i) writes tensor \(t), as another node does") }
        writer[t] = i
      }
      i += 1
    }
    let inputs = try indices(model.inputs, model.inputCount), outputs = try indices(model.outputs, model.outputCount)
    for t in inputs where writer[t] != nil { throw EngineError(.error, "node \(writer[t] ?? 0) writes tensor \(t), an input of the model") }
    for t in outputs where writer[t] == nil { throw EngineError(.error, "no node writes tensor \(t), an output of the model") }
    let graph = Graph(name: text(model.name))
    for k in try order(writer, inputs) { graph.nodes += groups[k] }
    for t in inputs { graph.inputs.append(try tensor(t, &tensors)) }
    for t in outputs { graph.outputs.append(try tensor(t, &tensors)) }
    collectTensors(graph)
    return graph
  }

  /// The order of the nodes.
  private func order(_ writer: [Int?], _ inputs: [Int]) throws(EngineError) -> [Int] {
    var producers = [[Int]]()
    var i = 0
    while i < Int(model.nodeCount) {
      var list = [Int]()
      for t in try indices(node(i).inputs, node(i).inputCount) {
        if let k = writer[t] {
          list.append(k)
        } else if model.tensors[t].data == nil && !inputs.contains(t) {
          throw EngineError(.error, "node \(i) reads tensor \(t), which is neither an input nor a constant, and no node writes it")
        }
      }
      producers.append(list)
      i += 1
    }
    var stuck = 0
    guard let order = TopologicalOrder.order(producers, stuck: &stuck) else {
      throw EngineError(.error, "node \(stuck) needs its own result")
    }
    return order
  }

  /// Lists what the nodes use, each tensor once.
  private func collectTensors(_ graph: Graph) {
    func add(_ list: [Tensor]) { for t in list where t.index < 0 { graph.addTensor(t) } }
    add(graph.inputs)
    for node in graph.nodes {
      add(node.inputs)
      add(node.outputs)
    }
    add(graph.outputs)
  }

  // MARK: parts

  private func node(_ i: Int) -> NNRt_Node { model.nodes[i] }

  private func translate(_ i: Int, _ tensors: inout [Tensor?]) throws(EngineError) -> [Node] {
    var inputs = [Tensor](), outputs = [Tensor]()
    for t in try indices(node(i).inputs, node(i).inputCount) { inputs.append(try tensor(t, &tensors)) }
    for t in try indices(node(i).outputs, node(i).outputCount) {
      let output = try tensor(t, &tensors)
      if output.isConstant { throw EngineError(.error, "node \(i) writes tensor \(t), a constant") }
      outputs.append(output)
    }
    let name = text(node(i).name)
    do throws(EngineError) {
      return try NodeTranslator.translate(node(i), name, inputs, outputs)
    } catch { throw error.adding("node \(i) \"\(name)\" of operation \(node(i).operation.rawValue)") }
  }

  private func indices(_ list: UnsafePointer<UInt32>?, _ count: UInt32) throws(EngineError) -> [Int] {
    var out = [Int]()
    var i = 0
    while i < Int(count) {
      guard let index = list?[i], index < model.tensorCount else { throw EngineError(.parameterInvalid, "an index is out of range") }
      out.append(Int(index))
      i += 1
    }
    return out
  }

  /// Tensor `i`, made when it is first asked for: what no node uses may be anything.
  private func tensor(_ i: Int, _ tensors: inout [Tensor?]) throws(EngineError) -> Tensor {
    if let known = tensors[i] { return known }
    let source = model.tensors[i]
    guard let type = DataType(runtime: Int64(source.dataType.rawValue)) else {
      throw EngineError(.notSupported, "tensor \(i) has the data type \(source.dataType.rawValue); 1 to 12 are accepted")
    }
    guard source.dimensionCount <= UInt32(Shape.maximumRank) else {
      throw EngineError(.notSupported, "tensor \(i) has \(source.dimensionCount) dimensions; \(Shape.maximumRank) are the limit")
    }
    var dims = [Int]()
    while dims.count < Int(source.dimensionCount) { dims.append(max(Int(source.dimensions[dims.count]), -1)) }
    let tensor = Tensor(name: text(source.name), type: type, shape: Shape(dims), format: source.format == OH_NN_FORMAT_NCHW ? .nchw : .nhwc)
    var k = 0
    while k < Int(source.quantParamCount) {
      let p = source.quantParams[k]
      tensor.quantParams.append(
        QuantParam(scale: p.scale, zeroPoint: p.zeroPoint, bits: Int32(bitPattern: p.bits), varianceCorrection: 1, meanCorrection: 0))
      k += 1
    }
    if let data = source.data { try setConstant(tensor, data, source.dataSize) }
    tensors[i] = tensor
    return tensor
  }

  private func setConstant(_ tensor: Tensor, _ data: UnsafeRawPointer, _ size: Int) throws(EngineError) {
    guard let count = tensor.shape.checkedCount, count * tensor.type.size == size else {
      throw EngineError(.parameterInvalid, "\(tensor) has \(size) bytes of data")
    }
    if !ownsConstants && UInt(bitPattern: data) % UInt(max(tensor.type.size, 1)) == 0 {
      tensor.setConstant(data, owner: nil)
      return
    }
    guard let copy = Buffer(count: size) else { throw EngineError(.outOfMemory, "no memory for \(tensor)") }
    copy.base.copyMemory(from: data, byteCount: size)
    tensor.setConstant(copy.base, owner: copy)
  }

  private func text(_ name: UnsafePointer<CChar>?) -> String {
    guard let name else { return "" }
    let bytes = UnsafeRawBufferPointer(start: name, count: strlen(name))
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension DataType {
  /// The type of an OH_NN_DataType, or of a TypeId of the file format: the two have no number in common.
  init?(runtime number: Int64) {
    switch number {
    case 1: self = .bool
    case 2: self = .int8
    case 3: self = .int16
    case 4: self = .int32
    case 5: self = .int64
    case 6: self = .uint8
    case 7: self = .uint16
    case 8: self = .uint32
    case 9: self = .uint64
    case 10: self = .float16
    case 11: self = .float32
    case 12: self = .float64
    default:
      guard let id = Int32(exactly: number), id >= 30, let type = DataType(typeID: id), type.size > 0 else { return nil }
      self = type
    }
  }

  /// As an OH_NN_DataType.
  var runtimeNumber: UInt32 {
    switch self {
    case .unknown, .string, .tensorList: return 0
    case .bool: return 1
    case .int8: return 2
    case .int16: return 3
    case .int32: return 4
    case .int64: return 5
    case .uint8: return 6
    case .uint16: return 7
    case .uint32: return 8
    case .uint64: return 9
    case .float16: return 10
    case .float32: return 11
    case .float64: return 12
    }
  }
}
