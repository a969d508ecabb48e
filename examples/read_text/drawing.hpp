/** The picture with the lines marked, and beside it what they say. */
#ifndef READ_TEXT_DRAWING_HPP
#define READ_TEXT_DRAWING_HPP

#include "picture.hpp"
#include "recogniser.hpp"

struct Line {
  Corners corners;
  Text text;
};

/** Writes a PNG file. Characters beyond ASCII are drawn as boxes. */
void draw(const Picture &picture, const std::vector<Line> &lines, const char *path);

#endif
