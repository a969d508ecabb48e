/* Points, and the turned boxes that text lies in. */
#ifndef READ_TEXT_GEOMETRY_HPP
#define READ_TEXT_GEOMETRY_HPP

#include <array>
#include <vector>

#include <mslite/image.hpp>

using mslite::Point;
inline Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
inline Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }
inline Point operator*(Point a, float factor) { return {a.x * factor, a.y * factor}; }
inline float dot(Point a, Point b) { return a.x * b.x + a.y * b.y; }
inline float cross(Point a, Point b) { return a.x * b.y - a.y * b.x; }
inline float length(Point a) { return std::hypot(a.x, a.y); }

/* The corners of a line of text in its own order: where it begins above, where it ends above, where it ends below, where it begins below. */
using Corners = std::array<Point, 4>;
float width(const Corners &corners);
float height(const Corners &corners);

/* The box of smallest area around points, at least one; turned by 45 degrees at most. */
mslite::RotatedBox smallest_box(std::vector<Point> points);

/* What lies between the corners, straightened: `height` pixels high and as wide as that makes it, on grey of at least `least_width`. */
mslite::Image straightened(const mslite::Image &picture, const Corners &corners, int height, int least_width);

#endif
