import ConverterCore
import Foundation
import Graph
import ModelFile
import SwiftProtobuf
import System

/// Reads MindIR models.
public enum MindIRImporter {
  /// Builds the graphs of the model in ``ImportOptions/modelFile`` into `model`, which has none yet. Problems of single nodes go
  /// to the report; what makes the file as a whole unreadable is thrown.
  public static func load(into model: ModelBuilder) throws(EngineError) {
    let path = model.options.modelFile
    let file = try InputFile.open(path)
    do throws(EngineError) {
      try load(file.bytes, folder: URL(fileURLWithPath: path).deletingLastPathComponent().path, into: model)
    } catch { throw error.adding(path) }
  }

  /// The same from bytes in memory, which may be anything. Without a folder the model cannot have weights in other files.
  public static func load(_ bytes: UnsafeRawBufferPointer, folder: String?, into model: ModelBuilder) throws(EngineError) {
    let key = try secretKey(model.options)
    let isEncrypted = bytes.count >= 4 && (0x7F3A_5ED8...0x7F3A_5EDA).contains(
      UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt32.self)))
    if isEncrypted && key == nil {
      throw EngineError(.inputParameterInvalid, "the model is encrypted; give its key (--decryptKey, --decryptMode)")
    }
    let proto: MindIr_ModelProto
    if let key {
      let (plain, count) = try ModelDecryption.decrypt(bytes, key)
      proto = try parse(UnsafeRawBufferPointer(start: plain.base, count: count))
    } else {
      proto = try parse(bytes)
    }
    if proto.hasLittleEndian && !proto.littleEndian {
      throw EngineError(.notSupported, "the model was written on a big-endian machine")
    }
    guard proto.hasGraph else { throw EngineError(.graphFileError, "is no MindIR model: it has no graph") }
    try MindModel(proto, model, WeightFiles(folder: folder, key: key)).build()
  }

  private static func secretKey(_ options: ImportOptions) throws(EngineError) -> SecretKey? {
    if options.decryptKey.isEmpty { return nil }
    let mode: CipherMode
    switch options.decryptMode {
    case "AES-GCM": mode = .gcm
    case "AES-CBC": mode = .cbc
    default:
      throw EngineError(.inputParameterInvalid, "decryptMode \"\(options.decryptMode)\"; AES-GCM and AES-CBC are accepted")
    }
    guard let key = options.decryptKey.withUnsafeBytes({ SecretKey.copy($0, mode) }) else {
      throw EngineError(.outOfMemory, "no memory for the key")
    }
    return key
  }

  private static func parse(_ bytes: UnsafeRawBufferPointer) throws(EngineError) -> MindIr_ModelProto {
    guard let base = bytes.baseAddress else { throw EngineError(.graphFileError, "is empty") }
    do {
      let data = Data(bytesNoCopy: UnsafeMutableRawPointer(mutating: base), count: bytes.count, deallocator: .none)
      return try MindIr_ModelProto(serializedBytes: data, partial: true)
    } catch {
      throw EngineError(.graphFileError, "the \(bytes.count) bytes are no MindIR model: \(String(describing: error))")
    }
  }
}
