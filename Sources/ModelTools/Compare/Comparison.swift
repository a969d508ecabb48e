import Graph
import Runtime

/// A comparison of two models, tensor by tensor.
public struct Comparison {
  /// One tensor that both models compute.
  struct Row {
    let node: String
    let kind: String
    let tensor: String
    let dims: [Int]
    /// The worst of all its values (a loop computes it more than once).
    var difference: Difference
    var occurrences = 1
    /// The models disagree about its shape; nothing was compared.
    var mismatch = ""
    /// An output of the model.
    var isOutput = false
    /// Set for a tensor over the tolerance that holds the same values in another order.
    var reordered: Difference?
  }

  let reference: String
  let candidate: String
  let tolerance: Double
  /// In the reference's order of execution.
  let rows: [Row]
  /// Tensors of the reference that the candidate does not compute: fused, folded or renamed.
  let unmatched: [String]
  /// Where the candidate's inputs came from.
  let inputs: [String]
  /// Nodes of the reference between the last tensors that agree and the first that does not.
  let suspects: [String]

  func fails(_ row: Row) -> Bool { !row.mismatch.isEmpty || !(row.difference.relative <= tolerance) }
  /// The first layer over the tolerance.
  var first: Row? { rows.first { fails($0) } }
  public var agrees: Bool { first == nil }

  public struct Request {
    public var reference: ModelRequest
    public var candidate: ModelRequest
    /// Files by input name; "" for the only input.
    public var inputFiles: [String: String] = [:]
    public var shapes: [String: [Int]] = [:]
    public var tolerance = 1e-4
    public var threads = 1
    public var seed: UInt64 = 0
    public init(reference: ModelRequest, candidate: ModelRequest) {
      self.reference = reference
      self.candidate = candidate
    }
  }

  public static func run(_ request: Request) throws(EngineError) -> Comparison {
    var referenceRequest = request.reference
    referenceRequest.inputShapes = request.shapes.filter { !$0.key.isEmpty }
    var reference = try LoadedModel.load(referenceRequest)
    let names = reference.main.inputs.map { $0.name }
    let shapes = try ShapeText.named(request.shapes, inputs: names)
    if reference.isSource && shapes.count != referenceRequest.inputShapes.count {
      referenceRequest.inputShapes = shapes
      reference = try LoadedModel.load(referenceRequest)
    }
    if let problem = reference.problems.first {
      throw EngineError(
        .notSupported,
        "\(reference.path): \(reference.problems.count) problems keep the model from being run, the first: \(problem) (mslite inspect shows all)")
    }
    let candidate = try LoadedModel.load(request.candidate)
    let runner = try ComparisonRun(reference, candidate, shapes, request)
    return try runner.compare()
  }
}
