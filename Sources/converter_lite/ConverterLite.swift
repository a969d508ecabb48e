import ArgumentParser
import Conversion
import ConverterCore
import Foundation
import Graph

/// `converter_lite`, a drop-in for the original's tool. The exit status is the low byte of the original's return code.
@main
struct ConverterLite: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "converter_lite", abstract: "Converts TFLite, ONNX, Caffe, TensorFlow and MindIR models to .ms files.",
    discussion: """
      converter_lite --fmk=TFLITE --modelFile=model.tflite --outputFile=model
      converter_lite --fmk=ONNX --modelFile=model.onnx --outputFile=model --inputShape="x:1,3,224,224"
      """)

  @OptionGroup var arguments: Arguments

  static func main() {
    let command: ConverterLite
    do {
      command = try ConverterLite.parse()
    } catch {
      if ConverterLite.exitCode(for: error) == .success { ConverterLite.exit(withError: error) }
      fail(["\(ConverterLite.message(for: error)) (--help lists the options)"], .inputParameterInvalid)
    }
    command.convert()
  }

  private func convert() {
    let settings: Settings
    do throws(Settings.Mistakes) {
      settings = try Settings(arguments)
    } catch { ConverterLite.fail(error.texts, .inputParameterInvalid) }
    let report = Report()
    if isatty(STDERR_FILENO) != 0 && !settings.quiet {
      report.onProgress = { FileHandle.standardError.write(Data("\r\u{1B}[K\($0)".utf8)) }
    }
    for text in settings.warnings { report.warn(text) }
    var summary: ConversionSummary?
    do throws(EngineError) {
      summary = settings.check ? nil : try Converter.convert(settings.options, report)
      if settings.check { try Converter.check(settings.options, report) }
      if settings.infer && summary != nil { try TrialRun.run(settings.options) }
    } catch { report.add(error) }
    report.onProgress("")

    for text in report.warnings { ConverterLite.note("warning: \(text)") }
    if let first = report.problems.first {
      ConverterLite.fail(ConverterLite.grouped(report.problems), first.code)
    }
    if settings.check {
      print("\(settings.options.input.modelFile): \(report.sourceNodes) nodes, all of them can be converted")
      return
    }
    if let summary, !settings.quiet { print(summary.text) }
    print("CONVERT RESULT SUCCESS:0")
  }

  /// One line for all nodes of a type that have the same problem, in the order of the first of them.
  private static func grouped(_ problems: [Report.Problem]) -> [String] {
    var lines: [(problem: Report.Problem, nodes: [String])] = []
    for problem in problems {
      if !problem.node.isEmpty, let i = lines.firstIndex(where: { $0.problem.type == problem.type && $0.problem.text == problem.text }) {
        lines[i].nodes.append(problem.node)
      } else {
        lines.append((problem, [problem.node]))
      }
    }
    return lines.map { line in
      if line.nodes.count == 1 { return line.problem.description }
      return "\(line.problem.type): \(line.problem.text) (\(line.nodes.count) nodes: \(line.nodes.map { "\"\($0)\"" }.joined(separator: ", ")))"
    }
  }

  private static func note(_ text: String) {
    FileHandle.standardError.write(Data("converter_lite: \(text)\n".utf8))
  }

  private static func fail(_ texts: [String], _ code: EngineError.Code) -> Never {
    for text in texts { note(text) }
    note("Convert failed. Ret: \(-code.rawValue)")
    Foundation.exit(-code.rawValue & 0xff)
  }
}
