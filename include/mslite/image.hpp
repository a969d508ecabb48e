/**
 * @file image.hpp
 * image.h for C++17: pictures that free their memory, boxes, and what lies between a picture and a model. Headers only; links with
 * libmslite_image.so alone; needs neither exceptions nor RTTI.
 *
 *     mslite::Image photo = mslite::Image::read("photo.jpg").value();
 *     mslite::Image square = mslite::Image::create(128, 128).value();
 *     mslite::Letterbox placement = photo.letterbox_into(square).value();
 *     square.to_tensor(input, {1 / 127.5f, {1, 1, 1}}).value();                // -1...1
 *     mslite::Box box = placement.to_source(box_in_the_square);
 *
 * As in mslite.hpp, every function that can fail returns a Result. Places are floats from the upper left corner of the first pixel, whose
 * middle is at (0.5, 0.5).
 */
#ifndef MSLITE_IMAGE_HPP
#define MSLITE_IMAGE_HPP

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>
#include "mslite/cpp/result.hpp"
#include "mslite/cpp/span.hpp"
#include "mslite/image.h"

namespace mslite {

/* The C enumerators are their values. */
using PixelFormat = MSLite_PixelFormat;
using PixelType = MSLite_PixelType;
using Interpolation = MSLite_Interpolation;
using Border = MSLite_Border;
using TensorLayout = MSLite_TensorLayout;

struct Point {
  float x, y;
};

/** A box; width and height may be negative where the edges are not in order. */
struct Box {
  float left, top, right, bottom;

  float width() const noexcept { return right - left; }
  float height() const noexcept { return bottom - top; }
  Point centre() const noexcept { return {(left + right) / 2, (top + bottom) / 2}; }
};
static_assert(sizeof(Box) == 4 * sizeof(float), "lists of boxes are passed on as lists of floats");

/** What two boxes share, of their union: 0...1. */
inline float overlap(const Box &a, const Box &b) noexcept {
  const float width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  if (!(width > 0 && height > 0)) return 0;
  return width * height / (a.width() * a.height() + b.width() * b.height() - width * height);
}

/** A box that is turned about its centre. */
struct RotatedBox {
  Point centre;
  float width, height;
  /** Radians, clockwise. */
  float angle;

  /** Where the part (u, v) of the box lies: (0, 0) is its upper left corner, (1, 1) its lower right one. */
  Point place(float u, float v) const noexcept {
    const float x = (u - 0.5f) * width, y = (v - 0.5f) * height;
    return {centre.x + x * std::cos(angle) - y * std::sin(angle), centre.y + x * std::sin(angle) + y * std::cos(angle)};
  }
};

/** One number for each channel, in a picture's order and range. */
struct Color {
  constexpr Color(float first, float second = 0, float third = 0, float fourth = 255) noexcept
      : channels{first, second, third, fourth} {}
  float channels[4];
};

/** Where a letterbox has put a picture. */
struct Letterbox : MSLite_Letterbox {
  Point to_source(Point place) const noexcept {
    return {(place.x - static_cast<float>(left)) / scale, (place.y - static_cast<float>(top)) / scale};
  }
  Box to_source(const Box &box) const noexcept {
    const Point from = to_source(Point{box.left, box.top}), to = to_source(Point{box.right, box.bottom});
    return {from.x, from.y, to.x, to.y};
  }
};

/** What a model wants of pixels: (value * scale - mean) / deviation. */
struct Normalization {
  float scale = 1.0f / 255;
  Color mean = {0, 0, 0, 0};
  Color deviation = {1, 1, 1, 1};
  TensorLayout layout = MSLITE_LAYOUT_HWC;
  /** The channels of the tensor; as many as the picture has. */
  PixelFormat order = MSLITE_PIXEL_RGB;
};

namespace detail {

inline Error image_error(OH_AI_Status status) { return Error(status, MSLite_ImageGetLastError()); }

inline Result<void> image_result(OH_AI_Status status) {
  if (status == OH_AI_STATUS_SUCCESS) return {};
  return image_error(status);
}

/** The nearest whole number, for drawing: far outside of every picture for what no picture reaches. */
inline std::int32_t nearest(float value) noexcept {
  return static_cast<std::int32_t>(std::lround(value > -1e6f ? std::min(value, 1e6f) : -1e6f));
}

/** The pixel that a place lies in. */
inline std::int32_t pixel(float value) noexcept { return nearest(std::floor(value)); }

}  // namespace detail

class Image;

/** A picture that somebody else owns: an Image, or the caller's memory. Copies are the same picture, and drawing changes it. */
class ImageView {
 public:
  ImageView() noexcept : image_() {}
  /** Of the caller's memory, which must live as long as the view. */
  explicit ImageView(const MSLite_Image &image) noexcept : image_(image) {}

