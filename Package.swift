// swift-tools-version:6.2
import PackageDescription

// The engine's modules are written in the Embedded subset of Swift. The Makefile builds the released library from them in
// Embedded mode, one compiler call per module (mk/engine.mk); this package builds the same modules as ordinary Swift for the
// unit tests and for the tools.

// The C modules need GNU declarations (processor masks), and all modules must agree on that.
// MSLITE_FUZZING in the environment adds libFuzzer's coverage to the package's own modules. (SwiftPM's --sanitize=fuzzer adds it to
// the schema compiler too, which does not link then.)
let coverage = Context.environment["MSLITE_FUZZING"] == nil ? [] : ["-sanitize=fuzzer"]
// The headers are for the C interface and for the client of the Neural Network Runtime, which everything above the runtime imports.
let gnu: SwiftSetting = .unsafeFlags(["-Xcc", "-D_GNU_SOURCE", "-Xcc", "-I\(Context.packageDirectory)/include"] + coverage)
// Kernel and operator code is unusable without the optimiser, in debug builds too.
let optimised: [SwiftSetting] = [gnu, .unsafeFlags(["-O", "-enforce-exclusivity=unchecked"])]
func kernels(_ flags: [String]) -> [SwiftSetting] {
  // Debug builds expect an object file per source file, which whole-module builds make only when they are multi-threaded.
  [
    gnu, .unsafeFlags(["-Ounchecked", "-wmo", "-disable-cmo"] + flags),
    .unsafeFlags(["-num-threads", "1"], .when(configuration: .debug)),
  ]
}
#if arch(x86_64)
let kernelTargets: [Target] = [
  .target(name: "KernelsAVX2", dependencies: ["CKernels"], swiftSettings: kernels(["-D", "AVX2", "-Xcc", "-march=x86-64-v3"])),
  .target(
    name: "KernelsAVX512", dependencies: ["CKernels"],
    swiftSettings: kernels(["-D", "AVX512", "-Xcc", "-march=x86-64-v4", "-Xcc", "-mprefer-vector-width=512"])),
  .target(
    name: "KernelsHalf", dependencies: ["CKernels"],
    swiftSettings: kernels([
      "-D", "AVX512", "-D", "HALF", "-D", "BF16", "-Xcc", "-march=x86-64-v4", "-Xcc", "-mavx512bf16", "-Xcc", "-mprefer-vector-width=512",
    ])),
  .target(name: "Int8KernelsAVX2", dependencies: ["CKernels"], swiftSettings: kernels(["-D", "AVX2", "-Xcc", "-march=x86-64-v3"])),
  .target(
    name: "Int8KernelsVNNI", dependencies: ["CKernels"],
    swiftSettings: kernels([
      "-D", "VNNI", "-Xcc", "-march=x86-64-v4", "-Xcc", "-mavx512vnni", "-Xcc", "-mprefer-vector-width=512",
    ])),
]
#else
let kernelTargets: [Target] = [
  .target(
    name: "KernelsHalf", dependencies: ["CKernels"],
    swiftSettings: kernels(["-D", "HALF", "-D", "FP16", "-Xcc", "-march=armv8.2-a+fp16"])),
  .target(
    name: "Int8KernelsDot", dependencies: ["CKernels"],
    swiftSettings: kernels(["-D", "DOT", "-Xcc", "-march=armv8.2-a+dotprod"])),
]
#endif
let kernelNames = ["Kernels", "KernelsReference", "Int8Kernels"] + kernelTargets.map(\.name)
let kernelDependencies = kernelNames.map { Target.Dependency.target(name: $0) }

let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let engine: [Target.Dependency] = ["CSystem", "System", "Graph", "ModelFile", "Operators", "Optimizer", "KernelSelection", "CKernels"]
let schemas: [Target.PluginUsage] = ["ProtobufSchemas"]
// The converter and the tools: ordinary Swift on the engine's modules.
let converterTargets: [Target] = [
  .plugin(
    name: "ProtobufSchemas", capability: .buildTool(),
    dependencies: [.product(name: "protoc-gen-swift", package: "swift-protobuf")]),
  .target(name: "ConverterCore", dependencies: engine, swiftSettings: [gnu]),
  .target(name: "ImportTFLite", dependencies: engine + ["ConverterCore", "FlatBuffers"], swiftSettings: [gnu]),
  .target(name: "ImportONNX", dependencies: engine + ["ConverterCore", protobuf], swiftSettings: [gnu], plugins: schemas),
  .target(name: "ImportCaffe", dependencies: engine + ["ConverterCore", protobuf], swiftSettings: [gnu], plugins: schemas),
  .target(name: "ImportTensorFlow", dependencies: engine + ["ConverterCore", protobuf], swiftSettings: [gnu], plugins: schemas),
  .target(name: "ImportMindIR", dependencies: engine + ["ConverterCore", protobuf], swiftSettings: [gnu], plugins: schemas),
  .target(name: "Differentiation", dependencies: engine + ["ConverterCore"], swiftSettings: [gnu]),
  .target(name: "ConverterPasses", dependencies: engine + ["ConverterCore"], swiftSettings: [gnu]),
  .systemLibrary(name: "CPictures", path: "Sources/CPictures/include"),
  .target(name: "Quantization", dependencies: engine + ["CPictures", "ConverterCore", "Runtime"], swiftSettings: optimised),
  .target(
    name: "Conversion",
    dependencies: engine + [
      "ConverterCore", "ConverterPasses", "Differentiation", "Quantization", "Runtime", "ImportTFLite", "ImportONNX", "ImportCaffe", "ImportTensorFlow",
      "ImportMindIR",
    ], swiftSettings: [gnu]),
  .target(
    name: "ModelTools", dependencies: engine + ["CMindSpore", "Conversion", "ConverterCore", "FlatBuffers", "Runtime"],
    swiftSettings: [gnu]),
  .target(
    name: "ImporterFuzzing",
    dependencies: engine + [
      "ConverterCore", "ConverterPasses", "ImportTFLite", "ImportONNX", "ImportCaffe", "ImportTensorFlow", "ImportMindIR",
    ], path: "Tests/Fuzz/Importers", swiftSettings: [gnu]),
  .executableTarget(name: "converter_lite", dependencies: engine + ["Conversion", "ConverterCore", "Differentiation", arguments], swiftSettings: [gnu]),
  .executableTarget(
    name: "mslite", dependencies: engine + ["CMindSpore", "Conversion", "ConverterCore", "ModelTools", "Runtime", arguments],
    swiftSettings: [gnu]),
]

