import ConverterCore
import Graph

/// Reads TFLite models: FlatBuffers of the public schema, version 3.
public enum TFLiteImporter {
  /// Builds the graphs of the model in ``ImportOptions/modelFile`` into `model`, which has none yet. Problems of single nodes go
  /// to the report; what makes the file as a whole unreadable is thrown.
  public static func load(into model: ModelBuilder) throws(EngineError) {
    let file = try InputFile.open(model.options.modelFile)
    try load(bytes: UnsafeRawBufferPointer(file.bytes), owner: file, into: model)
  }

  /// The same for a file in memory. `owner` keeps `bytes` alive, which constants of the graphs refer to.
  public static func load(bytes: UnsafeRawBufferPointer, owner: AnyObject?, into model: ModelBuilder) throws(EngineError) {
    let file = try TFLiteModel(bytes, owner: owner)
    let session = ImportSession(file, model)
    // Subgraph 0 is the model's entry; a single signature may name another one.
    var entry = 0
    if file.signatures.count == 1 { entry = file.signatures[0].subgraph }
    for s in file.signatures where s.subgraph != entry {
      model.report.warn(
        "the model has the signatures \(file.signatures.map { $0.key }.joined(separator: ", ")); \"\(s.key)\" (subgraph \(s.subgraph)) is left out, since a .ms file has one entry")
    }
    try session.importMain(entry)
  }
}

/// What the subgraphs of one model share while they are imported.
final class ImportSession {
  let file: TFLiteModel
  let model: ModelBuilder
  /// State that operators keep between runs, by its name.
  var variables = StateVariables()
  /// Subgraphs are imported anew for every call; this many calls are followed.
  private var calls = 0
  private static let callLimit = 256
  private static let depthLimit = 16

  init(_ file: TFLiteModel, _ model: ModelBuilder) {
    self.file = file
    self.model = model
  }

  /// Imports the entry, whose quantised inputs and outputs keep the types of the file.
  func importMain(_ index: Int) throws(EngineError) {
    let source = try file.subgraph(index)
    let name = source.name.isEmpty ? "main" : source.name
    let importer = try SubgraphImporter(self, source, model.addGraph(name), depth: 0)
    for i in source.inputs { try importer.declareInput(i) }
    try importer.noteAssignments()
    try importer.importOperators()
    try importer.finishMain()
  }

  /// Subgraphs that call each other must come to an end.
  func countCall(_ depth: Int) throws(EngineError) {
    calls += 1
    guard calls <= ImportSession.callLimit, depth < ImportSession.depthLimit else {
      throw EngineError(
        .notSupported,
        "subgraphs call each other more than \(ImportSession.callLimit) times or \(ImportSession.depthLimit) levels deep")
    }
  }

  /// Imports subgraph `index` as a graph of its own that takes the values of `arguments`, tensors of `caller`.
  /// `openDims`: dimensions of the inputs that a loop may change, -1 there; nil entries keep the arguments' dimensions.
  func importCallee(
    _ index: Int, _ what: String, _ arguments: [Tensor], of caller: SubgraphImporter, dims: [[Int]?] = []
  ) throws(EngineError) -> SubgraphImporter {
    try countCall(caller.depth)
    let source = try file.subgraph(index)
    guard source.inputs.count == arguments.count else {
      throw EngineError(
        .graphFileError, "\(what) subgraph \(index) has \(source.inputs.count) inputs; \(arguments.count) are given")
    }
    let name = source.name.isEmpty ? "subgraph_\(index)" : source.name
    let importer = try SubgraphImporter(self, source, model.addGraph("\(name)_\(what)_\(calls)"), depth: caller.depth + 1)
    for (k, (i, argument)) in zip(source.inputs, arguments).enumerated() {
      let dims = k < dims.count ? dims[k] : nil
      let t =
        dims.map { importer.graph.input(source.tensors[i].name, argument.type, $0) }
        ?? importer.graph.input(like: argument, of: caller.graph, name: source.tensors[i].name)
      t.quantParams = argument.quantParams
      importer.bind(i, t)
    }
    try importer.importOperators()
    return importer
  }
}
