import Conversion
import ConverterCore
import Foundation
import Graph
import ModelFile
import System

/// How to read a model for a tool.
public struct ModelRequest {
  public var path: String
  /// Caffe's weights.
  public var weightFile: String?
  /// The source format; nil: what the suffix says, and `.ms` for all others.
  public var format: ConversionOptions.SourceFormat?
  /// Shapes that replace those of the inputs, by name.
  public var inputShapes: [String: [Int]] = [:]
  /// Key and mode (AES-GCM, AES-CBC) of an encrypted file.
  public var decryptKey: [UInt8] = []
  public var decryptMode = "AES-GCM"
  public init(path: String) { self.path = path }
}

/// A model file, `.ms` or of a source framework, as graphs that nobody has changed yet.
public struct LoadedModel {
  public let path: String
  /// Bytes of the file.
  public let fileBytes: Int
  /// What the file itself says; nil for source models.
  public let stored: StoredFile?
  /// "ONNX" and so on for source models.
  public let sourceFormat: String?
  public let graphs: [Graph]
  /// What the importer could not read, node by node, and what it wants known.
  public let problems: [String]
  public let warnings: [String]
  /// Keeps the constants' memory alive.
  private let owner: AnyObject?

  public var isSource: Bool { sourceFormat != nil }
  public var main: Graph { graphs[0] }

  /// Reads the model. Throws what makes it unreadable as a whole.
  public static func load(_ request: ModelRequest) throws(EngineError) -> LoadedModel {
    let format = request.format ?? ConversionOptions.SourceFormat.guess(request.path)
    do throws(EngineError) {
      guard let format, format != .mslite else { return try loadConverted(request) }
      return try loadSource(request, format)
    } catch { throw error.message.hasPrefix(request.path) ? error : error.adding(request.path) }
  }

  private static func open(_ path: String) throws(EngineError) -> MappedFile {
    // What is wrong is the file, not the argument.
    do throws(EngineError) { return try InputFile.open(path) } catch { throw EngineError(.graphFileError, Message(text: error.message)) }
  }

  private static func loadConverted(_ request: ModelRequest) throws(EngineError) -> LoadedModel {
    let file = try open(request.path)
    var bytes = file.bytes
    var owner: AnyObject = file
    if !request.decryptKey.isEmpty {
      let mode: CipherMode = request.decryptMode == "AES-CBC" ? .cbc : .gcm
      let key = request.decryptKey.withUnsafeBytes { SecretKey.copy($0, mode) }
      guard let key else { throw EngineError(.outOfMemory, "no memory for the key") }
      let (plain, count) = try ModelDecryption.decrypt(file.bytes, key)
      bytes = UnsafeRawBufferPointer(start: plain.base, count: count)
      owner = plain
    }
    let directory = URL(fileURLWithPath: request.path).deletingLastPathComponent().path
    let description: ModelDescription
    do throws(EngineError) {
      description = try ModelReader.read(bytes, owner: owner, copyConstants: false, directory: Array(directory.utf8))
    } catch {
      // The reader speaks to users of the C interface.
      guard error.message.contains("MSLite_ModelSetDecryptionKey") else { throw error }
      throw EngineError(.graphFileError, "the model file is encrypted; give its key with --decryptKey (and --decryptMode)")
    }
    if let inner = description.embeddedModel {
      let model = try ModelReader.read(inner, owner: owner, copyConstants: true, directory: Array(directory.utf8))
      return LoadedModel(
        path: request.path, fileBytes: file.bytes.count, stored: try StoredFile(inner), sourceFormat: nil, graphs: model.graphs,
        problems: [], warnings: ["the file wraps a complete model (ThirdPartyModel); this is what is inside"], owner: owner)
    }
    return LoadedModel(
      path: request.path, fileBytes: file.bytes.count, stored: try StoredFile(bytes), sourceFormat: nil, graphs: description.graphs,
      problems: [], warnings: [], owner: owner)
  }

  private static func loadSource(
    _ request: ModelRequest, _ format: ConversionOptions.SourceFormat
  ) throws(EngineError) -> LoadedModel {
    let file = try open(request.path)
    var input = ImportOptions(modelFile: request.path)
    input.weightFile = request.weightFile
    input.inputShapes = request.inputShapes
    input.decryptKey = request.decryptKey
    input.decryptMode = request.decryptMode
    let report = Report()
    let model = try Converter.importModel(ConversionOptions(format: format, input: input), report)
    guard !model.graphs.isEmpty else { throw EngineError(.graphFileError, "no graph in the file") }
    let graphs = model.graphs.map { $0.graph }
    for graph in graphs { removeUnused(graph) }
    return LoadedModel(
      path: request.path, fileBytes: file.bytes.count, stored: nil, sourceFormat: format.rawValue, graphs: graphs,
      problems: report.problems.map { $0.description }, warnings: report.warnings, owner: model)
  }

  /// Drops nodes whose results nobody reads: importers leave those that folding has made superfluous.
  private static func removeUnused(_ graph: Graph) {
    var needed = Set(graph.outputs.map { ObjectIdentifier($0) })
    var kept = [Node]()
    for node in graph.nodes.reversed()
    where node.kind.hasSideEffect || node.outputs.contains(where: { needed.contains(ObjectIdentifier($0)) }) {
      for t in node.inputs { needed.insert(ObjectIdentifier(t)) }
      kept.append(node)
    }
    graph.nodes = kept.reversed()
  }

  /// Graphs of their own, for a session that may change them.
  public func copies() -> [Graph] { graphs.map { $0.copy() } }
}
