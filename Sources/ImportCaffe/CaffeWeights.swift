import ConverterCore
import Foundation
import Graph
import SwiftProtobuf

/// One blob of weights: its dimensions and its numbers, row-major.
struct WeightBlob {
  let dims: [Int]
  let type: DataType
  fileprivate let bytes: BlobBytes
  var count: Int { bytes.data.count / type.size }

  /// The blob as a constant of the graph with other dimensions of the same count.
  func constant(_ b: GraphBuilder, _ name: String, _ dims: [Int]) throws(EngineError) -> Tensor {
    let bytes = self.bytes
    return try bytes.withPointer { (pointer, owner) throws(EngineError) in try b.constant(name, type, dims, bytes: pointer, owner: owner) }
  }
}

/// Keeps the bytes of a blob alive.
private final class BlobBytes {
  let data: Data
  init(_ data: Data) { self.data = data }

  /// The bytes, and who keeps them alive; without an owner they are to be copied. Only short contents lie within the value `data`
  /// itself, all others on the heap, where they stay as long as it lives.
  func withPointer<R>(_ body: (UnsafeRawBufferPointer, AnyObject?) throws(EngineError) -> R) throws(EngineError) -> R {
    var result: Result<R, EngineError>? = nil
    data.withUnsafeBytes { pointer in
      do throws(EngineError) { result = .success(try body(pointer, pointer.count < 64 ? nil : self)) } catch { result = .failure(error) }
    }
    guard let result else { throw EngineError(.error, "no access to the weights") }
    return try result.get()
  }
}

/// The weights of a binary Caffe file by the names of their layers.
struct WeightTable {
  private var blobs: [String: [WeightBlob]] = [:]

  init(_ bytes: UnsafeRawBufferPointer) throws(EngineError) {
    guard let base = bytes.baseAddress else { throw EngineError(.graphFileError, "the weight file is empty") }
    let file: Caffe_WeightFile
    do {
      let data = Data(bytesNoCopy: UnsafeMutableRawPointer(mutating: base), count: bytes.count, deallocator: .none)
      file = try Caffe_WeightFile(serializedBytes: data, partial: true)
    } catch {
      throw EngineError(.graphFileError, "the \(bytes.count) bytes are no Caffe weights: \(String(describing: error))")
    }
    for layer in file.layer { try add(layer.name, layer.blobs) }
    for layer in file.layers { try add(layer.hasLayer ? layer.layer.name : layer.name, layer.blobs) }
  }

  private mutating func add(_ name: String, _ messages: [Caffe_WeightBlob]) throws(EngineError) {
    if messages.isEmpty || blobs[name] != nil { return }
    var list = [WeightBlob]()
    for (i, message) in messages.enumerated() {
      do throws(EngineError) { list.append(try Self.blob(message)) } catch { throw error.adding("layer \"\(name)\", blob \(i)") }
    }
    blobs[name] = list
  }

  private static func blob(_ message: Caffe_WeightBlob) throws(EngineError) -> WeightBlob {
    var type = DataType.float32
    var parts = message.data
    if parts.isEmpty && !message.doubleData.isEmpty {
      type = .float64
      parts = message.doubleData
    }
    if parts.isEmpty && !message.unknownFields.data.isEmpty {
      guard let unpacked = try? Caffe_UnpackedBlob(serializedBytes: message.unknownFields.data) else {
        throw EngineError(.graphFileError, "its numbers cannot be read")
      }
      type = unpacked.data.isEmpty ? .float64 : .float32
      parts = [unpacked.data.isEmpty ? unpacked.doubleData.withUnsafeBytes { Data($0) } : unpacked.data.withUnsafeBytes { Data($0) }]
    }
    var data = parts.first ?? Data()
    for part in parts.dropFirst() { data.append(part) }
    let count = data.count / type.size
    if data.count % type.size != 0 { throw EngineError(.graphFileError, "\(data.count) bytes are no whole number of \(type.name)") }
    var dims = [count]
    if message.hasShape {
      dims = message.shape.dim.map { Int($0) }
    } else if message.hasNum || message.hasChannels || message.hasHeight || message.hasWidth {
      dims = [message.num, message.channels, message.height, message.width].map { Int($0) }
    }
    guard dims.allSatisfy({ $0 >= 0 }), Shape(dims).checkedCount == count else {
      throw EngineError(.graphFileError, "the shape \(Shape(dims)) does not hold the \(count) numbers it has")
    }
    return WeightBlob(dims: dims, type: type, bytes: BlobBytes(data))
  }

  /// The blobs of a layer; nil when the file has none for it.
  subscript(_ layer: String) -> [WeightBlob]? { blobs[layer] }
}
