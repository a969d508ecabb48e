#include "drawing.hpp"

#include <algorithm>

/* Quotation marks and dashes of ASCII for those of books. */
static std::string plain(std::string text) {
  static const char *const replacements[][2] = {{"‘", "'"}, {"’", "'"}, {"“", "\""}, {"”", "\""}, {"–", "-"}, {"—", "-"}};
  for (const auto &[typographic, ascii] : replacements)
    for (size_t at; (at = text.find(typographic)) != std::string::npos;) text.replace(at, std::string(typographic).size(), ascii);
  return text;
}

mslite::Image drawn(const mslite::Image &picture, const std::vector<Line> &lines) {
  static const mslite::Color colors[] = {{214, 39, 40}, {31, 119, 180}, {44, 160, 44}, {255, 127, 14}, {148, 103, 189}};
  const Point beside = {static_cast<float>(picture.width()), 0};
  const int thickness = 1 + std::max(picture.width(), picture.height()) / 1000;
  mslite::Image sheet = mslite::Image::create(2 * picture.width(), picture.height()).value();
  picture.pad_into(0, 0, sheet, MSLITE_BORDER_CONSTANT, {255, 255, 255}).value();
  for (size_t i = 0; i < lines.size(); i++) {
    const auto &[corners, text] = lines[i];
    for (int side = 0; side < 4; side++) {
      const Point from = corners[side], to = corners[(side + 1) % 4];
      sheet.draw_line(from, to, thickness, colors[i % std::size(colors)]).value();
      sheet.draw_line(from + beside, to + beside, thickness, colors[i % std::size(colors)]).value();
    }
    /* As large as the frame allows, in its middle. */
    const std::string letters = plain(text.text);
    const auto count = std::count_if(letters.begin(), letters.end(), [](char byte) { return (byte & 0xC0) != 0x80; });
    const int scale = std::clamp(std::min<int>(width(corners) / (MSLITE_FONT_WIDTH * count), height(corners) / MSLITE_FONT_HEIGHT), 1, 100);
    const Point middle = (corners[0] + corners[1] + corners[2] + corners[3]) * 0.25f;
    const Point size = {static_cast<float>(MSLITE_FONT_WIDTH * scale * count), static_cast<float>(MSLITE_FONT_HEIGHT * scale)};
    sheet.draw_text(middle + beside - size * 0.5f, letters.c_str(), scale, {0, 0, 0}).value();
  }
  return sheet;
}