let package = Package(
  name: "mslite",
  products: [.library(name: "ImporterFuzzing", type: .dynamic, targets: ["ImporterFuzzing"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
  ],
  targets: [
    .systemLibrary(name: "CMindSpore", path: "include"),
    .systemLibrary(name: "CSystem", path: "Sources/CSystem/include"),
    .systemLibrary(name: "CKernels", path: "Sources/CKernels/include"),
    .systemLibrary(name: "CNNRt", path: "Sources/CNNRt/include"),
    .target(name: "System", dependencies: ["CSystem"], swiftSettings: optimised),
    .target(name: "Kernels", dependencies: ["CKernels"], swiftSettings: kernels([])),
    .target(name: "Int8Kernels", dependencies: ["CKernels"], swiftSettings: kernels([])),
    .target(name: "KernelsReference", dependencies: ["CKernels", "CSystem"], swiftSettings: kernels([])),
    .target(name: "KernelSelection", dependencies: ["CKernels", "CSystem"] + kernelDependencies, swiftSettings: optimised),
    .target(name: "FlatBuffers", swiftSettings: optimised),
    .target(name: "CInterface", dependencies: ["CSystem"], swiftSettings: optimised),
    .target(name: "Graph", swiftSettings: optimised),
    .target(name: "ModelFile", dependencies: ["CSystem", "System", "FlatBuffers", "Graph"], swiftSettings: optimised),
    .target(
      name: "Operators", dependencies: ["CSystem", "CKernels", "System", "KernelSelection", "Graph"], swiftSettings: optimised),
    .target(name: "Optimizer", dependencies: ["CSystem", "CKernels", "Graph", "Operators", "System"], swiftSettings: optimised),
    .target(
      name: "NNRt", dependencies: ["CNNRt", "CSystem", "CKernels", "System", "Graph", "KernelSelection", "Operators"],
      swiftSettings: optimised),
    .target(
      name: "Runtime", dependencies: ["CSystem", "System", "Graph", "ModelFile", "NNRt", "Operators", "Optimizer", "KernelSelection"],
      swiftSettings: optimised),
    .target(
      name: "MSLite", dependencies: ["CInterface", "CMindSpore", "CSystem", "CKernels", "System", "KernelSelection", "Graph", "NNRt", "Runtime"],
      swiftSettings: optimised),
    .target(name: "NNRtTypes", swiftSettings: optimised),
    .target(
      name: "NeuralNetworkRuntime", dependencies: ["CInterface", "CSystem", "NNRtTypes", "System"], swiftSettings: optimised),
    .testTarget(
      name: "KernelTests", dependencies: ["CKernels", "CSystem"] + kernelDependencies, swiftSettings: optimised),
    .testTarget(name: "FlatBuffersTests", dependencies: ["FlatBuffers"], swiftSettings: [gnu]),
    .testTarget(name: "ModelFileTests", dependencies: ["ModelFile", "System", "CSystem", "FlatBuffers", "Graph"], swiftSettings: [gnu]),
    .testTarget(
      name: "OperatorTests", dependencies: ["Operators", "ModelFile", "Graph", "System", "KernelSelection", "CKernels"],
      swiftSettings: optimised),
    .testTarget(name: "GraphTests", dependencies: ["Graph"], swiftSettings: [gnu]),
    .testTarget(
      name: "RuntimeTests",
      dependencies: ["Runtime", "NNRt", "Optimizer", "Operators", "ModelFile", "FlatBuffers", "Graph", "System", "KernelSelection"],
      swiftSettings: [gnu]),
    .testTarget(
      name: "ConverterTests", dependencies: engine + ["Conversion", "ConverterCore", "ConverterPasses", "Quantization", "Runtime"],
      swiftSettings: [gnu]),
  ] + kernelTargets + converterTargets,
  swiftLanguageModes: [.v6]
)
