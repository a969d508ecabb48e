import Graph

// CustomNormalize. Attributes: none. Input: strings.

/// English text in the form that short-answer models expect, framed by "<S> " and " <E>": lower case without . * ( ) ", no space
/// before a contraction ('t n't 'd 'll 's 'm 've 're), some contractions in full, repeated ? and ! once and set apart by spaces,
/// no punctuation at the ends, at most 300 bytes. No strings give one string of a zero byte.
final class TextNormalizeOperator: StringOperator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireType(0, .string)
  }

  override func collect() throws(EngineError) {
    let strings = try StringTensor(inputs[0], input: 0)
    for i in 0..<strings.count {
      result.append(NormalizedText.make(strings[i]))
      try result.endString()
    }
    if strings.count == 0 {
      result.append(0)
      try result.endString()
    }
  }
}

/// The steps, each on the bytes that the one before it has left.
struct NormalizedText {
  private var text: [UInt8] = []

  static func make(_ source: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    var t = NormalizedText()
    for c in source { t.text.append(c >= UInt8(ascii: "A") && c <= UInt8(ascii: "Z") ? c + 32 : c) }
    t.strip(alsoPunctuation: false)
    t.dropPunctuation()
    t.joinContractions()
    t.writeOut("'ll", as: " will")
    t.writeOut("'nt", as: " not")
    t.writeOut("'re", as: " are")
    t.writeOut("'ve", as: " have")
    t.writeOut("n't", as: " not")
    t.writeOutIAm()
    t.setMarksApart()
    t.strip(alsoPunctuation: true)
    if t.text.count > 300 { t.text.removeLast(t.text.count - 300) }
    var framed: [UInt8] = [UInt8(ascii: "<"), UInt8(ascii: "S"), UInt8(ascii: ">"), space]
    framed += t.text
    return framed + [space, UInt8(ascii: "<"), UInt8(ascii: "E"), UInt8(ascii: ">")]
  }

  private static let space = UInt8(ascii: " ")

  private static func isSpace(_ c: UInt8) -> Bool { c == space || c >= 9 && c <= 13 }
  private static func isMark(_ c: UInt8) -> Bool { c == UInt8(ascii: "?") || c == UInt8(ascii: "!") }
  private static func isSeparator(_ c: UInt8) -> Bool {
    c == UInt8(ascii: ",") || c == UInt8(ascii: ":") || c == UInt8(ascii: ";")
  }
  private static func isEndPunctuation(_ c: UInt8) -> Bool {
    isSpace(c) || isSeparator(c) || c == UInt8(ascii: "-") || c == UInt8(ascii: "&") || c == UInt8(ascii: "'")
      || c == UInt8(ascii: "\"")
  }

  /// The letters stand at `at`.
  private func matches(_ letters: StaticString, _ at: Int) -> Bool {
    let n = letters.utf8CodeUnitCount
    if at < 0 || at + n > text.count { return false }
    for i in 0..<n where text[at + i] != letters.utf8Start[i] { return false }
    return true
  }

  private mutating func append(_ letters: StaticString, to out: inout [UInt8]) {
    for i in 0..<letters.utf8CodeUnitCount { out.append(letters.utf8Start[i]) }
  }

  /// Drops spaces, and with them punctuation, at both ends.
  private mutating func strip(alsoPunctuation: Bool) {
    var (start, end) = (0, text.count)
    func goes(_ c: UInt8) -> Bool { alsoPunctuation ? NormalizedText.isEndPunctuation(c) : NormalizedText.isSpace(c) }
    while start < end && goes(text[start]) { start += 1 }
    while end > start && goes(text[end - 1]) { end -= 1 }
    text = [UInt8](text[start..<end])
  }

  private mutating func dropPunctuation() {
    var out = [UInt8]()
    for c in text {
      switch c {
      case UInt8(ascii: "."), UInt8(ascii: "*"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "\""): break
      default: out.append(c)
      }
    }
    text = out
  }

  /// The length of the contraction at `at`; nil when there is none that a space or separator, or the text's end, follows.
  private func contraction(_ at: Int, atEnd: Bool) -> Int? {
    let all: [StaticString] = ["'t", "'nt", "n't", "'d", "'ll", "'s", "'m", "'ve", "'re"]
    for letters in all where matches(letters, at) {
      let end = at + letters.utf8CodeUnitCount
      if atEnd ? end == text.count : end < text.count && isDelimiter(text[end]) { return letters.utf8CodeUnitCount }
    }
    return nil
  }

  private func isDelimiter(_ c: UInt8) -> Bool {
    NormalizedText.isSpace(c) || NormalizedText.isSeparator(c) || c == UInt8(ascii: "/")
  }

  /// Drops the space before a contraction: first inside the text, where the delimiter behind it counts as seen, then at its end.
  private mutating func joinContractions() {
    for atEnd in [false, true] {
      var out = [UInt8]()
      var i = 0
      while i < text.count {
        if NormalizedText.isSpace(text[i]), let n = contraction(i + 1, atEnd: atEnd) {
          let end = min(i + 1 + n + (atEnd ? 0 : 1), text.count)
          out += text[i + 1..<end]
          i = end
        } else {
          out.append(text[i])
          i += 1
        }
      }
      text = out
    }
  }

  /// Replaces the last of the endings in every run of characters that are no spaces, if something precedes it there.
  private mutating func writeOut(_ ending: StaticString, as full: StaticString) {
    var out = [UInt8]()
    var start = 0
    while start < text.count {
      if NormalizedText.isSpace(text[start]) {
        out.append(text[start])
        start += 1
        continue
      }
      var end = start
      while end < text.count && !NormalizedText.isSpace(text[end]) { end += 1 }
      var at = end - ending.utf8CodeUnitCount
      while at > start && !matches(ending, at) { at -= 1 }
      if at > start {
        out += text[start..<at]
        append(full, to: &out)
        out += text[at + ending.utf8CodeUnitCount..<end]
      } else {
        out += text[start..<end]
      }
      start = end
    }
    text = out
  }

  private mutating func writeOutIAm() {
    var out = [UInt8]()
    var i = 0
    while i < text.count {
      if matches("i'm", i) {
        append("i am", to: &out)
        i += 3
      } else {
        out.append(text[i])
        i += 1
      }
    }
    text = out
  }

  /// Each run of one mark becomes one mark, with spaces around it behind other text, and between two marks.
  private mutating func setMarksApart() {
    var once = [UInt8]()
    for c in text where !(NormalizedText.isMark(c) && once.last == c) { once.append(c) }
    var spaced = [UInt8]()
    for i in once.indices {
      let follows = NormalizedText.isMark(once[i]) && i > 0 && !NormalizedText.isMark(once[i - 1])
      if follows { spaced.append(NormalizedText.space) }
      spaced.append(once[i])
      if follows { spaced.append(NormalizedText.space) }
    }
    var out = [UInt8]()
    var i = 0
    while i < spaced.count {
      out.append(spaced[i])
      if i + 1 < spaced.count && NormalizedText.isMark(spaced[i]) && NormalizedText.isMark(spaced[i + 1]) {
        out.append(NormalizedText.space)
        out.append(spaced[i + 1])
        i += 1
      }
      i += 1
    }
    text = out
  }
}