  const MSLite_Image &handle() const noexcept { return image_; }
  /** Whether there is a picture at all. */
  explicit operator bool() const noexcept { return image_.data != nullptr; }

  std::int32_t width() const noexcept { return image_.width; }
  std::int32_t height() const noexcept { return image_.height; }
  PixelFormat format() const noexcept { return image_.format; }
  PixelType type() const noexcept { return image_.type; }
  /** 1, 3 or 4; NV12 and NV21 are planes of 1. */
  int channels() const noexcept {
    if (format() == MSLITE_PIXEL_RGB || format() == MSLITE_PIXEL_BGR) return 3;
    return format() == MSLITE_PIXEL_RGBA ? 4 : 1;
  }
  /** Elements of the picture's tensor. */
  std::size_t element_count() const noexcept {
    return static_cast<std::size_t>(width()) * static_cast<std::size_t>(height()) * static_cast<std::size_t>(channels());
  }
  /** The whole picture as a box. */
  Box bounds() const noexcept { return {0, 0, static_cast<float>(width()), static_cast<float>(height())}; }

  /** The channels of a row; for pictures of bytes `std::uint8_t`, of floats `float`. Empty for another type and beyond the last row. */
  template <class T>
  Span<T> row(std::int32_t y) const noexcept {
    static_assert(std::is_same_v<T, std::uint8_t> || std::is_same_v<T, float>, "pictures are of bytes or floats");
    const bool is_bytes = std::is_same_v<T, std::uint8_t>;
    if (y < 0 || y >= height() || is_bytes != (type() == MSLITE_PIXEL_U8)) return {};
    auto *start = static_cast<unsigned char *>(image_.data) + static_cast<std::size_t>(y) * image_.stride;
    return {reinterpret_cast<T *>(start), static_cast<std::size_t>(width()) * static_cast<std::size_t>(channels())};
  }

  /** A part of the picture, which it must lie in: the same pixels, not a copy. Not of NV12 and NV21. */
  Result<ImageView> part(std::int32_t x, std::int32_t y, std::int32_t width, std::int32_t height) const {
    const bool is_inside = x >= 0 && y >= 0 && width > 0 && height > 0 && width <= this->width() - x && height <= this->height() - y;
    if (!is_inside || format() == MSLITE_PIXEL_NV12 || format() == MSLITE_PIXEL_NV21)
      return Error(OH_AI_STATUS_LITE_PARAM_INVALID, std::to_string(width) + " x " + std::to_string(height) + " pixels at " + std::to_string(x) +
                                                      ", " + std::to_string(y) + " of a picture of " + std::to_string(this->width()) + " x " +
                                                      std::to_string(this->height()) + ", format " + std::to_string(format()));
    const std::size_t pixel_size = static_cast<std::size_t>(channels()) * (type() == MSLITE_PIXEL_U8 ? 1 : sizeof(float));
    MSLite_Image inner = image_;
    inner.data =
      static_cast<unsigned char *>(image_.data) + static_cast<std::size_t>(y) * image_.stride + static_cast<std::size_t>(x) * pixel_size;
    inner.width = width;
    inner.height = height;
    return ImageView(inner);
  }

  /** @param path of a PNG file; an existing one is replaced */
  Result<void> write_png(const char *path) const { return detail::image_result(MSLite_ImageWritePNG(&image_, path)); }

  /* --- into another picture, whose size and format say what is wanted: see the function of image.h of that name --- */

