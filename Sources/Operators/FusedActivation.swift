import CKernels
import Graph

/// ActivationType numbers of the format that the CPU computes (reference: operators of the original's runtime loader).
public enum ActivationType {
  public static let none = 0, relu = 1, sigmoid = 2, relu6 = 3, elu = 4, leakyRelu = 5, softplus = 9, tanh = 10
  public static let hswish = 12, hsigmoid = 13, hardTanh = 16, swish = 18, gelu = 19, fastGelu = 20
  /// See ``ScalarActivation``.
  static let abs = 6, relu1 = 7, softsign = 8, selu = 11, thresholdRelu = 14, linear = 15, sign = 17
}

/// An activation as the kernels take it: the function and its two parameters.
public struct FusedActivation: Sendable {
  public var op: Int32
  public var alpha: Float
  public var beta: Float

  public static let none = FusedActivation(op: Int32(MS_UNARY_IDENTITY.rawValue), alpha: 0, beta: 0)

  public init(op: Int32, alpha: Float, beta: Float) {
    self.op = op
    self.alpha = alpha
    self.beta = beta
  }

  /// The function for an ActivationType; nil for types that the original's runtime does not load either.
  public init?(type: Int, alpha: Float = 0, minimum: Float = 0, maximum: Float = 0, approximate: Bool = false) {
    func make(_ op: MSUnary, _ a: Float = 0, _ b: Float = 0) -> FusedActivation {
      FusedActivation(op: Int32(op.rawValue), alpha: a, beta: b)
    }
    switch type {
    case ActivationType.none: self = .none
    case ActivationType.relu: self = make(MS_UNARY_CLAMP, 0, .infinity)
    case ActivationType.relu6: self = make(MS_UNARY_CLAMP, 0, 6)
    case ActivationType.sigmoid: self = make(MS_UNARY_SIGMOID)
    case ActivationType.elu: self = make(MS_UNARY_ELU, alpha)
    case ActivationType.leakyRelu: self = make(MS_UNARY_LEAKY_RELU, alpha)
    case ActivationType.softplus: self = make(MS_UNARY_SOFTPLUS)
    case ActivationType.tanh: self = make(MS_UNARY_TANH)
    case ActivationType.hswish: self = make(MS_UNARY_HSWISH)
    case ActivationType.hsigmoid: self = make(MS_UNARY_HSIGMOID)
    case ActivationType.hardTanh: self = make(MS_UNARY_CLAMP, minimum, maximum)
    case ActivationType.swish: self = make(MS_UNARY_SWISH)
    case ActivationType.gelu: self = make(approximate ? MS_UNARY_GELU_TANH : MS_UNARY_GELU)
    case ActivationType.fastGelu: self = make(MS_UNARY_GELU_TANH)
    default: return nil
    }
  }

  public var isNone: Bool { op == Int32(MS_UNARY_IDENTITY.rawValue) }
}

/// The activation that `node` applies last: the one that the optimiser has fused, else its own attribute `field`, of which only
/// none, RELU and RELU6 are legal in files (others refuse the model, as in the original).
public func fusedActivation(of node: Node, field: Int) throws(EngineError) -> FusedActivation {
  if let f = node.fused.activation {
    guard let a = FusedActivation(type: f.type, alpha: f.alpha, minimum: f.minimum, maximum: f.maximum, approximate: f.approximate)
    else { throw EngineError(.error, "fused activation \(f.type) is unknown") }
    return a
  }
  let type = node.attributes.int(field, 0)
  guard type == ActivationType.none || type == ActivationType.relu || type == ActivationType.relu6,
    let a = FusedActivation(type: type)
  else { throw EngineError(.notSupported, "fused activation type \(type); 0 (none), 1 (RELU) and 3 (RELU6) are accepted") }
  return a
}

extension Operator {
  /// See ``fusedActivation(of:field:)``.
  public func fusedActivation(field: Int) throws(EngineError) -> FusedActivation {
    try Operators.fusedActivation(of: node, field: field)
  }
}
