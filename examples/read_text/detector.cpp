#include "detector.hpp"

#include <algorithm>
#include <cmath>

#include "input.hpp"

/* PaddleOCR's settings, but for BOX_LIKELIHOOD, 0.6 there, which loses lines that lie askew; lengths are in its pixels. */
static const float LONGEST_SIDE = 960;
static const float TEXT_LIKELIHOOD = 0.3f;
static const float BOX_LIKELIHOOD = 0.5f;
static const float SMALLEST_HEIGHT = 3;
static const float GROWTH = 1.5f;

/* What the network says of each pixel. */
struct Map {
  const float *likely;
  int width, height;
};

/* The middles of the pixels at the edge of a patch of pixels that touch each other, all of which are marked as seen. */
static std::vector<Point> edge_of_patch(const Map &map, int start, std::vector<bool> &seen) {
  std::vector<Point> edge;
  std::vector<int> open = {start};
  seen[start] = true;
  while (!open.empty()) {
    const int pixel = open.back(), x = pixel % map.width, y = pixel / map.width;
    open.pop_back();
    bool is_inside = x > 0 && y > 0 && x < map.width - 1 && y < map.height - 1;
    for (int v = std::max(y - 1, 0); v <= std::min(y + 1, map.height - 1); v++)
      for (int u = std::max(x - 1, 0); u <= std::min(x + 1, map.width - 1); u++) {
        const int next = v * map.width + u;
        if (map.likely[next] <= TEXT_LIKELIHOOD) {
          is_inside = false;
        } else if (!seen[next]) {
          seen[next] = true;
          open.push_back(next);
        }
      }
    if (!is_inside) edge.push_back({x + 0.5f, y + 0.5f});
  }
  return edge;
}

static Corners corners_of(const mslite::RotatedBox &box) { return {box.place(0, 0), box.place(1, 0), box.place(1, 1), box.place(0, 1)}; }

/* The mean over the pixels whose middles lie in the box. */
static float likelihood(const Map &map, const mslite::RotatedBox &box) {
  const Corners corners = corners_of(box);
  const Point along = {std::cos(box.angle), std::sin(box.angle)};
  const auto [left, right] = std::minmax({corners[0].x, corners[1].x, corners[2].x, corners[3].x});
  const auto [top, bottom] = std::minmax({corners[0].y, corners[1].y, corners[2].y, corners[3].y});
  float sum = 0;
  int count = 0;
  for (int y = std::max(0, static_cast<int>(top)); y < std::min<float>(map.height, bottom); y++)
    for (int x = std::max(0, static_cast<int>(left)); x < std::min<float>(map.width, right); x++) {
      const Point from = Point{x + 0.5f, y + 0.5f} - box.centre;
      if (std::abs(dot(from, along)) > box.width / 2 || std::abs(cross(along, from)) > box.height / 2) continue;
      sum += map.likely[y * map.width + x];
      count++;
    }
  return count == 0 ? 0 : sum / count;
}

std::vector<Corners> Detector::detect(const mslite::Image &picture) {
  /* The network halves its input five times. */
  const float scale = std::min(1.0f, LONGEST_SIDE / std::max(picture.width(), picture.height()));
  const int width = std::max(1L, std::lround(picture.width() * scale / 32)) * 32;
  const int height = std::max(1L, std::lround(picture.height() * scale / 32)) * 32;
  fill(model, picture.resized(width, height).value());
  const Map map = {model.predict().value()[0].data<float>().value().data(), width, height};

  std::vector<Corners> lines;
  std::vector<bool> seen(static_cast<size_t>(width) * height);
  for (int pixel = 0; pixel < width * height; pixel++) {
    if (seen[pixel] || map.likely[pixel] <= TEXT_LIKELIHOOD) continue;
    mslite::RotatedBox box = smallest_box(edge_of_patch(map, pixel, seen));
    if (std::min(box.width, box.height) < SMALLEST_HEIGHT || likelihood(map, box) < BOX_LIKELIHOOD) continue;
    /* The network was taught lines that are shrunk on all sides, so that neighbours do not touch. */
    const float distance = GROWTH * box.width * box.height / (2 * (box.width + box.height));
    box.width += 2 * distance;
    box.height += 2 * distance;
    Corners line = corners_of(box);
    for (Point &corner : line) corner = {corner.x * picture.width() / width, corner.y * picture.height() / height};
    /* Text that runs up or down is read along its longer side; which way round, the orientation tells. */
    if (::height(line) >= 1.5f * ::width(line)) std::rotate(line.begin(), line.begin() + 1, line.end());
    lines.push_back(line);
  }
  return lines;
}
