/// The engine's one error type, from the file reader to the C edge. Each floor adds what it knows with ``adding(_:)``.
public struct EngineError: Error {
  /// The category that decides the `OH_AI_Status`; raw value n stands for status -n.
  public enum Code: Int32, Sendable {
    case error = 1
    case nullPointer = 2
    case parameterInvalid = 3
    case outOfMemory = 6
    case notSupported = 7
    case uninitialized = 9
    case modelRebuild = 12
    case inputTensorError = 101
    case graphFileError = 200
    case unknownOperator = 300
    /// A device failed at an operator that it had accepted.
    case operatorFailed = 303
    case formatError = 400
    case inferError = 500
    /// A shape depends on values that only a run can tell. Never reaches a user.
    case deferred = 501
    case inputParameterInvalid = 600
    case aippNotSupported = 700
  }
  public var code: Code
  /// What is wrong, where, and what would have been accepted. One or more sentences without a final newline.
  public var message: String

  public init(_ code: Code, _ message: Message) {
    self.code = code
    self.message = message.text
  }

  /// The same error with the place it happened in front: "place: message".
  @export(interface)
  public func adding(_ place: String) -> EngineError { EngineError(code, "\(place): \(message)") }

  /// An operator's shape or value is not known before the graph runs.
  public static var deferred: EngineError { EngineError(.deferred, "the shape is known only when the graph runs") }
}
