import CInterface
import CNeuralNetworkRuntime

/// Why a call failed: the code for the program, and what is wrong for the log.
struct Failure: Error {
  let code: OH_NN_ReturnCode
  let message: String

  init(_ code: OH_NN_ReturnCode, _ message: Message) {
    self.code = code
    self.message = message.text
  }

  static func invalid(_ message: Message) -> Failure { Failure(OH_NN_INVALID_PARAMETER, message) }
  static func forbidden(_ message: Message) -> Failure { Failure(OH_NN_OPERATION_FORBIDDEN, message) }
  static func memory(_ message: Message) -> Failure { Failure(OH_NN_MEMORY_ERROR, message) }
}

@inline(never)
func logError(_ message: String, function: StaticString) { printLine("nnrt", "ERROR", function: function, message) }

@inline(never)
func logWarning(_ message: Message, function: StaticString) { printLine("nnrt", "WARNING", function: function, message.text) }

/// What an entry point returns: OH_NN_SUCCESS, or the code of what `body` throws, which is logged.
@inline(never)
func status(function: StaticString = #function, _ body: () throws(Failure) -> Void) -> OH_NN_ReturnCode {
  do throws(Failure) {
    try body()
    return OH_NN_SUCCESS
  } catch {
    logError(error.message, function: function)
    return error.code
  }
}

/// What an entry point returns that makes an object: its handle, or NULL when `body` throws, which is logged.
@inline(never)
func made(function: StaticString = #function, _ body: () throws(Failure) -> OpaquePointer) -> OpaquePointer? {
  do throws(Failure) {
    return try body()
  } catch {
    logError(error.message, function: function)
    return nil
  }
}
