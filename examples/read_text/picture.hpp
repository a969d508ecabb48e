/** A picture that frees itself, and the crop that orientation and recognition read. */
#ifndef READ_TEXT_PICTURE_HPP
#define READ_TEXT_PICTURE_HPP

#include <stdexcept>
#include <utility>
#include "geometry.hpp"
#include "mslite/image.h"

/** Throws what image.h has to say about a call that failed. */
inline void check(OH_AI_Status status) {
  if (status != OH_AI_STATUS_SUCCESS) throw std::runtime_error(MSLite_ImageGetLastError());
}

/** Red, green and blue in bytes. */
class Picture {
 public:
  Picture(int width, int height) { check(MSLite_ImageCreate(width, height, MSLITE_PIXEL_RGB, MSLITE_PIXEL_U8, &image_)); }
  explicit Picture(const char *path) { check(MSLite_ImageRead(path, MSLITE_PIXEL_RGB, &image_)); }
  Picture(Picture &&other) noexcept : image_(std::exchange(other.image_, {})) {}
  ~Picture() { MSLite_ImageFree(&image_); }

  const MSLite_Image *image() const { return &image_; }
  int width() const { return image_.width; }
  int height() const { return image_.height; }

  Picture resized(int width, int height) const {
    Picture result(width, height);
    check(MSLite_ImageResize(&image_, &result.image_, MSLITE_INTERPOLATION_BILINEAR));
    return result;
  }
  /** What lies between four corners, straightened and brought to a size, at the left of a grey picture of `padded_width`. */
  Picture straightened(const Corners &corners, int width, int height, int padded_width) const {
    const double w = width, h = height;
    const double from[] = {corners[0].x, corners[0].y, corners[1].x, corners[1].y, corners[2].x, corners[2].y, corners[3].x, corners[3].y};
    const double to[] = {0, 0, w, 0, w, h, 0, h};
    double matrix[9];
    check(MSLite_ImagePerspectiveMatrix(from, to, matrix));
    Picture result(padded_width, height);
    const float grey[] = {127.5f, 127.5f, 127.5f};
    check(MSLite_ImageDrawBox(&result.image_, 0, 0, padded_width, height, 0, grey));
    MSLite_Image left = result.image_;
    left.width = width;
    check(MSLite_ImageWarpPerspective(&image_, matrix, MSLITE_INTERPOLATION_BILINEAR, MSLITE_BORDER_REPLICATE, nullptr, &left));
    return result;
  }
  /** Values of -1...1 as a network of PP-OCR reads them: blue, green and red of each pixel. */
  void normalize(float *tensor) const {
    const float half[] = {0.5f, 0.5f, 0.5f};
    check(MSLite_ImageNormalize(&image_, MSLITE_PIXEL_BGR, MSLITE_LAYOUT_HWC, 1.0f / 255, half, half, tensor));
  }

 private:
  MSLite_Image image_ = {};
};

#endif
