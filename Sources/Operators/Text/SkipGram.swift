import Graph

// Attributes: 0 include_all_grams: bool, false; 1 max_skip_size: int, 0; 2 ngram_size: int, at least 1. Input: one string.

/// The sequences of ngram_size words (with include_all_grams also of fewer) in which at most max_skip_size words are left out
/// between neighbours, joined by spaces; words lie between spaces. The sequences that a sequence begins come before it.
final class SkipGramOperator: StringOperator {
  private let takesAll: Bool
  private let skip: Int, size: Int

  /// Sequences that are looked at before the operator gives up.
  private static let limit = 1 << 24

  override init(_ node: Node) throws(EngineError) {
    takesAll = node.attributes.bool(0, false)
    skip = node.attributes.int(1, 0)
    size = node.attributes.int(2, 0)
    try super.init(node)
    if size < 1 || skip < 0 {
      throw EngineError(.parameterInvalid, "ngram_size is \(size) and max_skip_size \(skip); at least 1 and 0 are accepted")
    }
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireType(0, .string)
  }

  override func collect() throws(EngineError) {
    let strings = try StringTensor(inputs[0], input: 0)
    if strings.count != 1 { throw EngineError(.inferError, "input 0 (\(inputs[0])) holds \(strings.count) strings; one is accepted") }
    let sentence = strings[0]
    var words = [Range<Int>]()
    var start = 0
    for i in 0...sentence.count where i == sentence.count || sentence[i] == UInt8(ascii: " ") {
      if i > start { words.append(start..<i) }
      start = i + 1
    }
    if words.isEmpty { return }
    // The words of the sequence at hand; `depth` of them count.
    var chosen = [Int](repeating: 0, count: min(size, words.count) + 1)
    var depth = 1, steps = 0
    while depth > 0 {
      steps += 1
      if steps > SkipGramOperator.limit {
        throw EngineError(.error, "the sentence's \(words.count) words have more than \(SkipGramOperator.limit) sequences")
      }
      // Go on to a longer sequence, by the word after the one last tried at its end.
      let next = depth < size ? chosen[depth] + 1 : words.count
      if next < words.count && next - chosen[depth - 1] <= skip + 1 {
        chosen[depth] = next
        depth += 1
        if depth < chosen.count { chosen[depth] = next }
        continue
      }
      if takesAll || depth == size {
        for i in 0..<depth {
          if i > 0 { result.append(UInt8(ascii: " ")) }
          result.append(UnsafeBufferPointer(rebasing: sentence[words[chosen[i]]]))
        }
        try result.endString()
      }
      depth -= 1
      // A first word has no end to which the next one could be tried.
      if depth == 0 && chosen[0] + 1 < words.count {
        chosen[0] += 1
        depth = 1
        if chosen.count > 1 { chosen[1] = chosen[0] }
      }
    }
  }
}
