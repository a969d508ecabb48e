import FlatBuffers
import Graph
import System

/// A tensor's bytes in another file.
struct ExternalRange {
  var position: Int
  var location: String
  var offset: Int64
  var length: Int64

  init(_ table: Table) throws(FlatBufferError) {
    position = table.position
    location = try table.string(ExternalField.location) ?? ""
    offset = try table.int64(ExternalField.offset) ?? 0
    length = try table.int64(ExternalField.length) ?? -1
  }
}

/// The files beside a model that hold its weights. Each is mapped when it is needed for the first time.
final class ExternalWeights {
  /// Where the files are; nil when nobody has said.
  private let directory: [UInt8]?
  private var files: [(location: [UInt8], file: MappedFile)] = []

  init(directory: [UInt8]?) { self.directory = directory }

  /// The bytes and the file that keeps them; nil for a range of no bytes. What the model's reader may copy grows by a file's size
  /// when the file is opened.
  func bytes(_ range: ExternalRange, payingFor reader: FlatBuffer) throws(EngineError) -> (Bytes, MappedFile)? {
    if range.length <= 0 { return nil }
    let file = try open(range.location, reader)
    let size = Int64(file.bytes.count)
    if range.offset < 0 || range.offset > size || range.length > size - range.offset {
      throw EngineError(
        .error,
        "its data is \(range.length) bytes at offset \(range.offset) of the file \"\(range.location)\", which has \(size) bytes")
    }
    let start = Int(range.offset)
    let content = UnsafeRawBufferPointer(rebasing: file.bytes[start..<start + Int(range.length)])
    return (Bytes(offset: start, content: content), file)
  }

  private func open(_ location: String, _ reader: FlatBuffer) throws(EngineError) -> MappedFile {
    let name = [UInt8](location.utf8)
    for entry in files where entry.location == name { return entry.file }
    guard ExternalWeights.staysInside(name) else {
      throw EngineError(
        .error, "its data is in the file \"\(location)\"; expected a name or a relative path that does not leave the model's directory")
    }
    guard let directory else {
      throw EngineError(
        .error,
        "its data is in the file \"\(location)\", and a model given as bytes has no directory; name it as mindir_path in the section [model_file] of a configuration file, or open the model by its path"
      )
    }
    var path = directory
    if let last = path.last, last != UInt8(ascii: "/") { path.append(UInt8(ascii: "/")) }
    path += name
    let text = String(decoding: path, as: UTF8.self)
    path.append(0)
    let file: MappedFile
    do throws(FileFailure) {
      file = try path.withUnsafeBufferPointer { (bytes) throws(FileFailure) in
        try MappedFile.open(path: UnsafeRawPointer(bytes.baseAddress.unsafelyUnwrapped).assumingMemoryBound(to: CChar.self))
      }
    } catch { throw EngineError(.error, "its data is in the file \"\(text)\", which \(error.text)") }
    files.append((name, file))
    reader.allow(file.bytes.count)
    return file
  }

  /// Not empty, not absolute, no component "..", and no NUL that would end it early.
  private static func staysInside(_ name: [UInt8]) -> Bool {
    if name.isEmpty || name[0] == UInt8(ascii: "/") { return false }
    var length = 0
    var dots = 0
    for i in 0...name.count {
      if i == name.count || name[i] == UInt8(ascii: "/") {
        if length == 2 && dots == 2 { return false }
        length = 0
        dots = 0
        continue
      }
      if name[i] == 0 { return false }
      length += 1
      if name[i] == UInt8(ascii: ".") { dots += 1 }
    }
    return true
  }
}
