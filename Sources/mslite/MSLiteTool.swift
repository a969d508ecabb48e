import ArgumentParser

/// `mslite`: looks into models, compares and times them.
@main
struct MSLiteTool: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "mslite", abstract: "Looks into models, compares and times them.")
}
