import Foundation
import Graph
import Testing

@testable import Operators

/// Operators on strings. The hashes were recorded from TensorFlow 2.21 (Fingerprint, farmhash64), the normalised texts from the
/// original's list of regular expressions run by Python's re.
struct TextTests {
  static func strings(_ list: [String]) -> Value {
    var header = [Int32(list.count)], at = Int32(4 * (list.count + 2)), bytes = [UInt8]()
    for s in list {
      header.append(at)
      at += Int32(s.utf8.count)
      bytes += Array(s.utf8)
    }
    header.append(at)
    let all = header.withUnsafeBytes { [UInt8]($0) } + bytes
    return Value(.string, [all.count], all)
  }

  static var broken: [Value] { [
    Value(.string, [0], [UInt8]()), Value(.string, [4], [0, 0, 0, 0] as [UInt8]),
    // More strings than bytes, a negative number of them, an end outside, an end before the start, a start in the header.
    Value(.string, [12], [Int32(1000), 12, 12]), Value(.string, [12], [Int32(-1), 8, 8]), Value(.string, [12], [Int32(1), 12, 13]),
    Value(.string, [16], [Int32(1), 14, 13, 0]), Value(.string, [12], [Int32(1), 4, 12]), Value(.string, [12], [Int32.max, 4, 12]),
  ] }

  @Test func hash() {
    let recorded: [(Int, UInt64)] = [
      (1, 12917804110809363939), (3, 3268219959478574187), (4, 8899178591127745170), (7, 17088493756539222794),
      (8, 10643460534063147040), (15, 11791221699636333675), (16, 17624453864830929246), (17, 2237273621417572890),
      (31, 626755416451493349), (32, 10824083725960157628), (33, 8045080651094301868), (63, 17616674404211046101),
      (64, 16149515108185634462), (65, 2768067016444695309), (100, 15524442050350733416), (127, 4960837163188540313),
      (128, 10481128642166395277), (129, 1060550032972533880), (200, 15075557378531049012),
    ]
    for (n, wanted) in recorded {
      let bytes = (0..<n).map { UInt8(97 + ($0 * 7) % 26) }
      #expect(bytes.withUnsafeBytes { StringHash.of($0) } == wanted, "\(n) bytes")
    }
  }

