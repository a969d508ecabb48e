import FlatBuffers
import Graph

/// What a model file holds.
public struct ModelDescription {
  /// The writer's version text, such as "MindSpore Lite 2.2.0"; empty when the file has none.
  public var version: String
  /// The subgraphs. Element 0 is the main graph, with the model's inputs and outputs in the order that users see; the others are
  /// reached through the attribute `sub_graph_index` of PartialFusion nodes, which counts in this list.
  public var graphs: [Graph]
  /// A complete model file inside this one, when the file is nothing but a wrapper around it: run that instead. Valid as
  /// long as the graphs live.
  public var embeddedModel: UnsafeRawBufferPointer?

  public var mainGraph: Graph { graphs[0] }
}

/// Reads `.ms` files.
public enum ModelReader {
  /// Decodes and checks the model in `bytes`. Whatever is in them, the call returns or throws, in time and memory proportional
  /// to their number.
  ///
  /// Constants point into `bytes`, which `owner` keeps alive, when they are aligned to their element size there, and are
  /// copied otherwise. With `copyConstants` all of them are copied and nothing of `bytes` is used after the call.
  /// Weights of nodes of quantType 4 come as float32 (weight quantisation saves space in the file only).
  ///
  /// `directory` (a path in UTF-8 without a final NUL) is where the files lie that hold constants of the model; nil when there is
  /// no such place.
  ///
  /// `withoutBiasParameters`: biases of layers in 8 bits have no quantisation parameters then, which running a model does without.
  @export(interface)
  public static func read(
    _ bytes: UnsafeRawBufferPointer, owner: AnyObject?, copyConstants: Bool, directory: [UInt8]? = nil, withoutBiasParameters: Bool = false
  ) throws(EngineError) -> ModelDescription {
    let file: FlatBuffer
    do throws(FlatBufferError) {
      file = try FlatBuffer.open(bytes)
    } catch { throw EngineError(.error, "not a model file: \(error.text)") }

    var model = try ModelRecord(file, FileIdentification.schema(of: file), withoutBiasParameters: withoutBiasParameters)
    try ModelChecks.check(model)
    let loader = TensorLoader(
      file: file, owner: owner, copyConstants: copyConstants, external: ExternalWeights(directory: directory))
    let tensors = try loadTensors(model, loader)
    try prepareNodes(&model, tensors)
    try FSEDecodeNodes.decode(&model, tensors, file)

    guard let base = bytes.baseAddress else { throw EngineError(.error, "not a model file: no bytes") }
    var assembler = GraphAssembler(model, tensors, noBytes: base)
    var graphs = [Graph]()
    for subgraph in 0..<model.subgraphs.count { graphs.append(try assembler.assemble(subgraph)) }
    return ModelDescription(version: model.version, graphs: graphs, embeddedModel: embedded(graphs))
  }

  private static func loadTensors(_ model: ModelRecord, _ loader: TensorLoader) throws(EngineError) -> [Tensor] {
    var isInput = [Bool](repeating: false, count: model.tensors.count)
    var isOutput = isInput
    for index in model.inputs { isInput[Int(index)] = true }
    for index in model.outputs { isOutput[Int(index)] = true }
    var tensors = [Tensor]()
    tensors.reserveCapacity(model.tensors.count)
    for i in 0..<model.tensors.count {
      tensors.append(try loader.load(model.tensors[i], i, isInput: isInput[i], isOutput: isOutput[i]))
    }
    return tensors
  }

  /// Brings the quantisation types to the current numbers, and the weights of weight-quantised nodes to float32.
  private static func prepareNodes(_ model: inout ModelRecord, _ tensors: [Tensor]) throws(EngineError) {
    let dequantizer = WeightDequantizer(release: Release(model.version))
    for i in 0..<model.nodes.count {
      switch model.nodes[i].quantType {
      case 1, 3: model.nodes[i].quantType = 5
      case 2: model.nodes[i].quantType = 4
      case 0: if dequantizer.isWeightQuantised(model.nodes[i], model.tensors) { model.nodes[i].quantType = 4 }
      default: break
      }
      guard model.nodes[i].quantType == 4 else { continue }
      var inputs = [Tensor]()
      for index in model.nodes[i].inputs { inputs.append(tensors[Int(index)]) }
      do throws(EngineError) {
        try dequantizer.dequantizeWeights(model.nodes[i], inputs, model.tensors)
      } catch { throw error.adding(ModelChecks.text(model.nodes[i], i)) }
    }
  }

  /// The model inside a file that an offline conversion has wrapped: one Custom node of type ThirdPartyModel whose last
  /// input holds a file of this format. (Foreign formats in that place are for a device's own compiler.)
  private static func embedded(_ graphs: [Graph]) -> UnsafeRawBufferPointer? {
    guard graphs.count == 1, graphs[0].nodes.count == 1, graphs[0].nodes[0].kind == .custom else { return nil }
    guard case .string(let type) = graphs[0].nodes[0].attributes[0], FileIdentification.hasPrefix(type, "ThirdPartyModel"),
      let model = graphs[0].nodes[0].inputs.last, model.isConstant, let data = model.data, model.byteCount > 8
    else { return nil }
    for i in 0..<4 where data.load(fromByteOffset: 4 + i, as: UInt8.self) != FileIdentification.identifier.utf8Start[i] {
      return nil
    }
    return UnsafeRawBufferPointer(start: data, count: model.byteCount)
  }
}
