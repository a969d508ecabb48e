/* Which way up a line is: PP-OCR's classifier of text that stands on its head. */
#ifndef READ_TEXT_ORIENTATION_HPP
#define READ_TEXT_ORIENTATION_HPP

#include <mslite/mslite.hpp>

#include "geometry.hpp"

class Orientation {
 public:
  /* The model has one input of shape [1, 48, any, 3] and one output of shape [1, 2]: upright, upside down. */
  Orientation(const std::string &path, int threads) : model(mslite::Model::from_file(path.c_str(), mslite::Context::cpu(threads)).value()) {}

  bool is_upside_down(const mslite::Image &picture, const Corners &line);

 private:
  mslite::Model model;
};

#endif
