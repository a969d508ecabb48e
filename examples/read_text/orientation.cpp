#include "orientation.hpp"

#include <algorithm>
#include <cmath>

bool Orientation::upside_down(const Picture &picture, const Corners &line) {
  // PP-OCR squeezes each line into 192 columns, where long ones become illegible. The network's last layers take the mean over all columns.
  const int line_width = std::max<int>(1, std::ceil(48 * width(line) / height(line)));
  const int input_width = std::max(192, line_width);
  model_.resize({{1, 48, input_width, 3}}).value();
  picture.straightened(line, line_width, 48, input_width).normalize(model_.inputs()[0].mutable_data<float>().value().data());
  return model_.predict().value()[0].data<float>().value()[1] > 0.7f;
}
