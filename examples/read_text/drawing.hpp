/* The picture with the lines marked, and beside it what they say. */
#ifndef READ_TEXT_DRAWING_HPP
#define READ_TEXT_DRAWING_HPP

#include "recogniser.hpp"

struct Line {
  Corners corners;
  Text text;
};

/* Characters beyond ASCII are drawn as boxes. */
mslite::Image drawn(const mslite::Image &picture, const std::vector<Line> &lines);

#endif
