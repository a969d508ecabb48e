import ConverterCore
import Graph

typealias LayerImporter = @Sendable (LayerContext) throws(EngineError) -> [Tensor]

/// The layer types that can be converted.
enum LayerTable {
  static let importers: [String: LayerImporter] = {
    var table: [String: LayerImporter] = [:]
    for part in [
      ConvolutionLayers.table, NormalizationLayers.table, ElementwiseLayers.table, ShapeLayers.table, ReductionLayers.table,
      DetectionLayers.table,
    ] { table.merge(part) { first, _ in first } }
    return table
  }()

  private static let dataTypes: Set<String> = [
    "Data", "ImageData", "MemoryData", "HDF5Data", "DummyData", "WindowData", "AnnotatedData", "VideoData",
  ]

  /// Why a layer of another type is refused.
  static func refusal(_ type: String) -> EngineError {
    if dataTypes.contains(type) {
      return EngineError(
        .notSupported, "reads training data; a net for conversion has a layer of type Input (or input and input_shape) in its place")
    }
    if type.hasSuffix("Loss") || type == "Accuracy" {
      return EngineError(.notSupported, "compares with labels; a net for conversion ends before it (include { phase: TRAIN } leaves it out)")
    }
    if type == "Python" { return EngineError(.notSupported, "runs a Python program, which no .ms file can hold") }
    return EngineError(.unknownOperator, "layers of this type cannot be converted")
  }
}
