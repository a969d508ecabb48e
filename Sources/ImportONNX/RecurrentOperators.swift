import ConverterCore
import Graph

/// RNN, LSTM and GRU.
enum RecurrentOperators {
  static let table: [String: ONNXOperator] = [:]
}
