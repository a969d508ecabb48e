#include "tokenizer.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "unicode.hpp"

namespace {

// Longer words are unknown ones.
constexpr std::size_t longest_word = 100;

// The character that starts at `at`, which moves behind it; 0xfffd for a byte that starts none.
char32_t next_character(std::string_view text, std::size_t &at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(at++);
  if (first < 0x80) return first;
  const unsigned more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  char32_t code = first & (0x3f >> more);
  if (first < 0xc2 || first > 0xf4 || text.size() - at < more) return 0xfffd;
  for (std::size_t i = at; i < at + more; i++) {
    if ((byte(i) & 0xc0) != 0x80) return 0xfffd;
    code = code << 6 | (byte(i) & 0x3f);
  }
  // Longer than need be, halves of pairs, and what is beyond Unicode.
  constexpr char32_t least[] = {0, 0x80, 0x800, 0x10000};
  if (code < least[more] || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff) return 0xfffd;
  at += more;
  return code;
}

void append_utf8(char32_t code, std::string &text) {
  const int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr unsigned marks[] = {0, 0xc0, 0xe0, 0xf0};
  text += static_cast<char>(marks[more] | code >> 6 * more);
  for (int i = more - 1; i >= 0; i--) text += static_cast<char>(0x80 | (code >> 6 * i & 0x3f));
}

template <std::size_t N>
bool contains(const unicode::Range (&ranges)[N], char32_t code) {
  const auto after = std::upper_bound(ranges, ranges + N, code, [](char32_t c, const unicode::Range &range) { return c < range.first; });
  return after != ranges && code <= std::prev(after)->last;
}

// Chinese characters, each of which is a word. (As the model's tokenizer has them, which leaves 256 of extension E out.)
constexpr unicode::Range ideographs[] = {{0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xf900, 0xfaff},  {0x20000, 0x2a6df},
                                         {0x2a700, 0x2b81f}, {0x2b920, 0x2ceaf}, {0x2f800, 0x2fa1f}};

// The character as the model knows it: in lower case, without accents, or nothing.
std::u32string plain(char32_t code) {
  if (code >= 'a' && code <= 'z') return {code};
  // Hangul syllables are made of two or three letters.
  if (code >= 0xac00 && code <= 0xd7a3) {
    const char32_t i = code - 0xac00, last = i % 28;
    std::u32string parts = {0x1100 + i / 588, 0x1161 + i % 588 / 28};
    if (last != 0) parts += 0x11a7 + last;
    return parts;
  }
  if (contains(unicode::dropped, code)) return {};
  const auto letter = std::lower_bound(std::begin(unicode::letters), std::end(unicode::letters), code,
                                       [](const unicode::Letter &a, char32_t c) { return a.from < c; });
  if (letter == std::end(unicode::letters) || letter->from != code) return {code};
  return std::u32string(letter->to, std::find(letter->to, letter->to + 3, U'\0'));
}

}  // namespace

Tokenizer::Tokenizer(const std::string &vocabulary_path) {
  std::ifstream file(vocabulary_path);
  if (!file) throw std::runtime_error(vocabulary_path + ": cannot be opened");
  std::int32_t number = 0;
  for (std::string line; std::getline(file, line);) numbers_.emplace(line, number++);
  unknown_ = special("[UNK]");
  begin_ = special("[CLS]");
  end_ = special("[SEP]");
}

std::int32_t Tokenizer::special(const std::string &name) const {
  const auto found = numbers_.find(name);
  if (found == numbers_.end()) throw std::runtime_error("the vocabulary has no " + name);
  return found->second;
}

// From the left, the longest part that the vocabulary has.
void Tokenizer::append_word(const std::u32string &word, std::vector<std::int32_t> &numbers) const {
  const std::size_t before = numbers.size();
  bool known = word.size() <= longest_word;
  for (std::size_t first = 0; known && first < word.size();) {
    known = false;
    std::string part = first == 0 ? "" : "##";
    // Where each character of `part` ends.
    std::vector<std::size_t> ends;
    for (std::size_t i = first; i < word.size(); i++) {
      append_utf8(word[i], part);
      ends.push_back(part.size());
    }
    for (std::size_t count = ends.size(); !known && count > 0; count--) {
      const auto found = numbers_.find(part.substr(0, ends[count - 1]));
      if (found == numbers_.end()) continue;
      numbers.push_back(found->second);
      first += count;
      known = true;
    }
  }
  if (!known) {
    numbers.resize(before);
    numbers.push_back(unknown_);
  }
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, std::size_t most) const {
  std::vector<std::int32_t> numbers = {begin_};
  std::u32string word;
  const auto end_word = [&] {
    if (!word.empty()) append_word(word, numbers);
    word.clear();
  };
  for (std::size_t at = 0; at < text.size() && numbers.size() < most;) {
    const char32_t code = next_character(text, at);
    const bool alone = contains(ideographs, code);
    if (alone) end_word();
    for (const char32_t part : plain(code)) {
      const bool sign = contains(unicode::punctuation, part);
      if (part == ' ' || sign) end_word();
      if (part != ' ') word += part;
      if (sign) end_word();
    }
    if (alone) end_word();
  }
  end_word();
  numbers.resize(std::min(numbers.size(), most - 1));
  numbers.push_back(end_);
  return numbers;
}
