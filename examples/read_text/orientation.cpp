#include "orientation.hpp"

#include "input.hpp"

bool Orientation::is_upside_down(const mslite::Image &picture, const Corners &line) {
  /* PP-OCR squeezes each line into 192 columns, where long ones become illegible. The network's last layers take the mean over all
   * columns, so that it may have as many as it needs. */
  fill(model, straightened(picture, line, 48, 192));
  return model.predict().value()[0].data<float>().value()[1] > 0.7f;
}
