import ConverterCore
import Graph

/// What an inference model is to be trained with: section `training` of the config file.
public struct TrainingSettings {
  /// What the model's output is compared with, and how.
  public enum Loss: String, CaseIterable {
    /// Logits with a row of targets, or with a class number, for each row.
    case softmaxCrossEntropy = "SOFTMAX_CROSS_ENTROPY", sparseSoftmaxCrossEntropy = "SPARSE_SOFTMAX_CROSS_ENTROPY"
    /// Logits with targets between 0 and 1, element by element.
    case sigmoidCrossEntropy = "SIGMOID_CROSS_ENTROPY"
    /// Probabilities with targets between 0 and 1, element by element.
    case binaryCrossEntropy = "BINARY_CROSS_ENTROPY"
    case meanSquaredError = "MSE"
    case smoothL1 = "SMOOTH_L1"
  }

  public enum Optimizer: String, CaseIterable {
    case sgd = "SGD", momentum = "MOMENTUM", adam = "ADAM", adamWeightDecay = "ADAM_WEIGHT_DECAY"
  }

  /// Which statistics batch normalisation uses whose scale and shift are trained.
  public enum BatchNorm: String, CaseIterable {
    case batch = "BATCH", running = "RUNNING"
  }

  public var loss = Loss.sparseSoftmaxCrossEntropy
  /// Where the smooth L1 loss turns from a square into a line.
  public var beta = 1.0
  /// The output that the loss is computed from; empty: the model's only one.
  public var output = ""
  /// The name of the input for labels or targets.
  public var label = "label"
  public var optimizer = Optimizer.adam
  public var learningRate = 0.001
  public var momentum = 0.9
  public var dampening = 0.0
  public var nesterov = false
  public var weightDecay = 0.0
  public var beta1 = 0.9
  public var beta2 = 0.999
  public var epsilon = 1e-8
  /// Only the last so many layers with weights, and what depends on them, are trained; 0: all.
  public var lastLayers = 0
  /// Only this node, and what depends on it, is trained; empty: all.
  public var firstNode = ""
  /// Patterns of the names of nodes whose weights are trained, and of those whose are not; `*` stands for any text.
  public var trained: [String] = []
  public var frozen: [String] = []
  public var batchNorm = BatchNorm.batch
  /// The last dense layer gets so many outputs and new weights; 0: it stays.
  public var classes = 0
  /// Of the random numbers that new weights begin with.
  public var seed = 1

  public static let section = "training"

  public init() {}

  /// nil: the file has no such section.
  public init?(_ config: ConfigFile) throws(EngineError) {
    let s = TrainingSettings.section
    guard config.has(s) else { return nil }
    let unlimited = 0.0...1e30
    loss = try TrainingSettings.choice(config, "loss", loss)
    beta = try config.float(s, "beta", 0...1e30, default: beta)
    output = config.string(s, "output") ?? ""
    label = config.string(s, "label") ?? label
    if label.isEmpty { throw EngineError(.inputParameterInvalid, "config section [training]: label= is empty") }
    optimizer = try TrainingSettings.choice(config, "optimizer", optimizer)
    learningRate = try config.float(s, "learning_rate", unlimited, default: learningRate)
    momentum = try config.float(s, "momentum", 0...1, default: momentum)
    dampening = try config.float(s, "dampening", 0...1, default: dampening)
    nesterov = try config.bool(s, "nesterov", default: nesterov)
    weightDecay = try config.float(s, "weight_decay", unlimited, default: weightDecay)
    beta1 = try config.float(s, "beta1", 0...0.999999, default: beta1)
    beta2 = try config.float(s, "beta2", 0...0.999999, default: beta2)
    epsilon = try config.float(s, "epsilon", unlimited, default: epsilon)
    lastLayers = try config.int(s, "train_last_layers", 0...1_000_000, default: lastLayers)
    firstNode = config.string(s, "train_from") ?? ""
    trained = config.list(s, "train_nodes")
    frozen = config.list(s, "freeze_nodes")
    batchNorm = try TrainingSettings.choice(config, "batch_norm", batchNorm)
    classes = try config.int(s, "classes", 0...1_000_000, default: classes)
    seed = try config.int(s, "seed", 0...Int(Int32.max), default: seed)
    try check(config)
  }

  /// Settings that exclude each other, or that the chosen optimiser does not have.
  private func check(_ config: ConfigFile) throws(EngineError) {
    func has(_ key: String) -> Bool { config.string(TrainingSettings.section, key) != nil }
    func refuse(_ text: String) -> EngineError { EngineError(.inputParameterInvalid, "config section [training]: \(text)") }
    if lastLayers > 0 && !firstNode.isEmpty { throw refuse("train_last_layers and train_from exclude each other") }
    let foreign: [String]
    switch optimizer {
    case .sgd: foreign = ["beta1", "beta2", "epsilon"]
    case .momentum: foreign = ["beta1", "beta2", "epsilon", "dampening"]
    case .adam: foreign = ["momentum", "dampening", "weight_decay"]
    case .adamWeightDecay: foreign = ["momentum", "dampening", "nesterov"]
    }
    for key in foreign where has(key) { throw refuse("optimizer=\(optimizer.rawValue) has no setting \(key)") }
    if nesterov && dampening > 0 { throw refuse("nesterov and dampening exclude each other") }
    if has("beta") && loss != .smoothL1 { throw refuse("beta is for loss=SMOOTH_L1 only") }
  }

  private static func choice<Value: RawRepresentable & CaseIterable>(
    _ config: ConfigFile, _ key: String, _ fallback: Value
  ) throws(EngineError) -> Value where Value.RawValue == String {
    let text = try config.choice(section, key, Value.allCases.map { $0.rawValue }, default: fallback.rawValue)
    return Value(rawValue: text) ?? fallback
  }
}
