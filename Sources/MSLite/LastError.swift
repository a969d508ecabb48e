import CInterface
import CMindSpore
import CSystem
import Graph

extension OH_AI_Status {
  /// Failure n is stored as the unsigned form of -n.
  init(_ code: EngineError.Code) { self.init(rawValue: UInt32(bitPattern: 0 &- code.rawValue)) }
}

/// Makes "function: message" the thread's last error, prints it, and returns the status of `code`. errno stays as it was.
/// - Parameter silent: do not print; for functions that must not touch the world outside.
@inline(never)
@discardableResult
func fail(
  _ code: EngineError.Code, _ message: Message, silent: Bool = false, function: StaticString = #function
) -> OH_AI_Status {
  let saved = mssys_errno()
  guard let text = mssys_error_text() else { return OH_AI_Status(code) }
  var buffer = TextBuffer(base: text, capacity: Int(MSSYS_ERROR_CAPACITY))
  buffer.append(function, upTo: UInt8(ascii: "("))
  buffer.append(": ")
  buffer.append(message.text)
  buffer.terminate()
  if !silent { printLine("mslite", "ERROR", text, buffer.count) }
  mssys_set_errno(saved)
  return OH_AI_Status(code)
}

/// Prints a warning; not an error, so ``MSLite_GetLastError()`` does not know of it.
@inline(never)
func warn(_ message: Message, function: StaticString = #function) {
  printLine("mslite", "WARNING", function: function, message.text)
}