  Result<void> convert_into(const ImageView &destination) const {
    return detail::image_result(MSLite_ImageConvert(&image_, &destination.image_));
  }
  Result<void> resize_into(const ImageView &destination, Interpolation interpolation = MSLITE_INTERPOLATION_BILINEAR) const {
    return detail::image_result(MSLite_ImageResize(&image_, &destination.image_, interpolation));
  }
  Result<void> crop_into(std::int32_t x, std::int32_t y, const ImageView &destination) const {
    return detail::image_result(MSLite_ImageCrop(&image_, x, y, &destination.image_));
  }
  Result<void> pad_into(std::int32_t left, std::int32_t top, const ImageView &destination, Border border = MSLITE_BORDER_CONSTANT,
                        const Color &value = {0}) const {
    return detail::image_result(MSLite_ImagePad(&image_, left, top, border, value.channels, &destination.image_));
  }
  Result<void> rotate90_into(std::int32_t quarter_turns, const ImageView &destination) const {
    return detail::image_result(MSLite_ImageRotate90(&image_, quarter_turns, &destination.image_));
  }
  Result<Letterbox> letterbox_into(const ImageView &destination, const Color &value = {0}) const {
    Letterbox placement;
    const OH_AI_Status status = MSLite_ImageLetterbox(&image_, value.channels, &destination.image_, &placement);
    if (status != OH_AI_STATUS_SUCCESS) return detail::image_error(status);
    return placement;
  }
  /** @param matrix 2 rows of 3 numbers */
  Result<void> warp_affine_into(const double (&matrix)[6], const ImageView &destination,
                                Interpolation interpolation = MSLITE_INTERPOLATION_BILINEAR, Border border = MSLITE_BORDER_CONSTANT,
                                const Color &value = {0}) const {
    return detail::image_result(MSLite_ImageWarpAffine(&image_, matrix, interpolation, border, value.channels, &destination.image_));
  }
  /** @param matrix 3 rows of 3 numbers */
  Result<void> warp_perspective_into(const double (&matrix)[9], const ImageView &destination,
                                     Interpolation interpolation = MSLITE_INTERPOLATION_BILINEAR,
                                     Border border = MSLITE_BORDER_CONSTANT, const Color &value = {0}) const {
    return detail::image_result(
      MSLite_ImageWarpPerspective(&image_, matrix, interpolation, border, value.channels, &destination.image_));
  }
  /**
   * Cuts out a turned box and scales it to the destination's size, bilinear. What the box has outside of the picture is `border`.
   * @param box of positive width and height; part (u, v) of it comes to part (u, v) of the destination
   */
  Result<void> cut_into(const RotatedBox &box, const ImageView &destination, Border border = MSLITE_BORDER_CONSTANT,
                        const Color &value = {0}) const {
    /* From the picture to the destination, corners at whole numbers; then from pixels' middles to middles. */
    const double across = destination.width() / static_cast<double>(box.width), down = destination.height() / static_cast<double>(box.height);
    const double cosine = std::cos(static_cast<double>(box.angle)), sine = std::sin(static_cast<double>(box.angle));
    const double x = box.centre.x, y = box.centre.y;
    double matrix[6] = {across * cosine, across * sine, destination.width() / 2.0 - across * (cosine * x + sine * y),
                        -down * sine,    down * cosine, destination.height() / 2.0 - down * (cosine * y - sine * x)};
    matrix[2] += (matrix[0] + matrix[1] - 1) / 2;
    matrix[5] += (matrix[3] + matrix[4] - 1) / 2;
    return warp_affine_into(matrix, destination, MSLITE_INTERPOLATION_BILINEAR, border, value);
  }

  /**
   * Cuts out what lies between four corners, straightens it and scales it to the destination's size, bilinear. What lies outside of the
   * picture is `border`.
   * @param corners what comes to the destination's upper left, upper right, lower right and lower left one; no three on one line
   */
  Result<void> cut_into(Span<const Point> corners, const ImageView &destination, Border border = MSLITE_BORDER_CONSTANT,
                        const Color &value = {0}) const {
    if (corners.size() != 4)
      return Error(OH_AI_STATUS_LITE_PARAM_INVALID, "a part of a picture with " + std::to_string(corners.size()) + " corners instead of 4");
    /* Of pixels' middles. */
    const double right = destination.width() - 0.5, bottom = destination.height() - 0.5;
    const double to[] = {-0.5, -0.5, right, -0.5, right, bottom, -0.5, bottom};
    double from[8], matrix[9];
    for (std::size_t i = 0; i < 4; i++) {
      from[2 * i] = static_cast<double>(corners[i].x) - 0.5;
      from[2 * i + 1] = static_cast<double>(corners[i].y) - 0.5;
    }
    const OH_AI_Status status = MSLite_ImagePerspectiveMatrix(from, to, matrix);
    if (status != OH_AI_STATUS_SUCCESS) return detail::image_error(status);
    return warp_perspective_into(matrix, destination, MSLITE_INTERPOLATION_BILINEAR, border, value);
  }

  /* --- as a new picture --- */

  inline Result<Image> copy() const;
  inline Result<Image> converted(PixelFormat format) const;
  inline Result<Image> resized(std::int32_t width, std::int32_t height, Interpolation interpolation = MSLITE_INTERPOLATION_BILINEAR) const;
  inline Result<Image> cropped(std::int32_t x, std::int32_t y, std::int32_t width, std::int32_t height) const;
  inline Result<Image> rotated90(std::int32_t quarter_turns) const;

