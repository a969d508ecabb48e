import ConverterCore
import Graph

/// Operators on quantised tensors.
enum QuantizedOperators {
  static let table: [String: ONNXOperator] = [:]
}
