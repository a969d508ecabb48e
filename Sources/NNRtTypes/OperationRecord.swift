import CNeuralNetworkRuntime

/// What `maximumInputs` and `maximumOutputs` are where there is no limit.
let many = UInt8.max
/// What `count` is where any number of values is accepted.
let anyNumber: UInt8 = 0

/// An operator: how many inputs and outputs it has.
public struct OperationRecord: Sendable {
  public let operation: OH_NN_OperationType
  /// Without "OH_NN_OPS_".
  public let name: StaticString
  public let minimumInputs: UInt8
  public let maximumInputs: UInt8
  public let minimumOutputs: UInt8
  public let maximumOutputs: UInt8

  init(
    _ operation: OH_NN_OperationType, _ name: StaticString, _ minimumInputs: UInt8, _ maximumInputs: UInt8, _ minimumOutputs: UInt8,
    _ maximumOutputs: UInt8
  ) {
    self.operation = operation
    self.name = name
    self.minimumInputs = minimumInputs
    self.maximumInputs = maximumInputs
    self.minimumOutputs = minimumOutputs
    self.maximumOutputs = maximumOutputs
  }

  /// The record of an operator; nil for a number that is not one.
  @export(interface)
  public static func of(_ operation: OH_NN_OperationType) -> OperationRecord? {
    let index = Int(operation.rawValue) - 1
    return index >= 0 && index < all.count ? all[index] : nil
  }

  /// Its parameters, as indices for ``ParameterRecord/at(_:)``.
  @export(interface)
  public var parameters: Range<Int> {
    var first = 0
    while first < ParameterRecord.all.count && ParameterRecord.all[first].operation.rawValue < operation.rawValue { first += 1 }
    var end = first
    while end < ParameterRecord.all.count && ParameterRecord.all[end].operation == operation { end += 1 }
    return first..<end
  }

  public func acceptsInputs(_ count: Int) -> Bool {
    count >= Int(minimumInputs) && (maximumInputs == UInt8.max || count <= Int(maximumInputs))
  }

  public func acceptsOutputs(_ count: Int) -> Bool {
    count >= Int(minimumOutputs) && (maximumOutputs == UInt8.max || count <= Int(maximumOutputs))
  }
}

/// A parameter of an operator.
public struct ParameterRecord: Sendable {
  public let operation: OH_NN_OperationType
  public let type: OH_NN_TensorType
  /// Without "OH_NN_" and the operator's name.
  public let name: StaticString
  public let dataType: OH_NN_DataType
  /// Number of values; 0 stands for any number.
  public let count: UInt8
  /// Its tensor must not have dimensions, not even one of 1.
  public let isRankless: Bool
  /// The operator has no meaning without it.
  public let isRequired: Bool
  /// Which values are accepted; any where the first is above the second.
  public let allowed: (Int8, Int8)
  /// What a parameter has that was not given: so many values, 0 where there is no default.
  public let standardCount: UInt8
  /// Each of these values.
  public let standard: Float

  init(
    _ operation: OH_NN_OperationType, _ type: OH_NN_TensorType, _ name: StaticString, _ dataType: OH_NN_DataType, count: UInt8 = 1,
    isRankless: Bool = false, isRequired: Bool = false, allowed: (Int8, Int8) = (1, 0), standard: (UInt8, Float) = (0, 0)
  ) {
    self.operation = operation
    self.type = type
    self.name = name
    self.dataType = dataType
    self.count = count
    self.isRankless = isRankless
    self.isRequired = isRequired
    self.allowed = allowed
    (standardCount, self.standard) = standard
  }

  /// The record with an index below ``count``.
  @export(interface)
  public static func at(_ index: Int) -> ParameterRecord { all[index] }

  /// How many there are.
  @export(interface)
  public static var count: Int { all.count }
}
