import CSystem
import Graph
import ModelFile
import System

/// Where a model comes from, and what is needed to read it.
public struct ModelSource {
  private enum Place {
    /// Bytes that stay the caller's; nothing of them is used after the model has been read.
    case bytes(UnsafeRawBufferPointer)
    /// A mapped file, which stays mapped for as long as the graph lives.
    case file(MappedFile)
  }
  private let place: Place
  /// The directory of the files that hold constants of the model: a path in UTF-8 without a final NUL.
  private let directory: [UInt8]?
  /// The key of an encrypted model.
  public var key: SecretKey?

  /// A model in memory. `directory`: see ``ModelReader/read(_:owner:copyConstants:directory:)``.
  @export(interface)
  public init(bytes: UnsafeRawBufferPointer, directory: [UInt8]?) {
    place = .bytes(bytes)
    self.directory = directory
  }

  private init(_ file: MappedFile, _ directory: [UInt8]) {
    place = .file(file)
    self.directory = directory
  }

  /// The model in a file (NUL-terminated path).
  @export(interface)
  public static func open(path: UnsafePointer<CChar>) throws(FileFailure) -> ModelSource {
    ModelSource(try MappedFile.open(path: path), directory(of: path))
  }

  /// The part of a path up to its last slash.
  private static func directory(of path: UnsafePointer<CChar>) -> [UInt8] {
    let bytes = UnsafeRawBufferPointer(start: path, count: strlen(path))
    guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return [UInt8(ascii: ".")] }
    return [UInt8](UnsafeRawBufferPointer(rebasing: bytes[...slash]))
  }

  /// Decrypts where there is a key, and decodes.
  func read() throws(EngineError) -> ModelDescription {
    let bytes: UnsafeRawBufferPointer
    var owner: AnyObject?
    switch place {
    case .bytes(let given): bytes = given
    case .file(let file):
      bytes = file.bytes
      owner = file
    }
    guard let key else {
      return try ModelReader.read(bytes, owner: owner, copyConstants: owner == nil, directory: directory, withoutBiasParameters: true)
    }
    let (model, count) = try ModelDecryption.decrypt(bytes, key)
    return try ModelReader.read(
      UnsafeRawBufferPointer(start: model.base, count: count), owner: model, copyConstants: false, directory: directory,
      withoutBiasParameters: true)
  }
}
