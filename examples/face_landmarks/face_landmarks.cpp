/* Finds faces in a picture, and 468 points of each.
 *
 *   face_landmarks DETECTOR.ms LANDMARKS.ms PICTURE RESULT.png
 *
 * The detector (MediaPipe's BlazeFace, short range) sees the whole picture in 128 x 128 pixels and says roughly where faces and their eyes
 * are. Each face is then cut out, turned upright by the line of its eyes, and shown to the second network. */
#include <array>
#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <vector>

#include <mslite/image.hpp>
#include <mslite/mslite.hpp>

#include "../timing.hpp"

using mslite::Box;
using mslite::Image;
using mslite::Point;

/* A face in the picture: its box, its eyes, nose, mouth and ears, and how certain it is, 0...1. */
struct Face {
  Box box;
  std::array<Point, 6> points;
  float score;
};
enum { RIGHT_EYE, LEFT_EYE, VALUES = 16 };

static float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

/* The detector's anchors, as parts of its square: two in the middle of each of 16 x 16 cells, then six in each of 8 x 8. */
static std::vector<Point> make_anchors() {
  std::vector<Point> anchors;
  for (const auto &[cells, count] : {std::pair(16, 2), std::pair(8, 6)})
    for (int cell = 0; cell < cells * cells; cell++)
      anchors.insert(anchors.end(), count, Point{(cell % cells + 0.5f) / cells, (cell / cells + 0.5f) / cells});
  return anchors;
}

/* Boxes of one face as one: the mean of those that overlap the best, weighted by their scores. */
static Face merge(const std::vector<Face> &faces, const Face &best, float threshold) {
  Face sum = {{}, {}, best.score};
  float weights = 0;
  const auto add = [](Point &to, Point point, float weight) { to.x += weight * point.x, to.y += weight * point.y; };
  Point from = {0, 0}, to = {0, 0};
  for (const Face &face : faces) {
    if (!(mslite::overlap(face.box, best.box) > threshold)) continue;
    weights += face.score;
    add(from, {face.box.left, face.box.top}, face.score);
    add(to, {face.box.right, face.box.bottom}, face.score);
    for (size_t i = 0; i < face.points.size(); i++) add(sum.points[i], face.points[i], face.score);
  }
  sum.box = {from.x / weights, from.y / weights, to.x / weights, to.y / weights};
  for (Point &point : sum.points) point = {point.x / weights, point.y / weights};
  return sum;
}

class Detector {
 public:
  explicit Detector(const char *path)
      : model(mslite::Model::from_file(path).value()), anchors(make_anchors()), square(Image::create(SIDE, SIDE).value()) {}

  /* The faces, the most certain one first. */
  std::vector<Face> find(const Image &picture) {
    const mslite::Letterbox placement = picture.letterbox_into(square).value();
    square.to_tensor(model.inputs()[0].mutable_data<float>().value(), {1 / 127.5f, {1, 1, 1}}).value(); /* -1...1 */
    model.predict().value();
    const auto values = model.output("regressors").data<float>().value(), scores = model.output("classificators").data<float>().value();

    if (scores.size() != anchors.size() || values.size() != VALUES * anchors.size()) throw std::runtime_error("not the expected detector");

    std::vector<Face> faces;
    std::vector<Box> boxes;
    std::vector<float> certain;
    for (size_t i = 0; i < anchors.size(); i++) {
      const float score = sigmoid(scores[i]);
      if (score < 0.5f) continue;
      /* Centre, size, and six points, in pixels of the square; all places are seen from the anchor. */
      const float *value = &values[i * VALUES];
      const auto place = [&](float x, float y) { return placement.to_source(Point{x + anchors[i].x * SIDE, y + anchors[i].y * SIDE}); };
      const Point from = place(value[0] - value[2] / 2, value[1] - value[3] / 2), to = place(value[0] + value[2] / 2, value[1] + value[3] / 2);
      Face face = {{from.x, from.y, to.x, to.y}, {}, score};
      for (size_t k = 0; k < face.points.size(); k++) face.points[k] = place(value[4 + 2 * k], value[5 + 2 * k]);
      faces.push_back(face);
      boxes.push_back(face.box);
      certain.push_back(score);
    }
    std::vector<Face> result;
    for (int kept : mslite::suppress_boxes(boxes, certain, 0, 0.3f).value()) result.push_back(merge(faces, faces[kept], 0.3f));
    return result;
  }

