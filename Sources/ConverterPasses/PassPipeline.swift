import ConverterCore
import Graph
import Optimizer

/// What the caller wants done to an imported model.
public struct PassOptions {
  /// False (`--optimize=none`): only what is needed to write a correct file.
  public var optimise = true
  /// Names of fusions that are left out (`fusion_blacklists`), as the documentation lists them.
  public var disabledFusions: Set<String> = []
  /// Layout of four-dimensional graph inputs; nil: as the source has them.
  public var inputFormat: Format? = .nhwc
  /// Layout of four-dimensional graph outputs; nil: as the source has them.
  public var outputFormat: Format? = nil
  public init() {}
}

/// The rewriting of an imported model into what is written.
public enum PassPipeline {
  /// Every value that the graph uses is its own. A file can name one of another graph in more ways than an importer can foresee.
  private static func checkReferences(_ graph: Graph) throws(EngineError) {
    graph.renumber()
    func isOwn(_ t: Tensor) -> Bool { graph.tensors.indices.contains(t.index) && graph.tensors[t.index] === t }
    for node in graph.nodes {
      for t in node.inputs where !isOwn(t) {
        throw EngineError(.graphFileError, "node \"\(node.name)\" reads \(t), which is not of its graph \"\(graph.name)\"")
      }
    }
    for t in graph.outputs where !isOwn(t) {
      throw EngineError(.graphFileError, "output \(t) of graph \"\(graph.name)\" is not of that graph")
    }
  }

  public static func run(_ model: ModelBuilder, _ options: PassOptions) throws(EngineError) {
    let switches = FusionSwitch(disabled: options.disabledFusions, report: model.report)
    for builder in model.graphs { try checkReferences(builder.graph) }
    GraphFormats.apply(model, options)
    for builder in model.graphs {
      let editor = GraphEditor(builder)
      editor.removeUnused()
      // The weights of a graph that will be trained stay as they are.
      if (!options.optimise && !model.options.differentiates) || model.options.training {
        try TransposeMinimiser(editor).simplify()
        editor.removeUnused()
        try editor.commit()
        continue
      }
      try clean(editor, switches)
      ShapeConstants(editor: editor, switches: switches).run()
      ActivationPatterns(editor: editor, switches: switches).run()
      try NormPatterns(editor: editor, switches: switches).run()
      editor.removeUnused()
      try editor.commit()
      try TransposeMinimiser(editor).run()
      try ProductPatterns(editor: editor, switches: switches).run()
      try clean(editor, switches)
      // Gradients go through simple nodes.
      if model.options.differentiates { continue }
      let optimizer = GraphOptimizer(graph: builder.graph, kernels: model.kernels, pool: model.pool, file: switches.forFiles)
      try optimizer.run()
      let rest = GraphEditor(builder)
      ScaleChains(editor: rest, switches: switches).run()
      try ProductPatterns(editor: rest, switches: switches).run()
      try clean(rest, switches)
    }
  }

  /// Optimises some nodes of the main graph, in execution order, of which other nodes read `results`; returns what takes their place.
  public static func fuse(
    _ nodes: [Node], results: [Tensor], of model: ModelBuilder, _ options: PassOptions
  ) throws(EngineError) -> [Node] {
    if !options.optimise { return nodes }
    let main = model.main.graph
    let part = Graph(name: main.name, nodes: nodes, tensors: main.tensors, inputs: main.inputs, outputs: results)
    let switches = FusionSwitch(disabled: options.disabledFusions, report: model.report)
    try GraphOptimizer(graph: part, kernels: model.kernels, pool: model.pool, file: switches.forFiles).run()
    main.tensors = part.tensors
    main.renumber()
    return part.nodes
  }

  /// Removes what the other passes leave behind.
  private static func clean(_ editor: GraphEditor, _ switches: FusionSwitch) throws(EngineError) {
    ViewChains(editor: editor, switches: switches).run()
    RedundantNodes(editor: editor, switches: switches).run()
    CommonNodes(editor: editor, switches: switches).run()
    editor.removeUnused()
    try editor.commit()
  }
}