  /**
   * Writes a picture of bytes as the tensor that a model reads.
   * @param tensor element_count() floats
   */
  Result<void> to_tensor(Span<float> tensor, const Normalization &how = {}) const {
    if (tensor.size() != element_count())
      return Error(OH_AI_STATUS_LITE_PARAM_INVALID, "a picture of " + std::to_string(width()) + " x " + std::to_string(height()) + " x " +
                                                      std::to_string(channels()) + " for a tensor of " + std::to_string(tensor.size()) +
                                                      " elements");
    return detail::image_result(MSLite_ImageNormalize(&image_, how.order, how.layout, how.scale, how.mean.channels, how.deviation.channels,
                                                      tensor.data()));
  }

  /* --- drawing; what lies outside of the picture is cut off --- */

  /** @param thickness 1...1000 pixels */
  Result<void> draw_line(Point from, Point to, std::int32_t thickness, const Color &color) const {
    return detail::image_result(MSLite_ImageDrawLine(&image_, detail::pixel(from.x), detail::pixel(from.y), detail::pixel(to.x),
                                                     detail::pixel(to.y), thickness, color.channels));
  }
  /** A disc. @param diameter 1...1000 pixels */
  Result<void> draw_point(Point place, std::int32_t diameter, const Color &color) const {
    return draw_line(place, place, diameter, color);
  }
  /** @param thickness of the frame, inwards; 0 fills the box. A box without area draws nothing. */
  Result<void> draw_box(const Box &box, std::int32_t thickness, const Color &color) const {
    const std::int32_t x = detail::nearest(box.left), y = detail::nearest(box.top);
    const std::int32_t width = detail::nearest(box.right) - x, height = detail::nearest(box.bottom) - y;
    if (width <= 0 || height <= 0) return {};
    return detail::image_result(MSLite_ImageDrawBox(&image_, x, y, width, height, thickness, color.channels));
  }
  /** The turned box's four edges. @param thickness 1...1000 pixels */
  Result<void> draw_box(const RotatedBox &box, std::int32_t thickness, const Color &color) const {
    const Point corners[] = {box.place(0, 0), box.place(1, 0), box.place(1, 1), box.place(0, 1)};
    for (int i = 0; i < 4; i++)
      if (Result<void> drawn = draw_line(corners[i], corners[(i + 1) % 4], thickness, color); !drawn) return drawn;
    return {};
  }
  /** @param mask GRAY of bytes, of the picture's size; @param opacity 0...1 */
  Result<void> draw_mask(const ImageView &mask, const Color &color, float opacity) const {
    return detail::image_result(MSLite_ImageDrawMask(&image_, &mask.image_, color.channels, opacity));
  }
  /** @param place of the first letter's upper left corner; @param scale 1...100: letters are 5 x 7 times that */
  Result<void> draw_text(Point place, const char *text, std::int32_t scale, const Color &color) const {
    return detail::image_result(
      MSLite_ImageDrawText(&image_, detail::nearest(place.x), detail::nearest(place.y), text, scale, color.channels));
  }
  /** A box with a line of text on a bar of its colour: over its upper edge, or below that where there is no room. */
  Result<void> draw_label(const Box &box, const char *text, std::int32_t scale, const Color &color, const Color &text_color) const {
    const auto cells = std::count_if(text, text + std::strlen(text), [](char c) { return (c & 0xC0) != 0x80; });
    const auto pixels = static_cast<float>(scale);
    const float bar_width = (static_cast<float>(cells) * MSLITE_FONT_WIDTH + 1) * pixels, bar_height = (MSLITE_FONT_HEIGHT + 1) * pixels;
    const float left = std::max(std::min(box.left, static_cast<float>(width()) - bar_width), 0.0f);
    const float top = box.top >= bar_height ? box.top - bar_height : std::max(box.top, 0.0f);
    if (Result<void> drawn = draw_box(box, std::max(scale, 2), color); !drawn) return drawn;
    if (Result<void> drawn = draw_box(Box{left, top, left + bar_width, top + bar_height}, 0, color); !drawn) return drawn;
    return draw_text({left + pixels, top + 2 * pixels}, text, scale, text_color);
  }

