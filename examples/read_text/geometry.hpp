/** Points, and the rectangles at any angle that text lies in. */
#ifndef READ_TEXT_GEOMETRY_HPP
#define READ_TEXT_GEOMETRY_HPP

#include <array>
#include <vector>

struct Point {
  double x, y;
};
inline Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
inline Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }
inline Point operator*(Point a, double factor) { return {a.x * factor, a.y * factor}; }
inline double dot(Point a, Point b) { return a.x * b.x + a.y * b.y; }
inline double cross(Point a, Point b) { return a.x * b.y - a.y * b.x; }
double length(Point a);

/** Four corners in a text's own order: where it begins above, where it ends above, where it ends below, where it begins below. */
using Corners = std::array<Point, 4>;
double width(const Corners &corners);
double height(const Corners &corners);

struct Rectangle {
  Point centre;
  /** The direction of the sides of length `width`, of length 1 and at most 45 degrees from the x axis. */
  Point along;
  double width, height;

  /** Upper left, upper right, lower right, lower left. */
  Corners corners() const;
  bool contains(Point point) const;
};

/** The rectangle of smallest area around points, at least one. */
Rectangle smallest_rectangle(std::vector<Point> points);

#endif
