#include <mslite/image.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>

#include "speech.hpp"

namespace {

constexpr int width = 1280, height = 520, left = 60, right = width - 20;
constexpr int wave_top = 60, wave_bottom = 300, curve_top = 330, curve_bottom = 470;

constexpr float black[] = {40, 40, 40}, grey[] = {215, 215, 215}, white[] = {255, 255, 255};
constexpr float blue[] = {66, 103, 178}, green[] = {200, 236, 200}, red[] = {200, 60, 40}, orange[] = {235, 170, 110};

void check(OH_AI_Status status) {
  if (status != OH_AI_STATUS_SUCCESS) throw std::runtime_error(MSLite_ImageGetLastError());
}

// A picture that is freed when it goes.
class Canvas {
 public:
  Canvas() {
    check(MSLite_ImageCreate(width, height, MSLITE_PIXEL_RGB, MSLITE_PIXEL_U8, &image_));
    box(0, 0, width, height, white);
  }
  Canvas(const Canvas &) = delete;
  Canvas &operator=(const Canvas &) = delete;
  ~Canvas() { MSLite_ImageFree(&image_); }

  // From the upper left pixel up to, and without, the lower right one.
  void box(int x0, int y0, int x1, int y1, const float *color) {
    check(MSLite_ImageDrawBox(&image_, x0, y0, std::max(x1 - x0, 1), std::max(y1 - y0, 1), 0, color));
  }
  void line(int x0, int y0, int x1, int y1, int thickness, const float *color) {
    check(MSLite_ImageDrawLine(&image_, x0, y0, x1, y1, thickness, color));
  }
  // With its middle at x.
  void text(int x, int y, const std::string &text, const float *color) {
    const int scale = 2, letters = static_cast<int>(text.size()) * MSLITE_FONT_WIDTH * scale;
    check(MSLite_ImageDrawText(&image_, x - letters / 2, y, text.c_str(), scale, color));
  }
  void write(const std::string &path) { check(MSLite_ImageWritePNG(&image_, path.c_str())); }

 private:
  MSLite_Image image_ = {};
};

std::string number(double value, const char *format) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

}  // namespace

void draw(const std::vector<float> &samples, const std::vector<float> &probabilities, const std::vector<Segment> &segments,
          const std::string &path) {
  Canvas canvas;
  const auto column = [&](std::size_t sample) {
    return left + static_cast<int>(static_cast<double>(sample) / static_cast<double>(samples.size()) * (right - left));
  };
  const auto curve_row = [](float probability) {
    return curve_bottom - static_cast<int>(probability * static_cast<float>(curve_bottom - curve_top));
  };

  for (const Segment &segment : segments) {
    const int begin = column(segment.begin), end = column(segment.end);
    canvas.box(begin, wave_top, end, wave_bottom, green);
    canvas.box(begin, curve_top, end, curve_bottom, green);
    canvas.text((begin + end) / 2, wave_top - 44, number(static_cast<double>(segment.begin) / rate, "%.2f -"), black);
    canvas.text((begin + end) / 2, wave_top - 24, number(static_cast<double>(segment.end) / rate, "%.2f s"), black);
  }

  // Each column has all samples between its edges.
  float loudest = 1e-6f;
  for (const float sample : samples) loudest = std::max(loudest, std::abs(sample));
  constexpr int middle = (wave_top + wave_bottom) / 2, reach = (wave_bottom - wave_top) / 2;
  for (int x = left; x < right; x++) {
    const auto sample = [&](int at) { return samples.begin() + static_cast<std::ptrdiff_t>(samples.size()) * (at - left) / (right - left); };
    if (sample(x) == sample(x + 1)) continue;
    const auto [low, high] = std::minmax_element(sample(x), sample(x + 1));
    canvas.box(x, middle - static_cast<int>(*high / loudest * reach), x + 1, middle - static_cast<int>(*low / loudest * reach) + 1, blue);
  }

  canvas.line(left, curve_row(enter), right, curve_row(enter), 1, orange);
  canvas.line(left, curve_row(leave), right, curve_row(leave), 1, orange);
  for (std::size_t i = 1; i < probabilities.size(); i++)
    canvas.line(column((i - 1) * chunk + chunk / 2), curve_row(probabilities[i - 1]), column(i * chunk + chunk / 2), curve_row(probabilities[i]),
                2, red);

  for (const int row : {wave_bottom, curve_bottom, curve_top}) canvas.line(left, row, right, row, 1, row == curve_top ? grey : black);
  canvas.text(left / 2, curve_top - 8, "1", red);
  canvas.text(left / 2, curve_row(enter) - 8, number(enter, "%.1f"), orange);
  canvas.text(left / 2, curve_bottom - 8, "0", red);
  for (std::size_t second = 0; second * rate < samples.size(); second++) {
    canvas.line(column(second * rate), curve_bottom, column(second * rate), curve_bottom + 6, 1, black);
    canvas.text(column(second * rate), curve_bottom + 14, number(static_cast<double>(second), "%.0f s"), black);
  }
  canvas.write(path);
}
