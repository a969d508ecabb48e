import Graph
import System

/// Files that a conversion reads.
public enum InputFile {
  /// The file's bytes, mapped; the object keeps them alive.
  public static func open(_ path: String) throws(EngineError) -> MappedFile {
    do throws(FileFailure) {
      return try MappedFile.open(path: path)
    } catch { throw EngineError(.inputParameterInvalid, "\(path): \(error.text)") }
  }
}
