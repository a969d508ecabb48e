import ConverterCore
import Foundation
import Graph
import System

/// Reads Caffe models: a net in text form and a binary file with its weights.
public enum CaffeImporter {
  /// Builds the graph of the net in ``ImportOptions/modelFile`` with the weights of ``ImportOptions/weightFile`` into `model`, which
  /// has no graph yet. Problems of single layers go to the report; what makes a file as a whole unreadable is thrown.
  public static func load(into model: ModelBuilder) throws(EngineError) {
    let options = model.options
    guard let weightFile = options.weightFile else {
      throw EngineError(.inputParameterInvalid, "a Caffe model needs its weights too (--weightFile)")
    }
    let net = try InputFile.open(options.modelFile)
    let weights = try InputFile.open(weightFile)
    do throws(EngineError) {
      let layers = try CaffeNet.parse(net.bytes)
      try build(layers, try fileWeights(weights.bytes, weightFile), into: model)
    } catch { throw error.adding(options.modelFile) }
  }

  private static func fileWeights(_ bytes: UnsafeRawBufferPointer, _ name: String) throws(EngineError) -> WeightTable {
    do throws(EngineError) { return try WeightTable(bytes) } catch { throw error.adding(name) }
  }

  /// The same from files in memory, which may be anything; the weights are copied.
  public static func load(net: UnsafeRawBufferPointer, weights: UnsafeRawBufferPointer, into model: ModelBuilder) throws(EngineError) {
    try build(try CaffeNet.parse(net), try WeightTable(weights), into: model)
  }

  /// Imports the layers in order. A blob that nothing reads in the end is an output of the net; so are blobs in Caffe, where they
  /// come in alphabetical order, here in the order of the layers.
  private static func build(_ net: CaffeNet, _ weights: WeightTable, into model: ModelBuilder) throws(EngineError) {
    let b = model.addGraph(net.name.isEmpty ? "main" : net.name)
    var blobs = BlobTable()
    var inputs: [(name: String, dims: [Int])] = net.inputs
    for layer in net.layers where layer.type == "Input" { inputs += try layer.declaredInputs() }
    if inputs.isEmpty { throw EngineError(.formatError, "the net has no input (a layer of type Input, or input and input_shape)") }
    for name in model.options.inputShapes.keys.sorted() where !inputs.contains(where: { $0.name == name }) {
      throw EngineError(
        .inputParameterInvalid,
        "no input is named \"\(name)\"; there are \(inputs.map { "\"\($0.name)\"" }.joined(separator: ", "))")
    }
    for (name, declared) in inputs {
      let dims = model.options.inputShapes[name] ?? declared
      guard dims.allSatisfy({ $0 > 0 }), Shape(dims).checkedCount != nil, !dims.isEmpty else {
        throw EngineError(
          .formatError, "input \"\(name)\" has no usable shape (\(Shape(dims))); give it by --inputShape=\"\(name):N,C,H,W\"")
      }
      blobs.set(name, b.input(name, .float32, dims), layer: nil)
    }
    for layer in net.layers where layer.type != "Input" {
      var bottoms = [Tensor]()
      var missing: String? = nil
      for name in layer.bottoms {
        if let tensor = blobs.read(name) { bottoms.append(tensor) } else { missing = name }
      }
      let results = b.importNode(layer.name, type: layer.type, inputs: bottoms, outputs: layer.tops.count) {
        () throws(EngineError) -> [Tensor] in
        if let missing { throw EngineError(.graphFileError, "bottom \"\(missing)\" is made by no layer before this one") }
        guard let importer = LayerTable.importers[layer.type] else { throw LayerTable.refusal(layer.type) }
        let tops = try importer(LayerContext(b, layer, bottoms, weights))
        guard tops.count >= layer.tops.count else {
          throw EngineError(
            .notSupported, "has \(layer.tops.count) tops; \(tops.count) can be converted")
        }
        return tops
      }
      for (name, tensor) in zip(layer.tops, results) { blobs.set(name, tensor, layer: layer.name) }
    }
    let outputs = blobs.unread()
    if outputs.isEmpty { throw EngineError(.formatError, "every blob of the net is read by a layer, so it has no output") }
    try b.setOutputs(outputs.map(\.tensor), names: outputs.map(\.name))
  }
}

/// The net's blobs by name, while its layers are imported. A layer may give its result the name of a blob that was there before
/// (it works in place); what reads the name after it gets the new one.
struct BlobTable {
  private struct Entry {
    var tensor: Tensor
    var isInput: Bool
    var isRead = false
    /// Order in which the blobs were made.
    var position: Int
  }
  private var entries: [String: Entry] = [:]
  private var named: Set<ObjectIdentifier> = []
  private var count = 0

  mutating func read(_ name: String) -> Tensor? {
    entries[name]?.isRead = true
    return entries[name]?.tensor
  }

  /// `tensor` is what `name` stands for from now on, made by `layer` (nil: it is an input of the net). The tensor that had the name
  /// before gets another one, unless it is an input.
  mutating func set(_ name: String, _ tensor: Tensor, layer: String?) {
    let old = entries[name]
    let isNew = named.insert(ObjectIdentifier(tensor)).inserted && !tensor.isConstant
    if let old, old.tensor !== tensor, isNew, !old.isInput, !old.tensor.isConstant, old.tensor.name == name {
      old.tensor.name = "\(name)/\(layer ?? name)_input"
    }
    if isNew { tensor.name = old?.isInput == true ? layer ?? name : name }
    entries[name] = Entry(tensor: tensor, isInput: layer == nil, position: count)
    count += 1
  }

  /// The blobs that no layer has read since they were made.
  func unread() -> [(name: String, tensor: Tensor)] {
    entries.filter { !$0.value.isRead }.sorted { $0.value.position < $1.value.position }.map { ($0.key, $0.value.tensor) }
  }
}
