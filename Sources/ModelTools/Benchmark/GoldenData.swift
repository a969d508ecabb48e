import ConverterCore
import Foundation
import Graph

/// What outputs are compared with, and how much they may differ.
public struct GoldenOptions {
  public var file: String
  /// FLOAT, INT32, INT8 or UINT8: how the numbers of the file are read.
  public var type = "FLOAT"
  /// Largest mean relative error, in percent.
  public var threshold = 0.5
  /// Smallest mean cosine; above -1 it takes the place of the error.
  public var cosine = -1.1
  public init(file: String) { self.file = file }
}

/// Golden outputs in the original's text format: for each tensor a line with its name, rank and dimensions, then its values.
enum GoldenData {
  struct Entry {
    let name: String
    let dims: [Int]
    let values: [Double]
  }

  static func read(_ options: GoldenOptions) throws(EngineError) -> [Entry] {
    let file = try InputFile.open(options.file)
    var words = Words(bytes: file.bytes)
    var entries = [Entry]()
    while let name = words.next() {
      func refuse(_ what: String) -> EngineError {
        EngineError(.inputParameterInvalid, Message(text: "\(options.file): tensor \"\(name)\": \(what); expected its name, rank and dimensions, then its values"))
      }
      guard let rank = words.next().flatMap({ Int($0) }), rank >= 0, rank <= 32 else { throw refuse("no rank") }
      var dims = [Int]()
      for _ in 0..<rank {
        guard let d = words.next().flatMap({ Int($0) }), d >= 0, d <= Int(Int32.max) else { throw refuse("\(dims.count) of \(rank) dimensions") }
        dims.append(d)
      }
      guard let count = Shape(dims).checkedCount, count <= file.bytes.count else { throw refuse("more elements than the file has bytes") }
      var values = [Double]()
      values.reserveCapacity(count)
      for _ in 0..<count {
        guard let word = words.next(), let value = number(word, options.type) else { throw refuse("\(values.count) of \(count) values") }
        values.append(value)
      }
      entries.append(Entry(name: name, dims: dims, values: values))
    }
    if entries.isEmpty { throw EngineError(.inputParameterInvalid, "\(options.file) holds no tensor") }
    return entries
  }

  private static func number(_ word: String, _ type: String) -> Double? {
    guard let value = Double(word) else { return nil }
    return type == "FLOAT" || value == value.rounded() ? value : nil
  }

  private struct Words {
    let bytes: UnsafeRawBufferPointer
    private var position = 0
    init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }
    mutating func next() -> String? {
      while position < bytes.count && bytes[position] <= 32 { position += 1 }
      let start = position
      while position < bytes.count && bytes[position] > 32 { position += 1 }
      return start == position ? nil : String(decoding: bytes[start..<position], as: UTF8.self)
    }
  }

  /// The original's report and whether the thresholds are met. Throws when an output that the file names does not exist or has
  /// another size.
  static func compare(
    _ expected: [Entry], _ outputs: [(name: String, value: TensorValue)], _ options: GoldenOptions
  ) throws(EngineError) -> (String, Bool) {
    let usesCosine = options.cosine > -1
    var text = "================ Comparing Output data ================\n"
    var sum = 0.0
    for entry in expected {
      guard let output = outputs.first(where: { $0.name == entry.name }) else {
        throw EngineError(
          .inputParameterInvalid,
          "\(options.file): no output is named \"\(entry.name)\"; there are \(outputs.map { "\"\($0.name)\"" }.joined(separator: ", "))")
      }
      let values = output.value.reals()
      guard values.count == entry.values.count else {
        throw EngineError(
          .inputParameterInvalid,
          "\(options.file): \"\(entry.name)\" has \(entry.values.count) values; the output has \(values.count) (\(Shape(output.value.dims)))")
      }
      text += "Data of node \(entry.name) : " + values.prefix(50).map { "\(Float($0))" }.joined(separator: " ") + "\n"
      let measure = usesCosine ? cosine(entry.values, values) : bias(entry.values, values)
      sum += measure
      text += usesCosine ? "Cosine distance of node/tensor \(entry.name) : \(measure)\n" : "Mean bias of node/tensor \(entry.name) : \(100 * measure)%\n"
    }
    let mean = sum / Double(expected.count)
    let isMet = usesCosine ? mean >= options.cosine : 100 * mean <= options.threshold
    if usesCosine {
      text += "Cosine distance of all nodes/tensors : \(mean)\n"
      if !isMet { text += "Cosine distance of all nodes/tensors is too small: \(mean), threshold \(options.cosine)\n" }
    } else {
      text += "Mean bias of all nodes/tensors: \(100 * mean)%\n"
      if !isMet { text += "Mean bias of all nodes/tensors is too big: \(100 * mean)%, threshold \(options.threshold)%\n" }
    }
    return (text + "=======================================================\n", isMet)
  }

  /// The original's measure: the mean error of the elements that are not equal within rounding, relative where the expected value
  /// is not zero. Infinite when an element is not a number and should be one.
  private static func bias(_ expected: [Double], _ values: [Double]) -> Double {
    var sum = 0.0
    var count = 0
    for (e, v) in zip(expected, values) {
      if e == v || (e.isNaN && v.isNaN) { continue }
      let error = abs(e - v)
      if !error.isFinite { return .infinity }
      let isZero = abs(e) < Double(Float.ulpOfOne)
      if error <= (isZero ? 1e-5 : 1e-8 + 1e-5 * abs(e)) { continue }
      sum += isZero ? error : error / abs(e)
      count += 1
    }
    return count > 0 ? sum / Double(count) : 0
  }

  private static func cosine(_ a: [Double], _ b: [Double]) -> Double {
    var product = 0.0, first = 0.0, second = 0.0
    for (x, y) in zip(a, b) {
      product += x * y
      first += x * x
      second += y * y
    }
    if first == 0 && second == 0 { return 1 }
    let c = product / (first.squareRoot() * second.squareRoot())
    return c.isNaN ? -1 : c
  }
}
