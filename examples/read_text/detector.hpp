/* Where the text is: PP-OCR's detector, a network that says of each pixel how likely it lies in a line of text. */
#ifndef READ_TEXT_DETECTOR_HPP
#define READ_TEXT_DETECTOR_HPP

#include <mslite/mslite.hpp>

#include "geometry.hpp"

class Detector {
 public:
  /* The model has one input of shape [1, any, any, 3] and one output of shape [1, 1, any, any]. */
  Detector(const std::string &path, int threads) : model(mslite::Model::from_file(path.c_str(), mslite::Context::cpu(threads)).value()) {}

  /* The lines of text, or the parts of lines that lie far from each other, in no order. */
  std::vector<Corners> detect(const mslite::Image &picture);

 private:
  mslite::Model model;
};

#endif
