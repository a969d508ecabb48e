/* How all networks of PP-OCR see a picture. */
#ifndef READ_TEXT_INPUT_HPP
#define READ_TEXT_INPUT_HPP

#include <mslite/image.hpp>
#include <mslite/mslite.hpp>

/* Gives a model's input the size of the picture, and the picture's values: blue, green, red, each -1...1. */
inline void fill(mslite::Model &model, const mslite::Image &picture) {
  model.resize({{1, picture.height(), picture.width(), 3}}).value();
  mslite::Normalization how;
  how.mean = how.deviation = {0.5f, 0.5f, 0.5f};
  how.order = MSLITE_PIXEL_BGR;
  picture.to_tensor(model.inputs()[0].mutable_data<float>().value(), how).value();
}

#endif
