#include "geometry.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

double length(Point a) { return std::hypot(a.x, a.y); }

double width(const Corners &corners) { return std::max(length(corners[1] - corners[0]), length(corners[2] - corners[3])); }
double height(const Corners &corners) { return std::max(length(corners[3] - corners[0]), length(corners[2] - corners[1])); }

Corners Rectangle::corners() const {
  const Point right = along * (width / 2), down = Point{-along.y, along.x} * (height / 2);
  return {centre - right - down, centre + right - down, centre + right + down, centre - right + down};
}

bool Rectangle::contains(Point point) const {
  const Point from = point - centre;
  return std::abs(dot(from, along)) <= width / 2 && std::abs(cross(along, from)) <= height / 2;
}

/** The corners of the convex hull, by Andrew's monotone chain. */
static std::vector<Point> convex_hull(std::vector<Point> points) {
  std::sort(points.begin(), points.end(), [](Point a, Point b) { return a.x < b.x || (a.x == b.x && a.y < b.y); });
  std::vector<Point> hull;
  for (int side = 0; side < 2; side++) {
    const std::size_t start = hull.size();
    for (Point point : points) {
      while (hull.size() >= start + 2 && cross(hull.back() - hull[hull.size() - 2], point - hull.back()) <= 0) hull.pop_back();
      hull.push_back(point);
    }
    hull.pop_back();
    std::reverse(points.begin(), points.end());
  }
  return hull.empty() ? std::vector<Point>{points.front()} : hull;
}

Rectangle smallest_rectangle(std::vector<Point> points) {
  const std::vector<Point> hull = convex_hull(std::move(points));
  Rectangle best = {hull[0], {1, 0}, 0, 0};
  double area = std::numeric_limits<double>::infinity();
  // One of its sides lies on a side of the hull.
  for (std::size_t i = 0; hull.size() > 1 && i < hull.size(); i++) {
    const Point side = hull[(i + 1) % hull.size()] - hull[i];
    Point along = side * (1 / length(side));
    // Of the four directions of a rectangle's sides, the one to the right.
    while (along.x < std::abs(along.y)) along = {-along.y, along.x};
    double left = INFINITY, right = -INFINITY, top = INFINITY, bottom = -INFINITY;
    for (Point point : hull) {
      const double x = dot(point, along), y = cross(along, point);
      left = std::min(left, x), right = std::max(right, x);
      top = std::min(top, y), bottom = std::max(bottom, y);
    }
    if ((right - left) * (bottom - top) < area) {
      area = (right - left) * (bottom - top);
      const double x = (left + right) / 2, y = (top + bottom) / 2;
      best = {{along.x * x - along.y * y, along.y * x + along.x * y}, along, right - left, bottom - top};
    }
  }
  return best;
}
