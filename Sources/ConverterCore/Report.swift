import Graph

/// What a conversion has to say, collected so that a user sees everything that is wrong at once.
public final class Report {
  /// Something that keeps the model from being converted.
  public struct Problem {
    public let code: EngineError.Code
    /// Name and operator type of the source model's node; empty for problems of the file as a whole.
    public let node: String
    public let type: String
    public let text: String

    /// `Conv "features.0": text`
    public var description: String {
      if type.isEmpty && node.isEmpty { return text }
      return node.isEmpty ? "\(type): \(text)" : "\(type) \"\(node)\": \(text)"
    }
  }

  public private(set) var problems: [Problem] = []
  /// Things that a user should know about a model that was converted all the same.
  public private(set) var warnings: [String] = []
  /// Source nodes read, and nodes that each named optimisation has removed or merged (for the summary).
  public var sourceNodes = 0
  public private(set) var fusions: [String: Int] = [:]

  /// Told what is being done, for a progress line.
  public var onProgress: (String) -> Void = { _ in }

  public init() {}

  public func add(_ error: EngineError, node: String = "", type: String = "") {
    problems.append(Problem(code: error.code, node: node, type: type, text: error.message))
  }

  public func warn(_ text: String) {
    if !warnings.contains(text) { warnings.append(text) }
  }

  public func count(fusion name: String, _ n: Int = 1) {
    if n > 0 { fusions[name, default: 0] += n }
  }
}
