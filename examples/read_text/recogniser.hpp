/** What a line says: PP-OCR's recogniser, a network that gives a character's likelihoods for every 8 columns of a line. */
#ifndef READ_TEXT_RECOGNISER_HPP
#define READ_TEXT_RECOGNISER_HPP

#include <string>
#include <vector>
#include "mslite/mslite.hpp"
#include "picture.hpp"

struct Text {
  /** UTF-8 */
  std::string text;
  /** The mean of the characters' likelihoods, 0 of no characters. */
  double confidence;
};

class Recogniser {
 public:
  /**
   * @param path a model with one input of shape [1, 48, any, 3] and one output of shape [1, steps, characters + 2]
   * @param characters_path the characters, one on each line
   */
  Recogniser(const std::string &path, const std::string &characters_path, int threads);

  Text recognise(const Picture &picture, const Corners &line);

 private:
  mslite::Model model_;
  /** Of each class: "" for the gap between characters. */
  std::vector<std::string> characters_;
};

#endif