  @Test func hashtableLookup() throws {
    let run = OperatorRun(kind: .hashtableLookup, known: [0, 1, 2])
    let keys = Value.ints([-5, 2, 7, Int32.max]), values = TextTests.strings(["minus", "", "seven", "äöü"])
    let y = try run([.ints([7, 3, -5, 2, Int32.max, Int32.min]), keys, values], outputs: 2)
    #expect(y[0] == TextTests.strings(["seven", "", "minus", "", "äöü", ""]))
    #expect(y[1] == Value(.uint8, [6], [1, 0, 1, 1, 1, 0] as [UInt8]))
    #expect(try run([.ints([]), keys, values], outputs: 2)[0] == TextTests.strings([]))
    // Keys without values, or values without keys, are not found.
    #expect(try run([.ints([7]), .ints([]), values], outputs: 2)[1].bytes == [0])
    #expect(try run([.ints([7]), keys, TextTests.strings(["a"])], outputs: 2)[1].bytes == [0])
    for b in TextTests.broken { #expect(run.refusal([.ints([7]), keys, b], outputs: 2).hasPrefix("input 2")) }
    #expect(OperatorRun(kind: .hashtableLookup, known: [1, 2]).refusal([.ints([7]), keys, values], outputs: 2) == "deferred")
  }

  @Test func lshProjection() throws {
    func run(_ type: Int64) -> OperatorRun { OperatorRun(kind: .lshProjection, attributes: attributes((0, .int(type)))) }
    let seeds = Value.floats([2, 3], [0.123, 0.456, -1.5, 1.25, 0.5, 0.75])
    let features = Value.ints([12345, 54321, 67890, 9876, 12_345_678]), weights = Value.floats([5], [0.12, 0.34, 0.56, 0.67, 0.78])
    #expect(try run(1)([seeds, features, weights])[0] == .ints([4, 8]))
    #expect(try run(1)([seeds, features])[0] == .ints([5, 9]))
    #expect(try run(2)([seeds, features, weights])[0] == .ints([1, 0, 0, 0, 0, 0]))
    #expect(try run(2)([seeds, features])[0] == .ints([1, 0, 1, 0, 0, 1]))
    // Weights that cancel out, are no numbers, or are none: no sum is positive.
    #expect(try run(2)([seeds, features, .floats([5], [0, 0, 0, 0, 0])])[0].ints == [0, 0, 0, 0, 0, 0])
    #expect(try run(2)([seeds, features, .floats([5], [.nan, 0, 0, 0, 0])])[0].ints == [0, 0, 0, 0, 0, 0])
    #expect(try run(1)([seeds, .ints([])])[0].ints == [0, 8])
    // 32 bits fill the number.
    #expect(try run(1)([.floats([1, 32], [Float](repeating: 0.123, count: 32)), features])[0].ints == [-1])
    #expect(run(1).refusal([.floats([1, 33], [Float](repeating: 0, count: 33)), features]).contains("at most 32 bits"))
    #expect(run(0).refusal([seeds, features]).contains("projection type 0"))
    #expect(run(1).refusal([seeds, features, .floats([1], [1])]).contains("as many as the features"))
  }

  /// Word sequences by their definition: every ascending choice of positions whose gaps are small enough.
  private func grams(_ words: [String], size: Int, skip: Int, all: Bool) -> Set<String> {
    var found = Set<String>()
    for mask in 1..<(1 << words.count) {
      let at = words.indices.filter { mask >> $0 & 1 == 1 }
      if at.count > size || !all && at.count != size { continue }
      if zip(at, at.dropFirst()).allSatisfy({ $1 - $0 <= skip + 1 }) { found.insert(at.map { words[$0] }.joined(separator: " ")) }
    }
    return found
  }

  private func skipGram(_ size: Int64, _ skip: Int64, _ all: Bool) -> OperatorRun {
    OperatorRun(kind: .skipGram, attributes: attributes((0, .bool(all)), (1, .int(skip)), (2, .int(size))), known: [0])
  }

  @Test func skipGram() throws {
    let words = ["the", "quick", "brown", "fox", "jumps", "over"]
    let sentence = TextTests.strings(["  the quick  brown fox jumps over "])
    for size in 1...7 {
      for skip in 0...3 {
        for all in [false, true] {
          let y = try skipGram(Int64(size), Int64(skip), all)([sentence])[0]
          let found = TextTests.decode(y)
          #expect(Set(found) == grams(words, size: size, skip: skip, all: all) && Set(found).count == found.count, "\(size) \(skip) \(all)")
        }
      }
    }
    // The order of TensorFlow Lite: what a sequence begins comes before it.
    #expect(try skipGram(3, 0, true)([TextTests.strings(["a b c"])])[0] == TextTests.strings(["a b c", "a b", "a", "b c", "b", "c"]))
    #expect(try skipGram(2, 1, false)([TextTests.strings(["a b c d"])])[0] == TextTests.strings(["a b", "a c", "b c", "b d", "c d"]))
    for s in ["", "   "] { #expect(try skipGram(1, 1, true)([TextTests.strings([s])])[0] == TextTests.strings([])) }
    #expect(skipGram(0, 1, true).refusal([sentence]).contains("ngram_size is 0"))
    #expect(skipGram(1, -1, true).refusal([sentence]).contains("max_skip_size -1"))
    #expect(skipGram(1, 1, true).refusal([TextTests.strings(["a", "b"])]).contains("holds 2 strings"))
    for b in TextTests.broken { #expect(skipGram(1, 1, true).refusal([b]).hasPrefix("input 0")) }
    // Astronomically many sequences end in an error.
    let long = TextTests.strings([(0..<60).map { "w\($0)" }.joined(separator: " ")])
    #expect(skipGram(40, 60, false).refusal([long]).contains("more than"))
  }

  static func decode(_ v: Value) -> [String] {
    let header = v.bytes.withUnsafeBytes { raw in (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self) } }
    return (0..<Int(header[0])).map { String(decoding: v.bytes[Int(header[$0 + 1])..<Int(header[$0 + 2])], as: UTF8.self) }
  }

  @Test func features() throws {
    let run = OperatorRun(kind: .customExtractFeatures, known: [0])
    let texts = ["<S>", "<E>", "<S> <E>", "<s>", "hello", "two words", "", " a  b "]
    let y = try run([TextTests.strings(texts)], outputs: 2)
    let hashes = texts.map { t -> UInt64 in
      t.isEmpty ? 0x9ae1_6a3b_2f90_404f : Array(t.utf8).withUnsafeBytes { StringHash.of($0) }
    }
    let labels = texts.indices.map { i -> Int32 in i < 3 ? 0 : Int32(hashes[i] % 1_000_000) }
    #expect(y[0].ints == labels)
    #expect(y[1].floats == [0, 0, 0, 1, 1, 2, 1, 5])
    let none = try run([TextTests.strings([])], outputs: 2)
    #expect(none[0] == .ints([0]) && none[1] == .floats([1], [0]))
    for b in TextTests.broken { #expect(run.refusal([b], outputs: 2).hasPrefix("input 0")) }
    #expect(OperatorRun(kind: .customExtractFeatures, known: []).refusal([TextTests.strings([])], outputs: 2) == "deferred")
  }

  @Test func normalize() throws {
    let run = OperatorRun(kind: .customNormalize, known: [0])
    let recorded = [
      ("Hello, World", "hello, world"), ("  I'm  fine. You're (not) *here*?? ", "i am  fine you are not here ?"),
      ("Do n't go !! Wo n't I", "do not go  !  wo not i"), ("what 's up , he 'll come 're", "what's up , he will come are"),
      ("'ll start they'll've won'tn't", "ll start they will have won't not"), ("?!?!a?!b!?  c", "? !? !a ? !b ! ?  c"),
      ("-- 'quoted' --", "quoted"), ("", ""), ("   ", ""), ("it 's  's; x 'd/y 'm", "it's 's; x'd/y'm"),
      ("We'll'll go can'nt x'nt", "we'll will go can not x not"), ("i'mi'm I'M", "i ami am i am"), ("a\tb 't\n'd ,", "a\tb't\n'd"),
      ("&,:;-", ""), (String(repeating: "x", count: 320) + "?", String(repeating: "x", count: 300)),
    ]
    for (text, wanted) in recorded {
      #expect(try TextTests.decode(run([TextTests.strings([text])])[0]) == ["<S> \(wanted) <E>"])
    }
    let all = try run([TextTests.strings(recorded.map { $0.0 })])[0]
    #expect(TextTests.decode(all) == recorded.map { "<S> \($0.1) <E>" })
    #expect(try run([TextTests.strings([])])[0] == TextTests.strings(["\0"]))
    for b in TextTests.broken { #expect(run.refusal([b]).hasPrefix("input 0")) }
  }

  private func predict(_ n: Int64, _ threshold: Double) -> OperatorRun {
    OperatorRun(kind: .customPredict, attributes: attributes((0, .int(n)), (1, .float(threshold))))
  }

  @Test func predict() throws {
    let keys = Value.ints([1, 5, 9]), labels = Value.ints([3, 2], [10, 20, 20, 30, 10, 40])
    let weights = Value.floats([3, 2], [1, 2, 4, 0.5, 8, 0.25])
    // 1 votes for 10 and 20, 9 twice for 10 and 40, 7 is no key: sums over four numbers.
    let y = try predict(4, 0.2)([.ints([1, 9, 7, 9]), keys, labels, weights], outputs: 2)
    #expect(y[0].ints == [10, 20, -1, -1] && y[1].floats == [4.25, 0.5, 0, 0])
    let low = try predict(5, 0)([.ints([9, 5, 1]), keys, labels, weights], outputs: 2)
    #expect(low[0].ints == [10, 20, 30, 40, -1])
    DetectionTests.expect(low[1], [5], [3, 2, 0.5 / 3, 0.25 / 3, 0])
    // Equal sums keep their order; nothing to vote; no room.
    #expect(try predict(2, 0)([.ints([1]), .ints([1]), .ints([1, 3], [7, 6, 5]), .floats([1, 3], [1, 1, 1])], outputs: 2)[0].ints == [7, 6])
    for empty in [Value.ints([]), .ints([2, 3])] {
      #expect(try predict(2, 0)([empty, keys, labels, weights], outputs: 2)[0].ints == [-1, -1])
    }
    #expect(try predict(0, 0)([.ints([1]), keys, labels, weights], outputs: 2)[0].dims == [0])
    #expect(try predict(1, 0)([.ints([1]), .ints([]), .ints([0, 2], []), .floats([0, 2], [])], outputs: 2)[0].ints == [-1])
    // Many labels.
    let n = 500
    let big = try predict(3, 0)(
      [.ints((0..<100).map { Int32($0) }), .ints((0..<100).map { Int32($0) }), .ints([100, 5], (0..<n).map { Int32($0 * 7919 % 250) }),
       .floats([100, 5], (0..<n).map { Float($0 % 13) })], outputs: 2)
    var sums = [Int: Float](), order = [Int]()
    for i in 0..<n {
      if sums[i * 7919 % 250] == nil { order.append(i * 7919 % 250) }
      sums[i * 7919 % 250, default: 0] += Float(i % 13) / 100
    }
    let best = order.sorted { sums[$0]! > sums[$1]! }.prefix(3)
    #expect(big[0].ints == best.map { Int32($0) } && big[1].floats == best.map { sums[$0]! })
    #expect(predict(-1, 0).refusal([.ints([1]), keys, labels, weights], outputs: 2).contains("output_num is -1"))
    #expect(predict(1, 0).refusal([.ints([1]), .ints([1, 2, 3, 4]), labels, weights], outputs: 2).contains("one row for each key"))
    #expect(predict(1, 0).refusal([.ints([1]), keys, labels, .floats([1], [1])], outputs: 2).contains("same shape"))
  }
}
