import ConverterCore
import Graph

/// Quantises the weights or the whole of an imported and optimised model, as the config file says.
public enum Quantizer {
  public static func run(_ model: ModelBuilder, _ config: ConfigFile) throws(EngineError) {
  }
}
