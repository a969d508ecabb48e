import Foundation
import Graph
import ModelFile
import Runtime
import System

/// One run of a converted model with random inputs (`--infer`).
public enum TrialRun {
  /// Throws what the engine says against the written file. Open dimensions are taken as 1.
  public static func run(_ options: ConversionOptions) throws(EngineError) {
    do throws(EngineError) {
      let session: Session
      // Of a training model the part that predicts runs.
      switch try TrainingSession.open(source(options), options: SessionOptions(), lossNames: TrainingSession.defaultLossNames) {
      case .inference(let opened): session = opened
      case .training(let opened): session = opened.evaluation
      }
      if session.inputs.contains(where: { !$0.shape.isKnown }) {
        try session.resize(session.inputs.map { $0.shape.dims.map { max($0, 1) } })
      }
      var buffers = [Buffer]()
      for (i, tensor) in session.inputs.enumerated() {
        guard let buffer = Buffer(count: max(1, tensor.byteCount)) else { throw EngineError(.outOfMemory, "no memory for input \(tensor)") }
        memset(buffer.base, 0, buffer.count)
        if tensor.type == .float32 {
          for k in 0..<tensor.count { buffer.base.storeBytes(of: Float.random(in: 0..<1), toByteOffset: 4 * k, as: Float.self) }
        }
        buffers.append(buffer)
        session.bindInput(i, buffer.base)
      }
      try withExtendedLifetime(buffers) { () throws(EngineError) in try session.run(observer: nil) }
    } catch { throw error.adding("running the converted model") }
  }

  private static func source(_ options: ConversionOptions) throws(EngineError) -> ModelSource {
    var source: ModelSource
    do throws(FileFailure) {
      source = try ModelSource.open(path: options.outputFile)
    } catch { throw EngineError(.error, "\(options.outputFile): \(error.text)") }
    if !options.encryptKey.isEmpty { source.key = options.encryptKey.withUnsafeBytes { SecretKey.copy($0, .gcm) } }
    return source
  }
}
