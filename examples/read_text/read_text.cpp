/* Reads the text in a picture: where its lines are, which way up they are, what they say.
 *
 *   read_text MODELS PICTURE RESULT.png [THREADS]
 *
 * MODELS is a folder with detector.ms, orientation.ms, recogniser.ms and characters.txt. */
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "detector.hpp"
#include "drawing.hpp"
#include "orientation.hpp"
#include "recogniser.hpp"

/* Puts lines in the order of reading, also on a page that lies askew or on its head. */
static void sort_for_reading(std::vector<Corners> &lines) {
  Point down = {0, 0};
  for (const Corners &line : lines) down = down + (line[3] - line[0]);
  std::sort(lines.begin(), lines.end(), [&](const Corners &a, const Corners &b) { return dot(a[0], down) < dot(b[0], down); });
  /* Parts of one line go from left to right, whichever begins higher. */
  for (size_t i = 1; i < lines.size(); i++)
    for (size_t j = i; j > 0; j--) {
      const Corners &above = lines[j - 1], &below = lines[j];
      const Point along = (above[1] - above[0]) + (below[1] - below[0]), step = below[0] - above[0];
      if (std::abs(cross(along, step)) > length(along) * height(above) / 2 || dot(along, step) > 0) break;
      std::swap(lines[j - 1], lines[j]);
    }
}

/* Milliseconds since the last call. */
static double lap() {
  static auto last = std::chrono::steady_clock::now();
  const auto now = std::chrono::steady_clock::now();
  return std::chrono::duration<double, std::milli>(now - std::exchange(last, now)).count();
}

static void run(const std::string &models, const char *picture_path, const char *result_path, int threads) {
  Detector detector(models + "/detector.ms", threads);
  Orientation orientation(models + "/orientation.ms", threads);
  Recogniser recogniser(models + "/recogniser.ms", models + "/characters.txt", threads);
  const mslite::Image picture = mslite::Image::read(picture_path).value();

  lap();
  std::vector<Corners> boxes = detector.detect(picture);
  const double detected = lap();
  for (Corners &box : boxes)
    if (orientation.is_upside_down(picture, box)) std::rotate(box.begin(), box.begin() + 2, box.end());
  const double oriented = lap();
  sort_for_reading(boxes);
  std::vector<Line> lines;
  for (const Corners &box : boxes) {
    Text text = recogniser.recognise(picture, box);
    if (text.confidence >= 0.5f) lines.push_back({box, text});
  }
  const double recognised = lap();

  for (const auto &[corners, text] : lines) {
    for (Point corner : corners) std::printf("%4.0f,%-4.0f ", corner.x, corner.y);
    std::printf(" %3.0f %%  %s\n", text.confidence * 100, text.text.c_str());
  }
  std::printf("%zu lines; found in %.0f ms, turned in %.0f ms, read in %.0f ms\n", lines.size(), detected, oriented, recognised);
  drawn(picture, lines).write_png(result_path).value();
}

int main(int argc, char **argv) {
  if (argc < 4 || argc > 5) {
    std::fprintf(stderr, "usage: read_text MODELS PICTURE RESULT.png [THREADS]\n");
    return 2;
  }
  try {
    run(argv[1], argv[2], argv[3], argc == 5 ? std::atoi(argv[4]) : 2);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "read_text: %s\n", error.what());
    return 1;
  }
}
