// Finds sentences that mean about the same, with all-MiniLM-L6-v2: each becomes 384 numbers of length 1, whose scalar product says how
// close two of them are.
//
//   sentence_embeddings MODEL.ms VOCABULARY.txt SENTENCES.txt QUERY RESULT.png
#include <mslite/mslite.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <numeric>
#include <stdexcept>

#include "picture.hpp"
#include "tokenizer.hpp"

constexpr std::size_t width = 384;      // numbers of an embedding
constexpr std::size_t most_words = 256; // what the model was made for; the rest of a sentence is cut off
constexpr std::size_t at_once = 16;     // sentences in a run
constexpr std::size_t shown = 3;        // answers
constexpr std::size_t drawn = 24;       // sentences in the picture

using Embedding = std::vector<float>;

// Embeddings of up to `at_once` sentences.
static void embed(mslite::Model &model, const Tokenizer &tokenizer, mslite::Span<const std::string> sentences, std::vector<Embedding> &result) {
  std::vector<std::vector<std::int32_t>> words;
  std::size_t longest = 0;
  for (const std::string &sentence : sentences) {
    words.push_back(tokenizer.encode(sentence, most_words));
    longest = std::max(longest, words.back().size());
  }
  // All in one run: short ones are filled up, and a mask tells the model where.
  std::vector<std::int32_t> numbers(words.size() * longest, 0);
  std::vector<float> mask(numbers.size(), 0);
  for (std::size_t i = 0; i < words.size(); i++) {
    std::copy(words[i].begin(), words[i].end(), &numbers[i * longest]);
    std::fill_n(&mask[i * longest], words[i].size(), 1.0f);
  }
  const mslite::Shape shape = {static_cast<std::int64_t>(words.size()), static_cast<std::int64_t>(longest)};
  model.resize({shape, shape}).value();
  model.input("input_ids").copy_from(numbers).value();
  model.input("attention_mask").copy_from(mask).value();
  const mslite::Span<const float> embeddings = model.predict().value()[0].data<float>().value();
  if (embeddings.size() != words.size() * width) throw std::runtime_error("the model's output is not 384 numbers for each sentence");
  for (std::size_t i = 0; i < words.size(); i++) result.emplace_back(&embeddings[i * width], &embeddings[i * width] + width);
}

static std::vector<Embedding> embed_all(mslite::Model &model, const Tokenizer &tokenizer, const std::vector<std::string> &sentences) {
  std::vector<Embedding> result;
  for (std::size_t i = 0; i < sentences.size(); i += at_once)
    embed(model, tokenizer, {&sentences[i], std::min(at_once, sentences.size() - i)}, result);
  return result;
}

static float similarity(const Embedding &a, const Embedding &b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0f); }

static std::vector<std::string> read_lines(const std::string &path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + ": cannot be opened");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);)
    if (!line.empty()) lines.push_back(line);
  if (lines.empty()) throw std::runtime_error(path + ": has no sentences");
  return lines;
}

int main(int argc, char **argv) try {
  if (argc != 6) throw std::runtime_error("usage: sentence_embeddings MODEL.ms VOCABULARY.txt SENTENCES.txt QUERY RESULT.png");
  const Tokenizer tokenizer(argv[2]);
  std::vector<std::string> sentences = read_lines(argv[3]);
  mslite::Model model = mslite::Model::from_file(argv[1]).value();

  // Before the others, so that weights are in place when time is taken.
  const Embedding query = embed_all(model, tokenizer, {argv[4]})[0];
  const auto start = std::chrono::steady_clock::now();
  const std::vector<Embedding> embeddings = embed_all(model, tokenizer, sentences);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  std::printf("%zu sentences in %.1f ms\n", sentences.size(), took.count());

  std::vector<std::size_t> order(sentences.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return similarity(query, embeddings[a]) > similarity(query, embeddings[b]); });
  std::printf("closest to \"%s\"\n", argv[4]);
  for (std::size_t i = 0; i < std::min(shown, order.size()); i++)
    std::printf("  %.3f  %s\n", static_cast<double>(similarity(query, embeddings[order[i]])), sentences[order[i]].c_str());

  sentences.resize(std::min(drawn, sentences.size()));
  std::vector<float> table;
  for (std::size_t row = 0; row <= sentences.size(); row++)
    for (std::size_t column = 0; column < sentences.size(); column++)
      table.push_back(similarity(row < sentences.size() ? embeddings[row] : query, embeddings[column]));
  draw(sentences, argv[4], table, argv[5]);
  std::printf("drawn: %s\n", argv[5]);
  return 0;
} catch (const std::exception &error) {
  std::fprintf(stderr, "sentence_embeddings: %s\n", error.what());
  return 1;
}
