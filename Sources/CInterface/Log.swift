import CSystem

/// A literal as C functions take it. (A String literal would become a C string by way of Unicode's tables.)
@inline(__always)
public func cString(_ text: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

/// Lines are printed, unless MSLITE_LOG=off when the first one comes.
private let isLogging: Bool = {
  guard let value = getenv(cString("MSLITE_LOG")) else { return true }
  return strcmp(value, cString("off")) != 0
}()

/// Collects text in a fixed buffer and cuts what does not fit, so that reporting an error does not depend on memory.
public struct TextBuffer {
  private let base: UnsafeMutablePointer<CChar>
  private let capacity: Int
  public private(set) var count = 0

  /// - Parameter capacity: bytes at `base`, the final NUL included.
  public init(base: UnsafeMutablePointer<CChar>, capacity: Int) {
    self.base = base
    self.capacity = capacity
  }
  public mutating func append(_ byte: UInt8) {
    if count + 1 < capacity {
      base[count] = CChar(bitPattern: byte)
      count += 1
    }
  }
  public mutating func append(_ text: StaticString, upTo end: UInt8? = nil) {
    var i = 0
    while i < text.utf8CodeUnitCount {
      if text.utf8Start[i] == end { return }
      append(text.utf8Start[i])
      i += 1
    }
  }
  public mutating func append(_ text: String) {
    for byte in text.utf8 { append(byte) }
  }
  public mutating func append(_ text: UnsafePointer<CChar>, _ length: Int) {
    var i = 0
    while i < length {
      append(UInt8(bitPattern: text[i]))
      i += 1
    }
  }
  public mutating func terminate() { base[count] = 0 }
}

/// Prints "[library] LEVEL text" to standard error, in one write, so that lines of several threads do not mix. errno stays as it was.
@inline(never)
public func printLine(_ library: StaticString, _ level: StaticString, _ text: UnsafePointer<CChar>, _ count: Int) {
  if !isLogging { return }
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(MSSYS_ERROR_CAPACITY) + 32) { line in
    guard let base = line.baseAddress else { return }
    var buffer = TextBuffer(base: base, capacity: line.count)
    buffer.append("[")
    buffer.append(library)
    buffer.append("] ")
    buffer.append(level)
    buffer.append(" ")
    buffer.append(text, count)
    buffer.append(UInt8(ascii: "\n"))
    mssys_write_error(base, buffer.count)
  }
}

/// Prints "[library] LEVEL function: message".
@inline(never)
public func printLine(_ library: StaticString, _ level: StaticString, function: StaticString, _ message: String) {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(MSSYS_ERROR_CAPACITY)) { line in
    guard let base = line.baseAddress else { return }
    var buffer = TextBuffer(base: base, capacity: line.count)
    buffer.append(function, upTo: UInt8(ascii: "("))
    buffer.append(": ")
    buffer.append(message)
    printLine(library, level, base, buffer.count)
  }
}
