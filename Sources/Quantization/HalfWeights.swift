import ConverterCore
import Graph

/// Storing float32 constants as float16 (`--fp16`).
public enum HalfWeights {
  /// Constants with fewer elements stay as they are: there is nothing to gain, and operators' scalar parameters keep their precision.
  private static let minimumCount = 16

  /// Converts the constants of all graphs. One with values beyond float16's range stays float32, with a warning, and so do those of
  /// nodes that compute on 8-bit values.
  public static func run(_ model: ModelBuilder) throws(EngineError) {
    for builder in model.graphs {
      var excluded: Set<ObjectIdentifier> = []
      for node in builder.graph.nodes where node.quantType == 5 || node.quantType == 6 {
        for t in node.inputs { excluded.insert(ObjectIdentifier(t)) }
      }
      for tensor in builder.graph.tensors where !excluded.contains(ObjectIdentifier(tensor)) {
        guard tensor.type == .float32, tensor.isFloatConstant, tensor.count >= minimumCount, model.packedForm(of: tensor) == nil else {
          continue
        }
        let values = tensor.realValues()
        if values.contains(where: { $0.isFinite && $0.magnitude >= HalfFloat.largest + 16 }) {
          model.report.warn("\"\(tensor.name)\" has values beyond 65504 and stays float32")
          continue
        }
        try tensor.replace(.float16, with: values.map { HalfFloat.bits($0) })
      }
    }
  }
}
