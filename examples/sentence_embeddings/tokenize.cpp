// Prints the numbers of the tokens of each line of standard input.
//
//   tokenize VOCABULARY.txt
#include <cstdio>
#include <exception>
#include <iostream>

#include "tokenizer.hpp"

int main(int argc, char **argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "usage: tokenize VOCABULARY.txt < TEXT\n");
    return 2;
  }
  const Tokenizer tokenizer(argv[1]);
  for (std::string line; std::getline(std::cin, line);) {
    for (const std::int32_t number : tokenizer.encode(line, 256)) std::printf("%d ", number);
    std::printf("\n");
  }
  return 0;
} catch (const std::exception &error) {
  std::fprintf(stderr, "tokenize: %s\n", error.what());
  return 1;
}
