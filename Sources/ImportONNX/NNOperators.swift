import ConverterCore
import Graph

/// Convolution, pooling, normalization and other layers of neural networks.
enum NNOperators {
  static let table: [String: ONNXOperator] = [:]
}
