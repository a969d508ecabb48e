#include "drawing.hpp"

#include <algorithm>
#include <cmath>

static const float colors[][3] = {{214, 39, 40}, {31, 119, 180}, {44, 160, 44}, {255, 127, 14}, {148, 103, 189}};

/** Quotation marks and dashes of ASCII for those of books. */
static std::string plain(std::string text) {
  static const char *const replacements[][2] = {{"‘", "'"}, {"’", "'"}, {"“", "\""}, {"”", "\""}, {"–", "-"}, {"—", "-"}};
  for (const auto &[typographic, ascii] : replacements)
    for (std::size_t at; (at = text.find(typographic)) != std::string::npos;) text.replace(at, std::string(typographic).size(), ascii);
  return text;
}

static std::size_t letters(const std::string &utf8) {
  return std::count_if(utf8.begin(), utf8.end(), [](char byte) { return (byte & 0xc0) != 0x80; });
}

void draw(const Picture &picture, const std::vector<Line> &lines, const char *path) {
  const float white[] = {255, 255, 255}, black[] = {0, 0, 0};
  const int width = picture.width(), height = picture.height(), thickness = std::max(1, std::max(width, height) / 500);
  Picture sheet(2 * width, height);
  check(MSLite_ImagePad(picture.image(), 0, 0, MSLITE_BORDER_CONSTANT, white, sheet.image()));
  for (std::size_t i = 0; i < lines.size(); i++) {
    const float *color = colors[i % std::size(colors)];
    const Corners &corners = lines[i].corners;
    for (int offset : {0, width})
      for (int side = 0; side < 4; side++) {
        const Point from = corners[side], to = corners[(side + 1) % 4];
        check(MSLite_ImageDrawLine(sheet.image(), offset + std::lround(from.x), std::lround(from.y), offset + std::lround(to.x),
                                   std::lround(to.y), thickness, color));
      }
    // As large as the box allows, in its middle.
    const std::string text = plain(lines[i].text.text);
    const int count = std::max<int>(1, letters(text));
    const int scale = std::clamp<int>(std::min(::width(corners) / (MSLITE_FONT_WIDTH * count), ::height(corners) / MSLITE_FONT_HEIGHT), 1, 100);
    const Point centre = (corners[0] + corners[1] + corners[2] + corners[3]) * 0.25;
    check(MSLite_ImageDrawText(sheet.image(), width + centre.x - MSLITE_FONT_WIDTH * scale * count / 2,
                               centre.y - MSLITE_FONT_HEIGHT * scale / 2, text.c_str(), scale, black));
  }
  check(MSLite_ImageWritePNG(sheet.image(), path));
}
