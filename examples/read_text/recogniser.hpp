/* What a line says: PP-OCR's recogniser, a network that gives a character's likelihoods for every 8 columns of a line. */
#ifndef READ_TEXT_RECOGNISER_HPP
#define READ_TEXT_RECOGNISER_HPP

#include <string>

#include <mslite/mslite.hpp>

#include "geometry.hpp"

struct Text {
  std::string text;  /* UTF-8 */
  float confidence;  /* the mean of the characters' likelihoods; 0 of no characters */
};

class Recogniser {
 public:
  /* The model has one input of shape [1, 48, any, 3] and one output of shape [1, any, characters + 2]; the file of the characters has
   * one on each line. */
  Recogniser(const std::string &path, const std::string &characters_path, int threads);

  Text recognise(const mslite::Image &picture, const Corners &line);

 private:
  mslite::Model model;
  std::vector<std::string> characters;  /* of each class; "" for the gap between characters */
};

#endif
