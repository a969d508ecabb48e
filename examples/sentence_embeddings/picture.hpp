// Similarities as a picture.
#ifndef PICTURE_HPP
#define PICTURE_HPP

#include <string>
#include <vector>

// Draws a table of similarities: a row for each sentence and, below them, one for the query; a column for each sentence. Throws
// std::runtime_error.
//   similarities: (sentences + 1) * sentences numbers of -1 to 1, row by row
void draw(const std::vector<std::string> &sentences, const std::string &query, const std::vector<float> &similarities,
          const std::string &path);

#endif
