/** Where the text is: PP-OCR's detector, a network that says of each pixel how likely it lies in a line of text. */
#ifndef READ_TEXT_DETECTOR_HPP
#define READ_TEXT_DETECTOR_HPP

#include <vector>
#include "geometry.hpp"
#include "mslite/mslite.hpp"
#include "picture.hpp"

class Detector {
 public:
  /** @param path a model with one input of shape [1, any, any, 3] and one output of shape [1, 1, any, any] */
  Detector(const std::string &path, int threads)
      : model_(mslite::Model::from_file(path.c_str(), mslite::Context::cpu(threads)).value()) {}

  /** The lines of text, or the parts of lines that lie far from each other, in no order. */
  std::vector<Corners> detect(const Picture &picture);

 private:
  mslite::Model model_;
};

#endif
