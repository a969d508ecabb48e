import ConverterCore
import Foundation
import Graph
import ModelFile
import Runtime
import System
import Testing

@testable import Conversion

@Suite struct ModelWriterTests {
  private func graph() throws -> Graph {
    let model = ModelBuilder(.tfLite, options: ImportOptions(modelFile: ""), report: Report())
    let g = model.addGraph("main")
    let x = g.input("x", .float32, [1, 300])
    let w = g.weights([300, 300])
    // Another tensor on the same bytes.
    let twin = g.constant(copying: w)
    try g.setOutputs([g.add1(.matMulFusion, [:], [g.add1(.matMulFusion, [:], [x, w]), twin])], names: ["y"])
    return g.graph
  }

  private func folder() throws -> String {
    let path = NSTemporaryDirectory() + "writer-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  private func results(_ source: ModelSource) throws -> [Float] {
    let session = try Session.open(source, options: SessionOptions())
    let buffer = try #require(Buffer(count: 1200))
    for i in 0..<300 { buffer.base.storeBytes(of: Float(i % 7), toByteOffset: 4 * i, as: Float.self) }
    session.bindInput(0, buffer.base)
    try session.run(observer: nil)
    return (0..<300).map { session.outputs[0].floats[$0] }
  }

  @Test func sharedConstantsAreWrittenOnce() throws {
    let bytes = try ModelWriter.write(ModelContent(graphs: [graph()], framework: 3))
    #expect(bytes.count > 360_000 && bytes.count < 365_000)
  }

  @Test func aFileIsWhatIsInMemory() throws {
    let path = try folder() + "/model.ms", graph = try graph()
    try ModelWriter.save(ModelContent(graphs: [graph], framework: 3), path: path)
    let written = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    #expect(try written == ModelWriter.write(ModelContent(graphs: [graph], framework: 3)))
    let files = try FileManager.default.contentsOfDirectory(atPath: (path as NSString).deletingLastPathComponent)
    #expect(files == ["model.ms"])
  }

  @Test func weightsBesideTheFile() throws {
    let directory = try folder(), path = directory + "/model.ms", graph = try graph()
    try ModelWriter.save(ModelContent(graphs: [graph], framework: 3), path: path, externalFrom: 1000)
    let files = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    #expect(files == ["model.ms", "model.msw"])
    let small = try Data(contentsOf: URL(fileURLWithPath: path))
    let whole = try ModelWriter.write(ModelContent(graphs: [graph], framework: 3))
    #expect(small.count < 4000)
    let a = try small.withUnsafeBytes { try results(ModelSource(bytes: $0, directory: [UInt8](directory.utf8))) }
    let b = try whole.withUnsafeBytes { try results(ModelSource(bytes: $0, directory: nil)) }
    #expect(a == b)
  }

  @Test func nothingIsLeftWhereWritingFails() throws {
    let directory = try folder(), graph = try graph()
    // A folder is in the way of the model, and only the weights could be written.
    try FileManager.default.createDirectory(atPath: directory + "/model.ms", withIntermediateDirectories: true)
    let content = ModelContent(graphs: [graph], framework: 3)
    #expect(throws: EngineError.self) { try ModelWriter.save(content, path: directory + "/model.ms", externalFrom: 1000) }
    #expect(throws: EngineError.self) { try ModelWriter.save(content, path: directory + "/none/model.ms") }
    let files = try FileManager.default.contentsOfDirectory(atPath: directory)
    #expect(files == ["model.ms"])
  }

  /// More constants than offsets reach. Their memory is never touched, so that none is used.
  @Test func aModelOfMoreThan2GiBIsRefusedInOneFile() throws {
    let graph = try graph(), half = 1100 << 20
    for name in ["a", "b"] {
      let t = Tensor(name: name, type: .uint8, shape: Shape([half]))
      let buffer = try #require(Buffer(count: half))
      t.setConstant(buffer.base, owner: buffer)
      graph.addTensor(t)
      graph.outputs.append(t)
    }
    let content = ModelContent(graphs: [graph], framework: 3)
    let wanted = "the model does not fit the 2 GiB of a .ms file"
    do {
      _ = try ModelWriter.write(content)
      Issue.record("written")
    } catch { #expect(error.message == wanted) }
    let path = try folder() + "/model.ms"
    do {
      try ModelEncryption.save(content, path: path, key: [UInt8](repeating: 7, count: 16))
      Issue.record("written")
    } catch { #expect(error.message == "\(path): an encrypted model is one file: \(wanted)") }
    #expect(try FileManager.default.contentsOfDirectory(atPath: (path as NSString).deletingLastPathComponent) == [])
  }

  /// A file of several blocks, read with the key, is the model.
  @Test(arguments: [64 << 20, 100_000, 16]) func anEncryptedModelIsTheModel(blockSize: Int) throws {
    let plain = Array(try ModelWriter.write(ModelContent(graphs: [graph()], framework: 3)).prefix(blockSize == 16 ? 1000 : .max))
    let key = [UInt8](0..<32)
    var file = [UInt8]()
    // Where there is no libcrypto nothing can be tested.
    if (try? Cipher.load(.gcm, keyLength: key.count)) == nil { return }
    try ModelEncryption.encrypt(plain, key: key, blockSize: blockSize) { file.append(contentsOf: $0) }
    // 48 bytes stand before each block's text.
    #expect(file.count == plain.count + 48 * ((plain.count + blockSize - 1) / blockSize))
    let secret = try #require(key.withUnsafeBytes { SecretKey.copy($0, .gcm) })
    let (model, count) = try file.withUnsafeBytes { try ModelDecryption.decrypt($0, secret) }
    #expect([UInt8](UnsafeRawBufferPointer(start: model.base, count: count)) == plain)
  }

  @Test func aKeyOfAnotherLengthIsRefused() {
    #expect(throws: EngineError.self) { try ModelEncryption.encrypt([1, 2, 3], key: [1, 2, 3]) { _ in } }
  }
}
