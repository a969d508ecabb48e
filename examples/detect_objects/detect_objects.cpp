/* Finds objects of several classes in a picture.
 *
 *   detect_objects MODEL.ms LABELS.txt PICTURE RESULT.png
 *
 * MODEL is a PicoDet detector of PaddleDetection. It looks at cells of 8, 16, 32 and 64 pixels. For each cell it says how likely an object of
 * each class has its middle there, and how far away the object's four edges are. */
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <mslite/image.hpp>
#include <mslite/mslite.hpp>

#include "../timing.hpp"

using mslite::Box;
using mslite::Image;

struct Object {
  Box box;
  float score; /* 0...1 */
  int label;
};

class Detector {
 public:
  explicit Detector(const char *path)
      : model(load(path)),
        height(static_cast<int>(model.inputs()[0].shape()[1])),
        width(static_cast<int>(model.inputs()[0].shape()[2])),
        classes(static_cast<int>(model.outputs()[0].shape()[2])),
        small(Image::create(width, height).value()) {}

  int class_count() const { return classes; }

  /* The objects whose score is above the threshold, the most certain one first. */
  std::vector<Object> find(const Image &picture, float threshold) {
    picture.resize_into(small).value(); /* the shape of the picture is not kept */
    small.to_tensor(model.inputs()[0].mutable_data<float>().value(), {1 / 255.0f, {0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}}).value();
    model.predict().value();

    std::vector<Box> boxes;
    std::vector<float> scores;
    std::vector<int> labels;
    const float across = static_cast<float>(picture.width()) / static_cast<float>(width);
    const float down = static_cast<float>(picture.height()) / static_cast<float>(height);
    for (int level = 0; level < LEVELS; level++) {
      const auto likely = model.outputs()[level].data<float>().value(), distances = model.outputs()[LEVELS + level].data<float>().value();
      const int cell = 8 << level, columns = (width + cell - 1) / cell, cells = static_cast<int>(likely.size()) / classes;
      for (int i = 0; i < cells; i++) {
        const float *first = &likely[i * classes], *best = std::max_element(first, first + classes);
        if (*best <= threshold) continue;
        const float x = (i % columns + 0.5f) * cell, y = (i / columns + 0.5f) * cell, *edges = &distances[i * 4 * BINS];
        boxes.push_back({across * (x - cell * distance(edges)), down * (y - cell * distance(edges + BINS)),
                         across * (x + cell * distance(edges + 2 * BINS)), down * (y + cell * distance(edges + 3 * BINS))});
        scores.push_back(*best);
        labels.push_back(static_cast<int>(best - first));
      }
    }
    std::vector<Object> objects;
    for (int kept : mslite::suppress_boxes(boxes, scores, threshold, 0.5f, labels).value())
      objects.push_back({boxes[kept], scores[kept], labels[kept]});
    return objects;
  }

 private:
  enum { LEVELS = 4, BINS = 8 };

  /* Refuses models whose outputs are not scores of the levels' cells, then distances: [1, cells, classes], [1, cells, 4 * BINS]. */
  static mslite::Model load(const char *path) {
    mslite::Model model = mslite::Model::from_file(path).value();
    const mslite::TensorList outputs = model.outputs();
    bool fits = model.inputs()[0].shape().size() == 4 && outputs.size() == 2 * LEVELS;
    for (int i = 0; fits && i < LEVELS; i++) {
      const auto scores = outputs[i].shape(), distances = outputs[LEVELS + i].shape();
      fits = scores.size() == 3 && distances.size() == 3 && scores[1] == distances[1] && scores[2] == outputs[0].shape()[2] &&
             scores[2] > 0 && distances[2] == 4 * BINS;
    }
    if (!fits) throw std::runtime_error(std::string(path) + " is no PicoDet detector of four levels");
    return model;
  }

  /* The model does not say a distance, but how likely it is 0, 1, ... 7 cells (before a softmax): their mean. */
  static float distance(const float *bins) {
    const float peak = *std::max_element(bins, bins + BINS);
    float sum = 0, mean = 0;
    for (int i = 0; i < BINS; i++) {
      const float weight = std::exp(bins[i] - peak);
      sum += weight;
      mean += weight * static_cast<float>(i);
    }
    return mean / sum;
  }

  mslite::Model model;
  int height, width, classes;
  Image small;
};

static std::vector<std::string> read_lines(const char *path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(std::string("cannot open ") + path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

static void run(char **argv) {
  static const mslite::Color colors[] = {{96, 160, 255}, {255, 128, 64}, {80, 200, 96}, {200, 120, 255}, {255, 200, 48}};
  const std::vector<std::string> labels = read_lines(argv[2]);
  const Image picture = Image::read(argv[3]).value();
  Detector detector(argv[1]);
  if (static_cast<int>(labels.size()) != detector.class_count())
    throw std::runtime_error(std::string(argv[2]) + " has " + std::to_string(labels.size()) + " lines, the model " +
                             std::to_string(detector.class_count()) + " classes");
  const std::vector<Object> objects = detector.find(picture, 0.5f);
  std::printf("%s, %d x %d pixels: %zu objects\n", argv[3], picture.width(), picture.height(), objects.size());

  const Image drawn = picture.copy().value();
  for (const Object &object : objects) {
    const std::string &label = labels[object.label];
    std::printf("%s %.0f %%: box %.0f %.0f %.0f %.0f\n", label.c_str(), 100 * object.score, object.box.left, object.box.top, object.box.right,
                object.box.bottom);
    char text[64];
    std::snprintf(text, sizeof text, "%s %.0f %%", label.c_str(), 100 * object.score);
    drawn.draw_label(object.box, text, 2, colors[object.label % std::size(colors)], {0, 0, 0}).value();
  }
  std::printf("detection: median %.2f ms\n", median_milliseconds([&] { detector.find(picture, 0.5f); }, 10));
  drawn.write_png(argv[4]).value();
}

int main(int argc, char **argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: detect_objects MODEL.ms LABELS.txt PICTURE RESULT.png\n");
    return 2;
  }
  try {
    run(argv);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "detect_objects: %s\n", error.what());
    return 1;
  }
  return 0;
}
