#include "detector.hpp"

#include <algorithm>
#include <cmath>

// The settings with which PaddleOCR runs this network.
static constexpr double longest_side = 960;
static constexpr float text_likelihood = 0.3f;
static constexpr double box_likelihood = 0.6;
static constexpr double growth = 1.5;
static constexpr double smallest_height = 3;

/** A map of the network: `width` * `height` likelihoods. */
struct Map {
  const float *values;
  int width, height;
};

/** The pixels at the edge of a patch of pixels that touch each other, all of which are marked as seen. */
static std::vector<Point> edge_of_patch(const Map &map, int start, std::vector<bool> &seen) {
  std::vector<Point> edge;
  std::vector<int> open = {start};
  seen[start] = true;
  while (!open.empty()) {
    const int pixel = open.back(), x = pixel % map.width, y = pixel / map.width;
    open.pop_back();
    bool inside = true;
    for (int v = std::max(y - 1, 0); v <= std::min(y + 1, map.height - 1); v++)
      for (int u = std::max(x - 1, 0); u <= std::min(x + 1, map.width - 1); u++) {
        const int next = v * map.width + u;
        if (map.values[next] <= text_likelihood) {
          inside = false;
        } else if (!seen[next]) {
          seen[next] = true;
          open.push_back(next);
        }
      }
    if (!inside || x == 0 || y == 0 || x == map.width - 1 || y == map.height - 1) edge.push_back({double(x), double(y)});
  }
  return edge;
}

static double mean_likelihood(const Map &map, const Rectangle &box) {
  double left = map.width - 1, right = 0, top = map.height - 1, bottom = 0;
  for (Point corner : box.corners()) {
    left = std::min(left, corner.x), right = std::max(right, corner.x);
    top = std::min(top, corner.y), bottom = std::max(bottom, corner.y);
  }
  double sum = 0;
  int count = 0;
  for (int y = std::max(0, int(top)); y <= std::min<int>(map.height - 1, std::ceil(bottom)); y++)
    for (int x = std::max(0, int(left)); x <= std::min<int>(map.width - 1, std::ceil(right)); x++)
      if (box.contains({double(x), double(y)})) {
        sum += map.values[y * map.width + x];
        count++;
      }
  return count == 0 ? 0 : sum / count;
}

/** The network was taught the middle of lines only, so that neighbours do not touch: the line is larger by this on each side. */
static Rectangle grown(Rectangle box) {
  const double distance = box.width * box.height * growth / (2 * (box.width + box.height));
  box.width += 2 * distance;
  box.height += 2 * distance;
  return box;
}

std::vector<Corners> Detector::detect(const Picture &picture) {
  // The network halves its input five times.
  const double scale = std::min(1.0, longest_side / std::max(picture.width(), picture.height()));
  const int width = std::max(32, int(std::round(picture.width() * scale / 32)) * 32);
  const int height = std::max(32, int(std::round(picture.height() * scale / 32)) * 32);
  model_.resize({{1, height, width, 3}}).value();
  picture.resized(width, height).normalize(model_.inputs()[0].mutable_data<float>().value().data());
  const Map map = {model_.predict().value()[0].data<float>().value().data(), width, height};

  std::vector<Corners> lines;
  std::vector<bool> seen(std::size_t(width) * height);
  for (int pixel = 0; pixel < width * height; pixel++) {
    if (seen[pixel] || map.values[pixel] <= text_likelihood) continue;
    const Rectangle core = smallest_rectangle(edge_of_patch(map, pixel, seen));
    if (std::min(core.width, core.height) < smallest_height || mean_likelihood(map, core) < box_likelihood) continue;
    Corners corners = grown(core).corners();
    for (Point &corner : corners) {
      corner.x *= double(picture.width()) / width;
      corner.y *= double(picture.height()) / height;
    }
    // Text that runs upwards or downwards is read along its longer side; which way round, the orientation tells.
    if (::height(corners) >= 1.5 * ::width(corners)) std::rotate(corners.begin(), corners.begin() + 1, corners.end());
    lines.push_back(corners);
  }
  return lines;
}
