import Foundation
import Graph

/// Files that the tools write.
public enum OutputFile {
  /// All of `text`, or nothing.
  public static func write(_ text: String, to path: String) throws(EngineError) {
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch { throw EngineError(.error, Message(text: "\(path) cannot be written: \(error.localizedDescription)")) }
  }
}