 private:
  enum { SIDE = 128 };
  mslite::Model model;
  std::vector<Point> anchors;
  Image square;
};

/* What the second network looks at: a square 1.5 times as large as the face, upright when the eyes are level. */
static mslite::RotatedBox region(const Face &face) {
  const Point right = face.points[RIGHT_EYE], left = face.points[LEFT_EYE];
  const float side = 1.5f * std::max(face.box.width(), face.box.height());
  return {face.box.centre(), side, side, std::atan2(left.y - right.y, left.x - right.x)};
}

class Landmarks {
 public:
  explicit Landmarks(const char *path) : model(mslite::Model::from_file(path).value()), square(Image::create(SIDE, SIDE).value()) {}

  /* 468 places in the picture; none where the network sees no face. */
  std::vector<Point> find(const Image &picture, const mslite::RotatedBox &box) {
    picture.cut_into(box, square).value();
    square.to_tensor(model.inputs()[0].mutable_data<float>().value()).value(); /* 0...1 */
    model.predict().value();
    const auto values = model.outputs()[0].data<float>().value(), presence = model.outputs()[1].data<float>().value();
    if (values.size() != 3 * POINTS || presence.size() != 1) throw std::runtime_error("not the expected network for landmarks");
    std::vector<Point> points;
    if (sigmoid(presence[0]) < 0.5f) return points;
    /* x, y and depth of each point, in pixels of the square. */
    for (size_t i = 0; i < values.size(); i += 3) points.push_back(box.place(values[i] / SIDE, values[i + 1] / SIDE));
    return points;
  }

 private:
  enum { SIDE = 192, POINTS = 468 };
  mslite::Model model;
  Image square;
};

static void run(char **argv) {
  const Image picture = Image::read(argv[3]).value();
  Detector detector(argv[1]);
  Landmarks landmarks(argv[2]);
  const std::vector<Face> faces = detector.find(picture);
  std::printf("%s, %d x %d pixels: %zu faces\n", argv[3], picture.width(), picture.height(), faces.size());

  const Image drawn = picture.copy().value();
  for (const Face &face : faces) {
    const mslite::RotatedBox box = region(face);
    const std::vector<Point> points = landmarks.find(picture, box);
    std::printf("face %.0f %%: box %.0f %.0f %.0f %.0f, turned by %.0f degrees, %zu points\n", 100 * face.score, face.box.left, face.box.top,
                face.box.right, face.box.bottom, box.angle * 180 / M_PI, points.size());
    char text[32];
    std::snprintf(text, sizeof text, "face %.0f %%", 100 * face.score);
    drawn.draw_label(face.box, text, 2, {64, 200, 64}, {0, 0, 0}).value();
    for (Point point : points) drawn.draw_point(point, 2, {255, 220, 64}).value();
  }
  std::printf("detector: median %.2f ms\n", median_milliseconds([&] { detector.find(picture); }));
  if (!faces.empty()) {
    const mslite::RotatedBox box = region(faces[0]);
    std::printf("landmarks of a face: median %.2f ms\n", median_milliseconds([&] { landmarks.find(picture, box); }));
  }
  drawn.write_png(argv[4]).value();
}

int main(int argc, char **argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: face_landmarks DETECTOR.ms LANDMARKS.ms PICTURE RESULT.png\n");
    return 2;
  }
  try {
    run(argv);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "face_landmarks: %s\n", error.what());
    return 1;
  }
  return 0;
}
