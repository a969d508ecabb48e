import Graph

extension OperatorKind {
  /// The node changes weights of a training graph, so it stays even though nobody reads its result.
  public var updatesWeights: Bool {
    self == .adam || self == .adamWeightDecay || self == .applyMomentum || self == .sgd || self == .assign || self == .assignAdd
  }
}
