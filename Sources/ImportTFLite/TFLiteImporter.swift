import ConverterCore
import Graph

/// Reads TFLite models.
public enum TFLiteImporter {
  /// Builds the graphs of the model in ``ImportOptions/modelFile`` into `model`, which has none yet. Problems of single nodes go
  /// to the report; what makes the file as a whole unreadable is thrown.
  public static func load(into model: ModelBuilder) throws(EngineError) {
    throw EngineError(.notSupported, "the importer is not there yet")
  }
}
