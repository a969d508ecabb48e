#include "drawing.hpp"

#include <algorithm>

/* Quotation marks and dashes of ASCII for those of books. */
static std::string plain(std::string text) {
  static const char *const replacements[][2] = {{"‘", "'"}, {"’", "'"}, {"“", "\""}, {"”", "\""}, {"–", "-"}, {"—", "-"}};
  for (const auto &[typographic, ascii] : replacements)
    for (size_t at; (at = text.find(typographic)) != std::string::npos;) text.replace(at, std::string(typographic).size(), ascii);
  return text;
}

/* Writes a text into a frame, along it, as large as it allows. */
static void write(const mslite::ImageView &page, const Corners &frame, const std::string &text) {
  const auto count = std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; });
  const int pixel = 4, width = (MSLITE_FONT_WIDTH * static_cast<int>(count) + 1) * pixel, height = MSLITE_FONT_HEIGHT * pixel;
  const mslite::Image strip = mslite::Image::create(width, height, MSLITE_PIXEL_GRAY).value();
  strip.draw_text({pixel, pixel}, text.c_str(), pixel, {255}).value();

  const float scale = std::min(::width(frame) / width, ::height(frame) / height);
  const Point x = (frame[1] - frame[0]) * (scale / length(frame[1] - frame[0])), y = {-x.y, x.x};
  const Point origin = (frame[0] + frame[1] + frame[2] + frame[3]) * 0.25f - x * (0.5f * width) - y * (0.5f * height);
  const mslite::Image mask = mslite::Image::create(page.width(), page.height(), MSLITE_PIXEL_GRAY).value();
  strip.warp_affine_into({x.x, y.x, origin.x, x.y, y.y, origin.y}, mask).value();
  page.draw_mask(mask, {0, 0, 0}, 1).value();
}

mslite::Image drawn(const mslite::Image &picture, const std::vector<Line> &lines) {
  static const mslite::Color colors[] = {{214, 39, 40}, {31, 119, 180}, {44, 160, 44}, {255, 127, 14}, {148, 103, 189}};
  const int width = picture.width(), height = picture.height(), thickness = 1 + std::max(width, height) / 1000;
  mslite::Image sheet = mslite::Image::create(2 * width, height).value();
  picture.pad_into(0, 0, sheet, MSLITE_BORDER_CONSTANT, {255, 255, 255}).value();
  const mslite::ImageView halves[] = {sheet.part(0, 0, width, height).value(), sheet.part(width, 0, width, height).value()};
  for (size_t i = 0; i < lines.size(); i++) {
    const Corners &corners = lines[i].corners;
    for (const mslite::ImageView &half : halves)
      for (int side = 0; side < 4; side++) half.draw_line(corners[side], corners[(side + 1) % 4], thickness, colors[i % std::size(colors)]).value();
    write(halves[1], corners, plain(lines[i].text.text));
  }
  return sheet;
}
