import ArgumentParser
import Foundation

/// `mslite`: looks into models, compares and times them.
struct MSLiteTool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mslite", abstract: "Looks into models, compares and times them.",
    subcommands: [InspectCommand.self, CompareCommand.self, BenchmarkCommand.self])
}

@main
enum Program {
  /// Under the name `benchmark` the tool is the original's tool of that name.
  static func main() {
    let arguments = CommandLine.arguments
    let name = arguments.first?.split(separator: "/").last ?? ""
    let rest = completed(Array(arguments.dropFirst()))
    if name == "benchmark" { BenchmarkCommand.main(rest) } else { MSLiteTool.main(rest) }
  }

  /// Gives the original's switches, which may stand without a value, the value true.
  private static func completed(_ arguments: [String]) -> [String] {
    let switches = ["enableFp16", "enableParallel", "timeProfiling", "perfProfiling", "enableParallelPredict", "enableGLTexture", "enableSharedThreadPool"]
    let bare = Set(switches.flatMap { name in spellings(name).map { "--" + $0 } })
    var out = [String]()
    for (i, argument) in arguments.enumerated() {
      let next = i + 1 < arguments.count ? arguments[i + 1] : "--"
      out.append(bare.contains(argument) && Switch(argument: next) == nil ? argument + "=true" : argument)
    }
    return out
  }
}
