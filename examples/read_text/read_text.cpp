/** read_text MODELS PICTURE RESULT [THREADS]: prints the lines of text in a picture, and draws them into a PNG file. */
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "detector.hpp"
#include "drawing.hpp"
#include "orientation.hpp"
#include "recogniser.hpp"

/** Puts lines in the order of reading, also on a page that lies askew or on its head. */
static void sort_for_reading(std::vector<Corners> &lines) {
  Point down = {0, 0};
  for (const Corners &line : lines) down = down + (line[3] - line[0]);
  std::sort(lines.begin(), lines.end(), [&](const Corners &a, const Corners &b) { return dot(a[0], down) < dot(b[0], down); });
  // Parts of one line go from left to right, whichever begins higher.
  for (std::size_t i = 1; i < lines.size(); i++)
    for (std::size_t j = i; j > 0; j--) {
      const Corners &above = lines[j - 1], &below = lines[j];
      const Point along = (above[1] - above[0]) + (below[1] - below[0]), step = below[0] - above[0];
      if (std::abs(cross(along, step)) > length(along) * height(above) / 2 || dot(along, step) > 0) break;
      std::swap(lines[j - 1], lines[j]);
    }
}

static double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

static void run(const std::string &models, const char *picture_path, const char *result_path, int threads) {
  Detector detector(models + "/detector.ms", threads);
  Orientation orientation(models + "/orientation.ms", threads);
  Recogniser recogniser(models + "/recogniser.ms", models + "/characters.txt", threads);
  const Picture picture(picture_path);

  auto start = std::chrono::steady_clock::now();
  std::vector<Corners> boxes = detector.detect(picture);
  const double detected = milliseconds_since(start);

  start = std::chrono::steady_clock::now();
  for (Corners &box : boxes)
    if (orientation.upside_down(picture, box)) std::rotate(box.begin(), box.begin() + 2, box.end());
  const double oriented = milliseconds_since(start);

  sort_for_reading(boxes);
  start = std::chrono::steady_clock::now();
  std::vector<Line> lines;
  for (const Corners &box : boxes) {
    Text text = recogniser.recognise(picture, box);
    if (text.confidence >= 0.5) lines.push_back({box, std::move(text)});
  }
  const double recognised = milliseconds_since(start);

  for (const auto &[corners, text] : lines) {
    for (Point corner : corners) std::printf("%4.0f,%-4.0f ", corner.x, corner.y);
    std::printf(" %3.0f %%  %s\n", text.confidence * 100, text.text.c_str());
  }
  std::printf("%zu lines; %.0f ms to find them, %.0f ms to see which way up they are, %.0f ms to read them\n", lines.size(), detected,
              oriented, recognised);
  draw(picture, lines, result_path);
}

int main(int argc, char **argv) {
  if (argc < 4 || argc > 5) {
    std::fprintf(stderr, "usage: read_text MODELS PICTURE RESULT [THREADS]\n");
    return 2;
  }
  try {
    run(argv[1], argv[2], argv[3], argc > 4 ? std::atoi(argv[4]) : 2);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "read_text: %s\n", error.what());
    return 1;
  }
}
