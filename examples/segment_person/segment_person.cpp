/* Finds the person in a picture, draws that over the picture, and blurs what is behind.
 *
 *   segment_person MODEL.ms PICTURE RESULT.png MASK.png
 *
 * The model (MediaPipe's selfie segmentation, landscape) sees the picture in 256 x 144 pixels and gives for each of them how likely it is
 * a person's. */
#include <cmath>
#include <cstdio>
#include <stdexcept>

#include <mslite/image.hpp>
#include <mslite/mslite.hpp>

#include "../timing.hpp"

using mslite::Image;

class Segmenter {
 public:
  explicit Segmenter(const char *path)
      : model(mslite::Model::from_file(path).value()),
        small(Image::create(WIDTH, HEIGHT).value()),
        small_mask(Image::create(WIDTH, HEIGHT, MSLITE_PIXEL_GRAY).value()) {}

  /* A grey picture of the same size: 255 where a person is, 0 where none is. */
  Image find(const Image &picture) {
    picture.resize_into(small).value(); /* the shape of the picture is not kept */
    small.to_tensor(model.inputs()[0].mutable_data<float>().value()).value(); /* 0...1 */
    model.predict().value();
    const auto likely = model.outputs()[0].data<float>().value();
    if (likely.size() != WIDTH * HEIGHT) throw std::runtime_error("not the expected model");
    for (int y = 0; y < HEIGHT; y++)
      for (int x = 0; x < WIDTH; x++) small_mask.row<uint8_t>(y)[x] = static_cast<uint8_t>(std::lround(255 * likely[y * WIDTH + x]));
    return small_mask.resized(picture.width(), picture.height()).value();
  }

 private:
  enum { WIDTH = 256, HEIGHT = 144 };
  mslite::Model model;
  Image small, small_mask;
};

/* Scaled down so far that details are gone, and up again. */
static Image blurred(const Image &picture) {
  const Image tiny = picture.resized(std::max(picture.width() / 24, 1), std::max(picture.height() / 24, 1), MSLITE_INTERPOLATION_AREA).value();
  return tiny.resized(picture.width(), picture.height(), MSLITE_INTERPOLATION_BICUBIC).value();
}

/* Puts the person of `picture` before `background`, which has its size. */
static void compose(const Image &picture, const Image &mask, const Image &background) {
  for (int y = 0; y < picture.height(); y++) {
    const auto from = picture.row<uint8_t>(y), person = mask.row<uint8_t>(y), to = background.row<uint8_t>(y);
    for (size_t i = 0; i < to.size(); i++) to[i] = static_cast<uint8_t>((from[i] * person[i / 3] + to[i] * (255 - person[i / 3]) + 127) / 255);
  }
}

/* Prints how much of the picture is a person, and the box around it. */
static void print(const Image &mask) {
  int count = 0, left = mask.width(), top = mask.height(), right = 0, bottom = 0;
  for (int y = 0; y < mask.height(); y++)
    for (int x = 0; x < mask.width(); x++) {
      if (mask.row<uint8_t>(y)[x] < 128) continue;
      count++;
      left = std::min(left, x), right = std::max(right, x + 1);
      top = std::min(top, y), bottom = std::max(bottom, y + 1);
    }
  if (count == 0) std::printf("no person\n");
  else std::printf("person: %.1f %% of the picture, box %d %d %d %d\n", 100.0 * count / mask.width() / mask.height(), left, top, right, bottom);
}

static void run(char **argv) {
  const Image picture = Image::read(argv[2]).value();
  Segmenter segmenter(argv[1]);
  const Image mask = segmenter.find(picture);
  std::printf("%s, %d x %d pixels\n", argv[2], picture.width(), picture.height());
  print(mask);
  std::printf("segmentation: median %.2f ms\n", median_milliseconds([&] { segmenter.find(picture); }));

  /* Left: the mask over the picture; right: the person before a blurred background. */
  const int width = picture.width(), height = picture.height();
  const Image result = Image::create(2 * width, height).value();
  const mslite::ImageView left = result.part(0, 0, width, height).value();
  picture.crop_into(0, 0, left).value();
  left.draw_mask(mask, {64, 160, 255}, 0.6f).value();
  const Image background = blurred(picture);
  compose(picture, mask, background);
  background.crop_into(0, 0, result.part(width, 0, width, height).value()).value();
  result.write_png(argv[3]).value();
  mask.write_png(argv[4]).value();
}

int main(int argc, char **argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: segment_person MODEL.ms PICTURE RESULT.png MASK.png\n");
    return 2;
  }
  try {
    run(argv);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "segment_person: %s\n", error.what());
    return 1;
  }
  return 0;
}
