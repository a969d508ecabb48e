import Graph
import System

/// What a configuration file says of a model: the precision that operators may run in (section `execution_plan`) and where its
/// weights lie (section `model_file`, key `mindir_path`).
///
/// The file has lines `[section]` and `key=value`; lines that start with `#`, lines of two characters or fewer, and whatever is
/// neither are passed over, as are other sections. An entry of the plan is an operator's name with
/// `data_type:float16` or `data_type:float32`, and optionally `;backend:CPU`; the value may be quoted.
public struct ExecutionPlan {
  /// Operator names and types, in file order. An entry with another data type asks for nothing and is not here.
  public private(set) var entries: [(name: [UInt8], type: DataType)] = []

  /// The directory of the files with a model's weights, for models that are given as bytes; nil when the file names none.
  public private(set) var weightsDirectory: [UInt8]?

  private static let maximumLines = 100_100
  private static let maximumEntries = 100_000

  public init() {}

  /// Reads a file (NUL-terminated path).
  public init(path: UnsafePointer<CChar>) throws(EngineError) {
    let file: MappedFile
    do throws(FileFailure) {
      file = try MappedFile.open(path: path)
    } catch {
      guard case .empty = error else { throw EngineError(.error, Message(text: error.text)) }
      self.init()
      return
    }
    try self.init(text: file.bytes)
  }

  /// Reads a file's content.
  public init(text: UnsafeRawBufferPointer) throws(EngineError) {
    var section = Section.other
    var lines = 0
    var valid = 0
    var start = 0
    while start < text.count {
      var end = start
      while end < text.count && text[end] != UInt8(ascii: "\n") { end += 1 }
      lines += 1
      let line = Self.trimmed(text, start, end)
      start = end + 1
      if line.count <= 2 || text[line.lowerBound] == UInt8(ascii: "#") { continue }
      valid += 1
      if lines > Self.maximumLines || valid > Self.maximumEntries {
        throw EngineError(.error, "has too many lines; expected at most \(Self.maximumEntries)")
      }
      if text[line.lowerBound] == UInt8(ascii: "[") && text[line.upperBound - 1] == UInt8(ascii: "]") {
        section = Self.section(text, line.lowerBound + 1..<line.upperBound - 1)
      } else if section != .other, let equals = Self.first(UInt8(ascii: "="), text, line) {
        let key = Self.trimmed(text, line.lowerBound, equals)
        let value = Self.unquoted(text, Self.trimmed(text, equals + 1, line.upperBound))
        if section == .executionPlan {
          try add(text, key, value, lines)
        } else if Self.isEqual(text, key, "mindir_path") && !value.isEmpty {
          weightsDirectory = [UInt8](UnsafeRawBufferPointer(rebasing: text[value]))
        }
      }
    }
  }

  /// The type that the plan asks for a node; the last of several entries counts, nil when there is none.
  func type(of name: String) -> DataType? {
    if entries.isEmpty { return nil }
    var i = entries.count - 1
    while i >= 0 {
      if entries[i].name.elementsEqual(name.utf8) { return entries[i].type }
      i -= 1
    }
    return nil
  }

  private mutating func add(
    _ text: UnsafeRawBufferPointer, _ name: Range<Int>, _ value: Range<Int>, _ line: Int
  ) throws(EngineError) {
    var type: DataType?
    var start = value.lowerBound
    repeat {
      let end = Self.first(UInt8(ascii: ";"), text, start..<value.upperBound) ?? value.upperBound
      guard let colon = Self.first(UInt8(ascii: ":"), text, start..<end) else { throw Self.malformed(line) }
      let key = Self.trimmed(text, start, colon)
      let word = Self.trimmed(text, colon + 1, end)
      if key.isEmpty || word.isEmpty || name.isEmpty { throw Self.malformed(line) }
      if Self.isEqual(text, key, "data_type") {
        if Self.isEqual(text, word, "float16") { type = .float16 }
        if Self.isEqual(text, word, "float32") { type = .float32 }
      } else if Self.isEqual(text, key, "backend") && !Self.isEqual(text, word, "CPU") {
        throw Self.malformed(line)
      }
      start = end + 1
    } while start < value.upperBound
    if let type { entries.append(([UInt8](UnsafeRawBufferPointer(rebasing: text[name])), type)) }
  }

  private static func malformed(_ line: Int) -> EngineError {
    EngineError(
      .error, "line \(line): the entry of the execution plan is malformed; expected operator=data_type:float16 or float32, then optionally ;backend:CPU")
  }

  private enum Section {
    case executionPlan, modelFile, other
  }

  private static func section(_ text: UnsafeRawBufferPointer, _ name: Range<Int>) -> Section {
    if isEqual(text, name, "execution_plan") { return .executionPlan }
    return isEqual(text, name, "model_file") ? .modelFile : .other
  }

  /// Without the quotes around it, if there are any.
  private static func unquoted(_ text: UnsafeRawBufferPointer, _ value: Range<Int>) -> Range<Int> {
    guard value.count >= 2, text[value.lowerBound] == text[value.upperBound - 1],
      text[value.lowerBound] == UInt8(ascii: "\"") || text[value.lowerBound] == UInt8(ascii: "'")
    else { return value }
    return value.lowerBound + 1..<value.upperBound - 1
  }

  private static func trimmed(_ text: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Range<Int> {
    var (a, b) = (start, end)
    while a < b && text[a] <= 32 { a += 1 }
    while b > a && text[b - 1] <= 32 { b -= 1 }
    return a..<b
  }

  private static func first(_ byte: UInt8, _ text: UnsafeRawBufferPointer, _ range: Range<Int>) -> Int? {
    for i in range where text[i] == byte { return i }
    return nil
  }

  private static func isEqual(_ text: UnsafeRawBufferPointer, _ range: Range<Int>, _ word: StaticString) -> Bool {
    if range.count != word.utf8CodeUnitCount { return false }
    var i = 0
    while i < range.count {
      if text[range.lowerBound + i] != word.utf8Start[i] { return false }
      i += 1
    }
    return true
  }
}
