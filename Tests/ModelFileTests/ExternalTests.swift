import FlatBuffers
import Foundation
import Graph
import ModelFile
import Testing

/// Constants in a file beside the model.
@Suite struct ExternalData {
  private let folder: String

  init() throws {
    folder = NSTemporaryDirectory() + "mslite-external-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder + "/part", withIntermediateDirectories: true)
    let bytes = [UInt8](repeating: 0, count: 4096) + littleEndian([Float(1).bitPattern, Float(2).bitPattern, Float(3).bitPattern])
    try Data(bytes).write(to: URL(fileURLWithPath: folder + "/net.msw"))
    try Data(bytes).write(to: URL(fileURLWithPath: folder + "/part/net.msw"))
    try Data().write(to: URL(fileURLWithPath: folder + "/empty.msw"))
  }

  private func place(_ location: String?, _ offset: Int64, _ length: Int64) -> TableBuilder {
    TableBuilder().set(0, .string("1")).set(1, location.map { .string($0) }).set(2, .int64(offset)).set(3, .int64(length))
  }

  private func load(_ places: [TableBuilder], dims: [Int32] = [2], directory: String?, copy: Bool = false) throws(EngineError) -> Tensor {
    let w = tensor("w", dims: dims, nodeType: 0).set(12, .tables(places))
    let owner = ModelBytes(file(model(adding: [w])))
    return try ModelReader.read(
      owner.bytes, owner: copy ? nil : owner, copyConstants: copy, directory: directory.map { Array($0.utf8) }
    ).mainGraph.tensors[2]
  }

  private func refusal(_ places: [TableBuilder], dims: [Int32] = [2], directory: String?) -> String {
    do {
      _ = try load(places, dims: dims, directory: directory)
      return "accepted"
    } catch { return withoutOffsets(error.message) }
  }

  @Test func constantsComeFromTheFile() throws {
    for directory in [folder, folder + "/", folder + "/part"] {
      #expect(try load([place("net.msw", 4096, 8)], directory: directory).values(Float.self) == [1, 2])
    }
    #expect(try load([place("part/net.msw", 4100, 8)], directory: folder, copy: true).values(Float.self) == [2, 3])
    // An offset that does not suit the type.
    #expect(try load([place("net.msw", 4095, 12)], directory: folder).values(UInt32.self)[0] == Float(1).bitPattern << 8)
    // Longer than needed.
    #expect(try load([place("net.msw", 4096, 12)], directory: folder).values(Float.self) == [1, 2])
  }

  @Test func weightsStayMapped() throws {
    let a = try load([place("net.msw", 4096, 8)], directory: folder, copy: true)
    #expect(a.owner != nil)
    #expect(UInt(bitPattern: a.data) % 4096 == 0)
  }

  @Test func dataInTheModelComesFirst() throws {
    let w = constant("w", dims: [1], type: 43, data: littleEndian([Float(7).bitPattern])).set(12, .tables([place("no.msw", 0, 4)]))
    #expect(try ModelFileTests.load(file(model(adding: [w]))).mainGraph.tensors[2].values(Float.self) == [7])
  }

  @Test func aRangeOfNothingIsNoData() {
    for length in [0, -1, .min] as [Int64] { #expect(refusal([place("net.msw", 0, length)], directory: nil) == "accepted") }
  }

  @Test func refusals() {
    let w = "tensor 2 \"w\" at byte N: "
    let size = 4096 + 12
    for (offset, length) in [(4100, 9), (-1, 4), (4109, 1), (.max, 4), (4, .max)] as [(Int64, Int64)] {
      #expect(
        refusal([place("net.msw", offset, length)], directory: folder)
          == w + "its data is \(length) bytes at offset \(offset) of the file \"net.msw\", which has \(size) bytes")
    }
    #expect(
      refusal([place("net.msw", 4096, 4)], directory: folder) == w + "N bytes of data; float32 [2] needs 8"
        .replacingOccurrences(of: "N", with: "4"))
    #expect(
      refusal([place("no.msw", 0, 4)], directory: folder)
        == w + "its data is in the file \"\(folder)/no.msw\", which cannot be read: no such file or directory")
    #expect(
      refusal([place("empty.msw", 0, 4)], directory: folder) == w + "its data is in the file \"\(folder)/empty.msw\", which is empty")
    #expect(
      refusal([place("part", 0, 4)], directory: folder)
        == w + "its data is in the file \"\(folder)/part\", which is not a regular file")
    for location in ["", "/etc/passwd", "../net.msw", "part/../../x", "part/..", "..", "a\0b"] {
      #expect(
        refusal([place(location, 0, 4)], directory: folder)
          == w + "its data is in the file \"\(location)\"; expected a name or a relative path that does not leave the model's directory")
    }
    #expect(refusal([place("...", 0, 4)], directory: folder).hasSuffix("no such file or directory"))
    #expect(
      refusal([place("net.msw", 0, 4)], directory: nil)
        == w
        + "its data is in the file \"net.msw\", and a model given as bytes has no directory; name it as mindir_path in the section [model_file] of a configuration file, or open the model by its path"
    )
    #expect(
      refusal([place("net.msw", 4096, 4), place("net.msw", 4096, 4)], directory: folder)
        == "tensor 2: byte N: expected one place for a tensor's data in another file")
  }
}
