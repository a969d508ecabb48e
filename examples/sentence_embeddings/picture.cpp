#include "picture.hpp"

#include <mslite/image.h>

#include <algorithm>
#include <stdexcept>

namespace {

constexpr int cell = 40, edge = 16, header = 40, gap = 14, letter = 2 * MSLITE_FONT_WIDTH;
// More characters of a sentence are not shown.
constexpr std::size_t longest = 48;

void check(OH_AI_Status status) {
  if (status != OH_AI_STATUS_SUCCESS) throw std::runtime_error(MSLite_ImageGetLastError());
}

// A line of text and the number of its characters.
struct Label {
  explicit Label(const std::string &utf8) {
    for (const char byte : utf8) {
      if ((byte & 0xc0) != 0x80 && ++length > longest) break;
      text += byte;
    }
    length = std::min(length, longest);
  }
  std::string text;
  std::size_t length = 0;
};

class Canvas {
 public:
  Canvas(int width, int height) {
    constexpr float white[] = {255, 255, 255};
    check(MSLite_ImageCreate(width, height, MSLITE_PIXEL_RGB, MSLITE_PIXEL_U8, &image_));
    box(0, 0, width, height, white);
  }
  Canvas(const Canvas &) = delete;
  Canvas &operator=(const Canvas &) = delete;
  ~Canvas() { MSLite_ImageFree(&image_); }

  void box(int x, int y, int width, int height, const float *color) { check(MSLite_ImageDrawBox(&image_, x, y, width, height, 0, color)); }
  // In the middle of a row of cells, from x on or, with `length` characters, up to x.
  void text(int x, int y, const Label &label, bool ends_there, const float *color) {
    const int left = ends_there ? x - static_cast<int>(label.length) * letter : x;
    check(MSLite_ImageDrawText(&image_, left, y + cell / 2 - 7, label.text.c_str(), 2, color));
  }
  void write(const std::string &path) { check(MSLite_ImageWritePNG(&image_, path.c_str())); }

 private:
  MSLite_Image image_ = {};
};

}  // namespace

void draw(const std::vector<std::string> &sentences, const std::string &query, const std::vector<float> &similarities,
          const std::string &path) {
  constexpr float black[] = {40, 40, 40}, white[] = {255, 255, 255}, orange[] = {200, 90, 20};
  const std::size_t count = sentences.size();
  std::vector<Label> labels(sentences.begin(), sentences.end());
  labels.emplace_back(query);
  std::size_t widest = 0;
  for (const Label &label : labels) widest = std::max(widest, label.length);

  // "text 12 |cells": numbers stand left of the table and above it.
  const int texts = edge + static_cast<int>(widest) * letter, left = texts + 4 * letter, size = static_cast<int>(count) * cell;
  Canvas canvas(left + size + edge, header + size + gap + cell + edge);
  for (std::size_t row = 0; row <= count; row++) {
    const int y = header + static_cast<int>(row) * cell + (row == count ? gap : 0);
    canvas.text(texts, y, labels[row], true, row == count ? orange : black);
    if (row < count) {
      canvas.text(left - letter / 2, y, Label(std::to_string(row + 1)), true, black);
      canvas.text(left + static_cast<int>(row) * cell + cell / 2 - letter, 0, Label(std::to_string(row + 1)), false, black);
    }
    for (std::size_t column = 0; column < count; column++) {
      const int x = left + static_cast<int>(column) * cell;
      // White for 0 and less, deep blue for 1; in percent.
      const float share = std::clamp(similarities[row * count + column], 0.0f, 1.0f);
      const float color[] = {255 - 235 * share, 255 - 195 * share, 255 - 115 * share};
      canvas.box(x, y, cell - 1, cell - 1, color);
      const Label percent(std::to_string(static_cast<int>(100 * share + 0.5f)));
      canvas.text(x + (cell + static_cast<int>(percent.length) * letter) / 2, y, percent, true, share > 0.5f ? white : black);
    }
  }
  canvas.write(path);
}
