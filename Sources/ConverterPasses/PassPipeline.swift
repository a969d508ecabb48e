import ConverterCore
import Graph

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
  public static func run(_ model: ModelBuilder, _ options: PassOptions) throws(EngineError) {
    GraphFormats.apply(model, options)
    for builder in model.graphs {
      let editor = GraphEditor(builder)
      editor.removeUnused()
      try TransposeMinimiser(editor).run()
      try editor.commit()
    }
  }
}
