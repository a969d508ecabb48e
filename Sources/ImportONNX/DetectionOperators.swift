import ConverterCore
import Graph

/// Operators of object detection.
enum DetectionOperators {
  static let table: [String: ONNXOperator] = [:]
}
