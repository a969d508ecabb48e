import ConverterCore
import Optimizer

/// Which fusions the caller has left out, and the count of those that were made, by the names that the documentation lists.
struct FusionSwitch {
  let disabled: Set<String>
  let report: Report

  func allows(_ name: String) -> Bool { !disabled.contains(name) }
  func count(_ name: String) { report.count(fusion: name) }

  /// The same for what the engine's optimiser does to graphs for files.
  var forFiles: FileFusions {
    FileFusions(
      allows: { names($0).allSatisfy { allows($0) } },
      onFusion: { count(names($0)[0]) })
  }

  /// The original's names of a fusion; any of them turns it off.
  private func names(_ fusion: GraphFusion) -> [String] {
    switch fusion {
    case .biasIntoConvolution: return ["ConvBiasaddFusion"]
    case .batchNormIntoConvolution: return ["ConvBatchNormFusion"]
    case .scaleIntoConvolution: return ["ConvScaleFusion"]
    case .addIntoProduct: return ["MatMulAddFusion"]
    case .mulIntoProduct: return ["MatMulMulFusion"]
    case .addIntoFullConnection: return ["FullconnectedAddFusion"]
    case .batchNormIntoProduct: return ["MatMulMulFusion", "FullconnectedAddFusion"]
    case .activationIntoConvolution: return ["ConvActivationFusion", "ActivationFusion"]
    case .activationIntoProduct: return ["MatMulActivationFusion"]
    case .activationIntoAdd: return ["AddActivationFusion"]
    case .activationIntoMul: return ["MulActivationFusion"]
    case .activationIntoScale: return ["ScaleActivationFusion"]
    case .hardSwish: return ["HardSwishFusion"]
    case .sigmoidMul: return ["SigmoidMulFusion"]
    case .padIntoConvolution: return ["ConvPadFusion"]
    }
  }
}
