// Text to the numbers that BERT models take ("uncased" ones: without capitals and accents).
#ifndef TOKENIZER_HPP
#define TOKENIZER_HPP

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

class Tokenizer {
 public:
  // Reads the model's vocabulary, a file of UTF-8 with a word or part of a word per line: its number is that of the line, from 0.
  // Parts that go on with a word start with "##". Throws std::runtime_error.
  explicit Tokenizer(const std::string &vocabulary_path);

  // The numbers of [CLS], the words of UTF-8 text, and [SEP], `most` at most: what goes beyond is cut off. Bytes that are no UTF-8 are
  // passed over. Names of special words, such as "[SEP]", are text like any other.
  std::vector<std::int32_t> encode(std::string_view text, std::size_t most) const;

 private:
  void append_word(const std::u32string &word, std::vector<std::int32_t> &numbers) const;
  std::int32_t special(const std::string &name) const;

  std::unordered_map<std::string, std::int32_t> numbers_;
  std::int32_t unknown_, begin_, end_;
};

#endif
