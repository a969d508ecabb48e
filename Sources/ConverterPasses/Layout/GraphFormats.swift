import ConverterCore
import Graph

/// The layout that the caller sees: four-dimensional inputs and outputs of the main graph are declared in it, with a Transpose to or
/// from the layout that the graph works with.
enum GraphFormats {
  static func apply(_ model: ModelBuilder, _ options: PassOptions) {
    let source = model.framework.format
    guard let builder = model.graphs.first else { return }
    let graph = builder.graph
    if let wanted = options.inputFormat, wanted != source {
      for i in 0..<graph.inputs.count where builder.dims(of: graph.inputs[i])?.count == 4 {
        let inner = graph.inputs[i]
        let outer = exchanged(inner, wanted, builder)
        graph.inputs[i] = outer
        graph.nodes.insert(transpose(outer, making: inner, source, builder), at: 0)
      }
    }
    if let wanted = options.outputFormat, wanted != source {
      for i in 0..<graph.outputs.count where builder.dims(of: graph.outputs[i])?.count == 4 {
        let inner = graph.outputs[i]
        let outer = exchanged(inner, wanted, builder)
        graph.outputs[i] = outer
        graph.nodes.append(transpose(inner, making: outer, wanted, builder))
      }
    }
    // What is not an image has no channels that could come first.
    for t in graph.inputs where builder.dims(of: t)?.count != 4 { t.format = .nhwc }
  }

  /// A tensor that takes another's name and has its axes in the order of `format`.
  private static func exchanged(_ tensor: Tensor, _ format: Format, _ builder: GraphBuilder) -> Tensor {
    let result = builder.variable(permuting: tensor, order(to: format).order, name: tensor.name)
    tensor.name += format == .nhwc ? "_nchw" : "_nhwc"
    return result
  }

  private static func order(to format: Format) -> Permutation { format == .nhwc ? .toChannelsLast : .toChannelsFirst }

  private static func transpose(_ x: Tensor, making y: Tensor, _ format: Format, _ builder: GraphBuilder) -> Node {
    let order = builder.constant("\(y.name)/order", ints: order(to: format).order)
    return Node(name: y.name, kind: .transpose, inputs: [x, order], outputs: [y])
  }
}