 protected:
  MSLite_Image image_;
};

/** A picture of the program's own. A moved-from one is like a view of nothing. */
class Image : public ImageView {
 public:
  Image() noexcept = default;
  Image(Image &&other) noexcept : ImageView(std::exchange(other.image_, MSLite_Image())) {}
  Image &operator=(Image &&other) noexcept {
    if (this != &other) {
      MSLite_ImageFree(&image_);
      image_ = std::exchange(other.image_, MSLite_Image());
    }
    return *this;
  }
  ~Image() { MSLite_ImageFree(&image_); }

  /** A picture of zeros. */
  static Result<Image> create(std::int32_t width, std::int32_t height, PixelFormat format = MSLITE_PIXEL_RGB,
                              PixelType type = MSLITE_PIXEL_U8) {
    return made([&](MSLite_Image *image) { return MSLite_ImageCreate(width, height, format, type, image); });
  }
  /** Of a PNG or JPEG file. @param format GRAY, RGB, BGR or RGBA */
  static Result<Image> read(const char *path, PixelFormat format = MSLITE_PIXEL_RGB) {
    return made([&](MSLite_Image *image) { return MSLite_ImageRead(path, format, image); });
  }
  /** Of such a file's contents. */
  static Result<Image> decode(Span<const std::uint8_t> bytes, PixelFormat format = MSLITE_PIXEL_RGB) {
    return made([&](MSLite_Image *image) { return MSLite_ImageDecode(bytes.data(), bytes.size(), format, image); });
  }

 private:
  template <class Make>
  static Result<Image> made(Make make) {
    Image image;
    const OH_AI_Status status = make(&image.image_);
    if (status != OH_AI_STATUS_SUCCESS) return detail::image_error(status);
    return image;
  }
};

namespace detail {

/** A new picture that `fill` has filled. */
template <class Fill>
Result<Image> filled(std::int32_t width, std::int32_t height, PixelFormat format, PixelType type, Fill fill) {
  Result<Image> image = Image::create(width, height, format, type);
  if (image)
    if (const Result<void> done = fill(*image); !done) return done.error();
  return image;
}

}  // namespace detail

inline Result<Image> ImageView::copy() const { return cropped(0, 0, width(), height()); }
inline Result<Image> ImageView::converted(PixelFormat format) const {
  return detail::filled(width(), height(), format, type(), [&](const Image &image) { return convert_into(image); });
}
inline Result<Image> ImageView::resized(std::int32_t width, std::int32_t height, Interpolation interpolation) const {
  return detail::filled(width, height, format(), type(), [&](const Image &image) { return resize_into(image, interpolation); });
}
inline Result<Image> ImageView::cropped(std::int32_t x, std::int32_t y, std::int32_t width, std::int32_t height) const {
  return detail::filled(width, height, format(), type(), [&](const Image &image) { return crop_into(x, y, image); });
}
inline Result<Image> ImageView::rotated90(std::int32_t quarter_turns) const {
  const bool is_swapped = quarter_turns % 2 != 0;
  return detail::filled(is_swapped ? height() : width(), is_swapped ? width() : height(), format(), type(),
                        [&](const Image &image) { return rotate90_into(quarter_turns, image); });
}

/**
 * Non-maximum suppression: see MSLite_ImageSuppressBoxes.
 * @param scores one for each box
 * @param classes one for each box; empty when there is one class
 * @return indices of the boxes kept, best first, `capacity` at most
 */
inline Result<std::vector<std::int32_t>> suppress_boxes(Span<const Box> boxes, Span<const float> scores, float score_threshold,
                                                        float iou_threshold, Span<const std::int32_t> classes = {},
                                                        std::size_t capacity = 100) {
  if (scores.size() != boxes.size() || (!classes.empty() && classes.size() != boxes.size()))
    return Error(OH_AI_STATUS_LITE_PARAM_INVALID, std::to_string(boxes.size()) + " boxes with " + std::to_string(scores.size()) +
                                                    " scores and " + std::to_string(classes.size()) + " classes");
  if (boxes.empty()) return std::vector<std::int32_t>();
  std::vector<std::int32_t> kept(std::min(capacity, boxes.size()));
  std::size_t count = 0;
  const OH_AI_Status status =
    MSLite_ImageSuppressBoxes(reinterpret_cast<const float *>(boxes.data()), scores.data(), classes.empty() ? nullptr : classes.data(),
                              boxes.size(), score_threshold, iou_threshold, kept.size(), kept.data(), &count);
  if (status != OH_AI_STATUS_SUCCESS) return detail::image_error(status);
  kept.resize(count);
  return kept;
}

}  // namespace mslite
#endif
