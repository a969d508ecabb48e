import ConverterCore
import Graph

/// Convolution, pooling, normalization and other layers of neural networks.
enum NNOperators {
  static let table: [String: ONNXOperator] = {
    var all: [String: ONNXOperator] = [:]
    for table in [NNConvolution.table, NNPool.table, NNActivations.table, NNNormalization.table, NNResize.table, NNImage.table, NNAttention.table, Einsum.table] {
      all.merge(table) { $1 }
    }
    return all
  }()
}
