import Foundation
import PackagePlugin

/// Runs protoc over the `.proto` files of a target. swift-protobuf's own plugin would build protoc from C++ sources first, which
/// takes minutes; this one takes the installed protoc (Debian: protobuf-compiler), or the one that PROTOC_PATH names.
@main
struct ProtobufSchemas: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: Target) async throws -> [Command] {
    guard let target = target as? SourceModuleTarget else { return [] }
    let generator = try context.tool(named: "protoc-gen-swift").url
    let protoc = URL(fileURLWithPath: ProcessInfo.processInfo.environment["PROTOC_PATH"] ?? "/usr/bin/protoc")
    return target.sourceFiles(withSuffix: "proto").map { schema in
      let folder = schema.url.deletingLastPathComponent()
      let generated = schema.url.deletingPathExtension().lastPathComponent + ".pb.swift"
      return .buildCommand(
        displayName: "Generating \(generated)", executable: protoc,
        arguments: [
          "--plugin=protoc-gen-swift=\(generator.path)", "--swift_out=\(context.pluginWorkDirectoryURL.path)",
          "-I", folder.path, schema.url.path,
        ],
        inputFiles: [schema.url, generator], outputFiles: [context.pluginWorkDirectoryURL.appendingPathComponent(generated)])
    }
  }
}
