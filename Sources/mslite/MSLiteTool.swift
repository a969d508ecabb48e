import ArgumentParser
import Foundation

/// `mslite`: looks into models, compares and times them.
struct MSLiteTool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mslite", abstract: "Looks into models, compares and times them.",
    subcommands: [InspectCommand.self, CompareCommand.self])
}

@main
enum Program {
  static func main() {
    MSLiteTool.main()
  }
}
