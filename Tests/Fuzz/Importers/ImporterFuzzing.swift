import ConverterCore
import ConverterPasses
import Foundation
import Graph
import ImportCaffe
import ImportMindIR
import ImportONNX
import ImportTFLite
import ImportTensorFlow
import ModelFile
import System

/// Imports `count` bytes at `bytes` as a model of a source format (0 TF, 1 TFLITE, 2 CAFFE, 3 ONNX, 4 MINDIR), optimises it and writes it
/// to memory. 1 when that went well, 0 when the model was refused; whatever the bytes are, nothing else may happen.
///
/// Caffe's two files are one here: the network's text, a byte 0x1E, the weights.
@_cdecl("mslite_fuzz_importer")
public func fuzzImporter(_ format: Int32, _ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  guard let file = Buffer(count: max(count, 1)) else { return 0 }
  file.base.copyMemory(from: bytes, byteCount: count)
  let content = UnsafeRawBufferPointer(start: file.base, count: count)
  let frameworks: [Framework] = [.tensorFlow, .tfLite, .caffe, .onnx, .mindSpore]
  guard frameworks.indices.contains(Int(format)) else { return 0 }
  let report = Report()
  let model = ModelBuilder(frameworks[Int(format)], options: ImportOptions(modelFile: "memory"), report: report)
  do throws(EngineError) {
    switch model.framework {
    case .tensorFlow: try TensorFlowImporter.load(content, folder: nil, into: model)
    case .tfLite: try TFLiteImporter.load(bytes: content, owner: file, into: model)
    case .caffe:
      let end = content.firstIndex(of: 0x1E) ?? content.count
      try CaffeImporter.load(
        net: UnsafeRawBufferPointer(rebasing: content[..<end]),
        weights: UnsafeRawBufferPointer(rebasing: content[min(end + 1, count)...]), into: model)
    case .onnx: try ONNXImporter.load(content, folder: nil, into: model)
    case .mindSpore, .msLite, .thirdParty: try MindIRImporter.load(content, folder: nil, into: model)
    }
    guard report.problems.isEmpty else { return 0 }
    try PassPipeline.run(model, PassOptions())
  } catch { return 0 }
  withExtendedLifetime(file) {
    _ = try? ModelWriter.write(ModelContent(graphs: model.graphs.map { $0.graph }, framework: model.framework.rawValue))
  }
  return 1
}
