#include "geometry.hpp"

#include <algorithm>
#include <cmath>

float width(const Corners &corners) { return std::max(length(corners[1] - corners[0]), length(corners[2] - corners[3])); }
float height(const Corners &corners) { return std::max(length(corners[3] - corners[0]), length(corners[2] - corners[1])); }

/* The corners of the convex hull, by Andrew's monotone chain. */
static std::vector<Point> convex_hull(std::vector<Point> points) {
  std::sort(points.begin(), points.end(), [](Point a, Point b) { return a.x < b.x || (a.x == b.x && a.y < b.y); });
  std::vector<Point> hull;
  for (int side = 0; side < 2; side++) {
    const size_t start = hull.size();
    for (Point point : points) {
      while (hull.size() >= start + 2 && cross(hull.back() - hull[hull.size() - 2], point - hull.back()) <= 0) hull.pop_back();
      hull.push_back(point);
    }
    hull.pop_back();
    std::reverse(points.begin(), points.end());
  }
  return hull.empty() ? std::vector<Point>{points.front()} : hull;
}

mslite::RotatedBox smallest_box(std::vector<Point> points) {
  const std::vector<Point> hull = convex_hull(std::move(points));
  mslite::RotatedBox best = {hull[0], 0, 0, 0};
  float area = INFINITY;
  /* One of its sides lies on a side of the hull. */
  for (size_t i = 0; hull.size() > 1 && i < hull.size(); i++) {
    const Point side = hull[(i + 1) % hull.size()] - hull[i];
    Point along = side * (1 / length(side));
    while (along.x < std::abs(along.y)) along = {-along.y, along.x};
    float left = INFINITY, right = -INFINITY, top = INFINITY, bottom = -INFINITY;
    for (Point point : hull) {
      left = std::min(left, dot(point, along)), right = std::max(right, dot(point, along));
      top = std::min(top, cross(along, point)), bottom = std::max(bottom, cross(along, point));
    }
    if ((right - left) * (bottom - top) >= area) continue;
    area = (right - left) * (bottom - top);
    const Point down = {-along.y, along.x};
    best = {along * ((left + right) / 2) + down * ((top + bottom) / 2), right - left, bottom - top, std::atan2(along.y, along.x)};
  }
  return best;
}

mslite::Image straightened(const mslite::Image &picture, const Corners &corners, int height, int least_width) {
  const int width = std::max(1, static_cast<int>(std::ceil(height * ::width(corners) / ::height(corners))));
  mslite::Image result = mslite::Image::create(std::max(width, least_width), height, picture.format()).value();
  result.draw_box(result.bounds(), 0, {127.5f, 127.5f, 127.5f}).value();
  picture.cut_into(corners, result.part(0, 0, width, height).value(), MSLITE_BORDER_REPLICATE).value();
  return result;
}
