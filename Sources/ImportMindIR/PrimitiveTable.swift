import ConverterCore
import Graph

/// The primitives that can be converted.
enum PrimitiveTable {
  static let importers: [String: MindPrimitive] = {
    var table: [String: MindPrimitive] = [:]
    for part in [
      ActivationPrimitives.table, MathPrimitives.table, WindowPrimitives.table, NormalizationPrimitives.table, ArrayPrimitives.table,
      IndexPrimitives.table, GradientPrimitives.table, OptimizerPrimitives.table,
    ] { table.merge(part) { first, _ in first } }
    return table
  }()

  /// Operators with the primitive's operands and no attributes.
  static func plain(_ type: String) -> OperatorKind? {
    switch type {
    case "Add", "TensorAdd": return .addFusion
    case "Sub": return .subFusion
    case "Mul": return .mulFusion
    case "Div": return .divFusion
    case "RealDiv": return .realDiv
    case "FloorDiv": return .floorDiv
    case "FloorMod": return .floorMod
    case "Mod": return .mod
    case "Maximum": return .maximum
    case "Minimum": return .minimum
    case "SquaredDifference": return .squaredDifference
    case "Equal": return .equal
    case "NotEqual": return .notEqual
    case "Less": return .less
    case "LessEqual": return .lessEqual
    case "Greater": return .greater
    case "GreaterEqual": return .greaterEqual
    case "LogicalAnd": return .logicalAnd
    case "LogicalOr": return .logicalOr
    case "LogicalNot": return .logicalNot
    case "Abs": return .abs
    case "Neg": return .neg
    case "Sqrt": return .sqrt
    case "Rsqrt": return .rsqrt
    case "Square": return .square
    case "Log": return .log
    case "Log1p": return .log1p
    case "Sin": return .sin
    case "Cos": return .cos
    case "Floor": return .floor
    case "Ceil": return .ceil
    case "Reciprocal", "Inv": return .reciprocal
    case "Erf": return .erf
    case "ZerosLike": return .zerosLike
    case "OnesLike": return .onesLike
    case "IsFinite": return .isFinite
    case "Shape", "DynamicShape", "TensorShape": return .shape
    case "Size": return .size
    case "GatherNd": return .gatherNd
    case "NonZero": return .nonZero
    case "InvertPermutation": return .invertPermutation
    case "ScatterNd": return .scatterNd
    case "ScatterNdUpdate", "TensorScatterUpdate": return .scatterNdUpdate
    case "TensorScatterAdd": return .tensorScatterAdd
    case "UnsortedSegmentSum": return .unsortedSegmentSum
    case "LinSpace": return .linSpace
    case "Unique": return .unique
    case "AbsGrad": return .absGrad
    case "LogGrad": return .logGrad
    case "SqrtGrad": return .sqrtGrad
    case "RsqrtGrad": return .rsqrtGrad
    case "NegGrad": return .negGrad
    case "SigmoidCrossEntropyWithLogits": return .sigmoidCrossEntropyWithLogits
    case "SigmoidCrossEntropyWithLogitsGrad": return .sigmoidCrossEntropyWithLogitsGrad
    case "SoftmaxCrossEntropyWithLogits": return .softmaxCrossEntropyWithLogits
    default: return nil
    }
  }
}

/// What the file has of values that are no tensors: tuples, functions, tokens.
enum StructurePrimitives {
  /// The value of such a node; nil for all others.
  static func value(_ n: MindNode) throws(EngineError) -> MindValue? {
    switch n.type {
    case "Constant": return try n.value("value") ?? .nothing
    case "Load", "Depend", "Identity", "StopGradient", "TensorToScalar", "ScalarToTensor", "ScalarToArray", "TupleToArray", "TupleToTensor",
      "make_ref", "InsertGradientOf", "CheckBprop", "Return":
      return n.inputs.first ?? .nothing
    case "Dropout", "Dropout2D", "Dropout3D":
      // Nothing outside training; the mask is read by nobody then.
      if n.isTraining { return nil }
      return .tuple([.tensor(try n.tensor(0)), .nothing])
    case "UpdateState": return .nothing
    case "MakeTuple", "MakeList", "make_tuple", "make_list": return .tuple(n.inputs)
    case "TupleGetItem", "ListGetItem", "tuple_getitem", "list_getitem": return try item(n)
    case "Partial":
      guard case .closure(let function, let first)? = n.inputs.first else {
        throw EngineError(.formatError, "the first operand is no function")
      }
      return .closure(function, first + n.inputs.dropFirst())
    case "Switch", "switch": return try choice(n)
    case "SwitchLayer", "switch_layer":
      guard n.count == 2, case .tuple(let list) = n.inputs[1] else {
        throw EngineError(.formatError, "a number and a tuple of functions are needed")
      }
      return .choice(try n.tensor(0), list)
    default: return nil
    }
  }

  private static func item(_ n: MindNode) throws(EngineError) -> MindValue {
    guard n.count >= 1 else { throw EngineError(.formatError, "has no operands") }
    let index = try n.int("index", operand: 1)
    guard case .tuple(let list) = n.inputs[0] else {
      // What the file calls a tuple may be one tensor here, when the other results have no meaning outside training.
      if index == 0 { return n.inputs[0] }
      throw EngineError(.notSupported, "item \(index) of a result that has only one tensor here")
    }
    let i = index < 0 ? index + list.count : index
    guard list.indices.contains(i) else {
      throw EngineError(.notSupported, "item \(index) of a tuple that has \(list.count) here")
    }
    return list[i]
  }

  /// Of functions, a choice that a call makes; of values, the value that the condition picks.
  private static func choice(_ n: MindNode) throws(EngineError) -> MindValue {
    guard n.count == 3 else { throw EngineError(.formatError, "has \(n.count) operands; 3 are needed") }
    var condition = try n.tensor(0)
    if condition.type != .bool {
      condition = try n.compose(.cast, [:], [condition, n.b.constant(ints: [Int(DataType.bool.rawValue)], dims: [])])
    }
    if case .closure = n.inputs[1], case .closure = n.inputs[2] { return .choice(condition, [n.inputs[1], n.inputs[2]]) }
    let picked = try n.b.add1(.where, [:], [condition, try n.tensor(1), try n.tensor(2)])
    return .tensor(picked)
  }
}
