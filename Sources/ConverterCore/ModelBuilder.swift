import Graph
import KernelSelection
import ModelFile
import System

/// Where a model comes from and how the caller wants it read.
public struct ImportOptions {
  public var modelFile: String
  /// Weights beside the model (Caffe).
  public var weightFile: String?
  /// Shapes that replace those of the graph's inputs, by input name, in the source framework's layout.
  public var inputShapes: [String: [Int]] = [:]
  /// Keep the training graph (MindIR only).
  public var training = false
  /// Keep what only does something in training (Dropout) in a graph for inference: it is to be differentiated.
  public var differentiates = false
  /// The first dimension of all inputs; nil: as the model, or ``inputShapes``, has it.
  public var batch: Int? = nil
  /// Key and mode (AES-GCM, AES-CBC) of an encrypted MindIR file.
  public var decryptKey: [UInt8] = []
  public var decryptMode = "AES-GCM"
  public init(modelFile: String) { self.modelFile = modelFile }
}

/// The framework a model comes from. Raw values: FmkType of the `.ms` format.
public enum Framework: Int32 {
  case tensorFlow = 0, caffe = 1, onnx = 2, mindSpore = 3, tfLite = 4, thirdParty = 6, msLite = 7

  /// Layout of four-dimensional tensors there.
  public var format: Format { self == .tensorFlow || self == .tfLite || self == .msLite ? .nhwc : .nchw }
}

/// A model while it is imported: its graphs, and what they share. Graph 0 is the main one, the others are reached through the
/// `sub_graph_index` of PartialFusion nodes.
public final class ModelBuilder {
  public let options: ImportOptions
  public let framework: Framework
  public let report: Report
  public private(set) var graphs: [GraphBuilder] = []
  /// Constants that the file is to hold packed. The tensors keep their plain elements.
  private var packed: [ObjectIdentifier: (tensor: Tensor, form: PackedConstant)] = [:]
  /// For operators that are computed while the model is converted.
  public let kernels = Kernels.active
  public let pool = ThreadPool(threadCount: 1)
  public let budget = FoldingBudget()

  public init(_ framework: Framework, options: ImportOptions, report: Report) {
    self.framework = framework
    self.options = options
    self.report = report
  }

  public var main: GraphBuilder { graphs[0] }

  /// A new graph at the end of the list. `parent` is the graph whose tensors its nodes may name (see ``GraphBuilder/parent``).
  public func addGraph(_ name: String, parent: GraphBuilder? = nil) -> GraphBuilder {
    let graph = GraphBuilder(name: name, index: graphs.count, model: self, parent: parent)
    graphs.append(graph)
    return graph
  }

  /// The form that the file is to hold a constant in; nil: as it is.
  public func packedForm(of tensor: Tensor) -> PackedConstant? { packed[ObjectIdentifier(tensor)]?.form }

  /// Lets the file hold `tensor` in a packed form of the same value.
  public func pack(_ tensor: Tensor, _ form: PackedConstant) { packed[ObjectIdentifier(tensor)] = (tensor, form) }

  /// Drops the graphs from `index` on, which nothing refers to: an importer builds them again with other shapes.
  public func removeGraphs(from index: Int) {
    if index > 0 && index < graphs.count { graphs.removeLast(graphs.count - index) }
  }

  /// int64 and float64 values are computed in 32 bits, as the format's kernels do.
  public static func narrowed(_ type: DataType) -> DataType {
    switch type {
    case .int64: return .int32
    case .float64: return .float32
    default: return type
    }
  }
}
