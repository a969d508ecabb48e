import CMindSpore
import CSystem
import Graph
import Runtime

extension OH_AI_Status {
  /// Failure n is stored as the unsigned form of -n.
  init(_ code: EngineError.Code) { self.init(rawValue: UInt32(bitPattern: 0 &- code.rawValue)) }
}

/// Error texts are printed, unless MSLITE_LOG=off when the first one comes.
private let logsErrors: Bool = {
  guard let value = getenv("MSLITE_LOG") else { return true }
  return strcmp(value, "off") != 0
}()

/// Collects text in a fixed buffer and cuts what does not fit, so that reporting an error does not depend on memory.
private struct TextBuffer {
  let base: UnsafeMutablePointer<CChar>
  let capacity: Int
  var count = 0

  mutating func append(_ byte: UInt8) {
    if count + 1 < capacity {
      base[count] = CChar(bitPattern: byte)
      count += 1
    }
  }
  mutating func append(_ text: StaticString, upTo end: UInt8? = nil) {
    var i = 0
    while i < text.utf8CodeUnitCount {
      if text.utf8Start[i] == end { return }
      append(text.utf8Start[i])
      i += 1
    }
  }
  mutating func append(_ text: String) {
    for byte in text.utf8 { append(byte) }
  }
  mutating func terminate() { base[count] = 0 }
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
  if !silent { log("ERROR", text, buffer.count) }
  mssys_set_errno(saved)
  return OH_AI_Status(code)
}

/// Prints a warning; not an error, so ``MSLite_GetLastError()`` does not know of it.
@inline(never)
func warn(_ message: Message, function: StaticString = #function) {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(MSSYS_ERROR_CAPACITY)) { line in
    guard let base = line.baseAddress else { return }
    var buffer = TextBuffer(base: base, capacity: line.count)
    buffer.append(function, upTo: UInt8(ascii: "("))
    buffer.append(": ")
    buffer.append(message.text)
    buffer.terminate()
    log("WARNING", base, buffer.count)
  }
}

extension ModelObject {
  /// Says what a successful call has done otherwise than it was asked to: in the log, and as the thread's last error text.
  func reportNotices(function: StaticString = #function) {
    guard let notices = session?.takeNotices(), !notices.isEmpty else { return }
    var all = ""
    for notice in notices {
      warn(Message(text: notice), function: function)
      all += all.isEmpty ? notice : "; \(notice)"
    }
    fail(.error, Message(text: all), silent: true, function: function)
  }
}

private func log(_ level: StaticString, _ text: UnsafePointer<CChar>, _ count: Int) {
  if !logsErrors { return }
  // One write, so that lines of several threads do not mix.
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(MSSYS_ERROR_CAPACITY) + 32) { line in
    guard let base = line.baseAddress else { return }
    var buffer = TextBuffer(base: base, capacity: line.count)
    buffer.append("[mslite] ")
    buffer.append(level)
    buffer.append(" ")
    var i = 0
    while i < count {
      buffer.append(UInt8(bitPattern: text[i]))
      i += 1
    }
    buffer.append(UInt8(ascii: "\n"))
    mssys_write_error(base, buffer.count)
  }
}
