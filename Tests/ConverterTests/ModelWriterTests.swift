import ConverterCore
import Foundation
import Graph
import ModelFile
import Runtime
import System
import Testing

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
    let bytes = ModelWriter.write(try graph(), version: "2.0.0")
    #expect(bytes.count > 360_000 && bytes.count < 365_000)
  }

  @Test func aFileIsWhatIsInMemory() throws {
    let path = try folder() + "/model.ms", graph = try graph()
    try ModelWriter.save(ModelContent(graphs: [graph], version: "2.0.0", framework: 3), path: path)
    let written = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    #expect(written == ModelWriter.write(graph, version: "2.0.0"))
    let files = try FileManager.default.contentsOfDirectory(atPath: (path as NSString).deletingLastPathComponent)
    #expect(files == ["model.ms"])
  }

  @Test func weightsBesideTheFile() throws {
    let directory = try folder(), path = directory + "/model.ms", graph = try graph()
    try ModelWriter.save(ModelContent(graphs: [graph], version: "2.0.0", framework: 3), path: path, externalFrom: 1000)
    let files = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    #expect(files == ["model.ms", "model.msw"])
    let small = try Data(contentsOf: URL(fileURLWithPath: path)), whole = ModelWriter.write(graph, version: "2.0.0")
    #expect(small.count < 4000)
    let a = try small.withUnsafeBytes { try results(ModelSource(bytes: $0, directory: [UInt8](directory.utf8))) }
    let b = try whole.withUnsafeBytes { try results(ModelSource(bytes: $0, directory: nil)) }
    #expect(a == b)
  }

  @Test func nothingIsLeftWhereWritingFails() throws {
    let directory = try folder(), graph = try graph()
    // A folder is in the way of the model, and only the weights could be written.
    try FileManager.default.createDirectory(atPath: directory + "/model.ms", withIntermediateDirectories: true)
    let content = ModelContent(graphs: [graph], version: "2.0.0", framework: 3)
    #expect(throws: EngineError.self) { try ModelWriter.save(content, path: directory + "/model.ms", externalFrom: 1000) }
    #expect(throws: EngineError.self) { try ModelWriter.save(content, path: directory + "/none/model.ms") }
    let files = try FileManager.default.contentsOfDirectory(atPath: directory)
    #expect(files == ["model.ms"])
  }
}
