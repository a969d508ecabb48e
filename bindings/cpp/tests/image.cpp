/* image.hpp, which needs libmslite_image.so alone: what the functions give, that boxes and places come back where they were, and that
 * wrong use is an error.
 *
 *   image PICTURE      examples/classify/grace_hopper.jpg */
#include <array>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>
#include "check.h"
#include "mslite/image.hpp"

using mslite::Box;
using mslite::Image;
using mslite::ImageView;
using mslite::Point;

namespace {

static_assert(!std::is_copy_constructible_v<Image> && !std::is_copy_assignable_v<Image> && std::is_nothrow_move_constructible_v<Image> &&
              std::is_nothrow_move_assignable_v<Image>);
static_assert(std::is_trivially_copyable_v<ImageView>);

template <class R>
bool fails(R &&result, OH_AI_Status status) {
  if (result.has_value()) return false;
  if (result.status() != status || *result.error().text() == 0) {
    std::fprintf(stderr, "status %08x: %s\n", static_cast<unsigned>(result.status()), result.error().text());
    return false;
  }
  return true;
}

bool near(float a, float b, float tolerance = 1e-3f) { return std::fabs(a - b) <= tolerance; }
bool near(Point a, Point b, float tolerance = 1e-3f) { return near(a.x, b.x, tolerance) && near(a.y, b.y, tolerance); }

std::uint8_t *pixel(const ImageView &image, int x, int y) { return image.row<std::uint8_t>(y).data() + x * image.channels(); }

void files(const char *path) {
  const Image photo = Image::read(path).value();
  CHECK(photo && photo.width() == 512 && photo.height() == 600 && photo.channels() == 3 && photo.type() == MSLITE_PIXEL_U8);
  CHECK(Image::read(path, MSLITE_PIXEL_GRAY)->channels() == 1 && Image::read(path, MSLITE_PIXEL_RGBA)->channels() == 4);
  std::FILE *file = std::fopen(path, "rb");
  std::vector<std::uint8_t> bytes(1 << 20);
  if (file != nullptr) {
    bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file));
    std::fclose(file);
  }
  const Image decoded = Image::decode(bytes, MSLITE_PIXEL_BGR).value();
  CHECK(pixel(decoded, 300, 40)[0] == pixel(photo, 300, 40)[2]);
  bytes.resize(100);
  CHECK(fails(Image::decode(bytes), OH_AI_STATUS_LITE_ERROR));
  CHECK(fails(Image::read("/no/such.png"), OH_AI_STATUS_LITE_ERROR));
  CHECK(fails(photo.write_png("/no/such/folder/a.png"), OH_AI_STATUS_LITE_ERROR));
  CHECK(fails(Image::create(0, 5), OH_AI_STATUS_LITE_PARAM_INVALID));
}

void owners_and_views() {
  Image a = Image::create(4, 3).value();
  pixel(a, 1, 2)[0] = 7;
  void *data = a.handle().data;
  Image b = std::move(a);
  CHECK(!a && b.handle().data == data && a.row<std::uint8_t>(0).empty()); /* NOLINT: moved-from on purpose */
  CHECK(fails(a.resized(2, 2), OH_AI_STATUS_LITE_NULLPTR) && fails(a.draw_text({0, 0}, "x", 1, {1}), OH_AI_STATUS_LITE_NULLPTR));
  CHECK(fails(a.copy(), OH_AI_STATUS_LITE_PARAM_INVALID) && !a.part(0, 0, 1, 1));
  Image &same = b;
  b = std::move(same);
  CHECK(pixel(b, 1, 2)[0] == 7);
  a = std::move(b);
  CHECK(a && !b && a.row<std::uint8_t>(2).size() == 12); /* NOLINT: moved-from on purpose */
  CHECK(a.row<float>(0).empty() && a.row<std::uint8_t>(3).empty() && a.row<std::uint8_t>(-1).empty());

  /* A part is the same pixels. */
  const ImageView part = a.part(1, 1, 2, 2).value();
  CHECK(pixel(part, 0, 1)[0] == 7);
  pixel(part, 1, 0)[2] = 9;
  CHECK(pixel(a, 2, 1)[2] == 9);
  const Image copy = a.copy().value();
  pixel(a, 2, 1)[2] = 1;
  CHECK(pixel(copy, 2, 1)[2] == 9);
  const int beyond = std::numeric_limits<int>::max();
  for (const auto &[x, y, width, height] :
       {std::array{3, 0, 2, 1}, {0, 2, 1, 2}, {-1, 0, 1, 1}, {0, 0, 0, 1}, {1, 0, beyond, 1}, {beyond, 0, 1, 1}})
    CHECK(fails(a.part(x, y, width, height), OH_AI_STATUS_LITE_PARAM_INVALID));
  CHECK(fails(Image::create(4, 4, MSLITE_PIXEL_NV12)->part(0, 0, 2, 2), OH_AI_STATUS_LITE_PARAM_INVALID));

  /* The caller's memory. */
  std::vector<float> memory(6, 0.5f);
  const ImageView floats(MSLite_Image{memory.data(), 3 * sizeof(float), 3, 2, MSLITE_PIXEL_GRAY, MSLITE_PIXEL_F32});
  CHECK(floats.row<float>(1).data() == memory.data() + 3 && floats.resized(6, 4)->row<float>(3)[5] == 0.5f);
  CHECK(floats.part(1, 1, 2, 1)->row<float>(0).data() == memory.data() + 4);
}

void geometry() {
  const Image a = Image::create(40, 20).value();
  pixel(a, 30, 5)[1] = 200;
  CHECK(a.rotated90(1)->width() == 20 && a.rotated90(-3)->height() == 40 && a.rotated90(2)->width() == 40);
  CHECK(pixel(*a.rotated90(2), 9, 14)[1] == 200);
  CHECK(pixel(*a.cropped(30, 5, 4, 4), 0, 0)[1] == 200 && fails(a.cropped(30, 5, 11, 4), OH_AI_STATUS_LITE_PARAM_INVALID));
  CHECK(a.converted(MSLITE_PIXEL_GRAY)->channels() == 1 && a.bounds().right == 40 && a.element_count() == 2400);
  const Image padded = Image::create(50, 30).value();
  CHECK(a.pad_into(5, 6, padded, MSLITE_BORDER_CONSTANT, {1, 2, 3}).has_value());
  CHECK(pixel(padded, 35, 11)[1] == 200 && pixel(padded, 0, 0)[2] == 3);

  const Image square = Image::create(20, 20).value();
  const mslite::Letterbox placement = a.letterbox_into(square, {9, 9, 9}).value();
  CHECK(placement.top == 5 && placement.left == 0 && near(placement.scale, 0.5f) && pixel(square, 0, 0)[0] == 9);
  const Box box = placement.to_source(Box{0, 5, 20, 15});
  CHECK(near(box.left, 0) && near(box.top, 0) && near(box.right, 40) && near(box.bottom, 20));
  CHECK(near(placement.to_source(Point{10, 10}), {20, 10}));

  const double move[6] = {1, 0, 3, 0, 1, 2};
  const Image moved = Image::create(40, 20).value();
  CHECK(a.warp_affine_into(move, moved).has_value() && pixel(moved, 33, 7)[1] == 200);
  const double same[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  CHECK(a.warp_perspective_into(same, moved).has_value() && pixel(moved, 30, 5)[1] == 200);
  const double flat[6] = {0, 0, 0, 0, 0, 0};
  CHECK(fails(a.warp_affine_into(flat, moved), OH_AI_STATUS_LITE_PARAM_INVALID));
}

/* A turned box: its corners, and that what is cut out lies where place() says. */
void rotated_boxes() {
  const float quarter = std::acos(0.0f);
  const mslite::RotatedBox upright = {{20, 10}, 8, 4, 0}, turned = {{20, 10}, 8, 4, quarter};
  CHECK(near(upright.place(0, 0), {16, 8}) && near(upright.place(1, 1), {24, 12}) && near(upright.place(0.5f, 0.5f), {20, 10}));
  /* Clockwise: the left edge is above. */
  CHECK(near(turned.place(0, 0.5f), {20, 6}) && near(turned.place(0.5f, 0), {22, 10}));

  const Image a = Image::create(60, 40, MSLITE_PIXEL_GRAY).value();
  for (int y = 0; y < 40; y++)
    for (int x = 0; x < 60; x++) *pixel(a, x, y) = static_cast<std::uint8_t>(3 * x + y);
  const Image cut = Image::create(16, 8, MSLITE_PIXEL_GRAY).value();
  for (const float angle : {0.0f, 0.4f, -0.9f, quarter}) {
    const mslite::RotatedBox box = {{28.3f, 19.6f}, 12, 9, angle};
    CHECK(a.cut_into(box, cut).has_value());
    for (int y = 0; y < 8; y += 7)
      for (int x = 0; x < 16; x += 5) {
        const Point place = box.place((static_cast<float>(x) + 0.5f) / 16, (static_cast<float>(y) + 0.5f) / 8);
        CHECK(near(*pixel(cut, x, y), 3 * (place.x - 0.5f) + place.y - 0.5f, 0.75f));
      }
  }
  /* A box of the picture's pixels cuts out just these. */
  const Image exact = Image::create(10, 6, MSLITE_PIXEL_GRAY).value();
  CHECK(a.cut_into({{25, 13}, 10, 6, 0}, exact).has_value());
  CHECK(*pixel(exact, 0, 0) == *pixel(a, 20, 10) && *pixel(exact, 9, 5) == *pixel(a, 29, 15));
  CHECK(a.cut_into({{0, 0}, 10, 6, 0}, exact, MSLITE_BORDER_CONSTANT, {77}).has_value() && *pixel(exact, 0, 0) == 77);
  CHECK(fails(a.cut_into({{20, 20}, 0, 6, 0}, exact), OH_AI_STATUS_LITE_PARAM_INVALID));
}

/* Four corners: of a turned box they cut out what the box does; of a trapezium, lines that meet become parallel. */
void corners() {
  const Image a = Image::create(60, 40, MSLITE_PIXEL_GRAY).value();
  for (int y = 0; y < 40; y++)
    for (int x = 0; x < 60; x++) *pixel(a, x, y) = static_cast<std::uint8_t>(3 * x + y);
  const Image by_box = Image::create(16, 8, MSLITE_PIXEL_GRAY).value(), by_corners = Image::create(16, 8, MSLITE_PIXEL_GRAY).value();
  const mslite::RotatedBox box = {{28.3f, 19.6f}, 12, 9, 0.4f};
  const Point turned[] = {box.place(0, 0), box.place(1, 0), box.place(1, 1), box.place(0, 1)};
  CHECK(a.cut_into(box, by_box).has_value() && a.cut_into(turned, by_corners).has_value());
  for (int y = 0; y < 8; y++)
    for (int x = 0; x < 16; x++) CHECK(std::abs(*pixel(by_box, x, y) - *pixel(by_corners, x, y)) <= 1);

  const Point trapezium[] = {{20, 10}, {30, 10}, {40, 30}, {10, 30}};
  CHECK(a.cut_into(trapezium, by_corners).has_value());
  /* Far is small: the middle of the first row of 8 is at 10.43 in the trapezium, where it is 10.43 wide, that of the last at 26.67. */
  CHECK(near(*pixel(by_corners, 0, 0), 68.8f, 1) && near(*pixel(by_corners, 15, 0), 98.1f, 1));
  CHECK(near(*pixel(by_corners, 0, 7), 62.2f, 1) && near(*pixel(by_corners, 15, 7), 137.2f, 1));
  const Point outside[] = {{-20, -20}, {-10, -20}, {-10, -10}, {-20, -10}};
  CHECK(a.cut_into(outside, by_corners, MSLITE_BORDER_CONSTANT, {77}).has_value() && *pixel(by_corners, 3, 3) == 77);

  const Point line[] = {{0, 0}, {1, 1}, {2, 2}, {0, 5}};
  CHECK(fails(a.cut_into(line, by_corners), OH_AI_STATUS_LITE_PARAM_INVALID));
  CHECK(fails(a.cut_into(mslite::Span<const Point>(line, 3), by_corners), OH_AI_STATUS_LITE_PARAM_INVALID));
}

void tensors() {
  const Image a = Image::create(2, 1).value();
  const std::uint8_t values[] = {0, 127, 255, 51, 102, 204};
  std::copy(std::begin(values), std::end(values), pixel(a, 0, 0));
  std::vector<float> tensor(6);
  CHECK(a.to_tensor(tensor).has_value() && near(tensor[2], 1) && near(tensor[3], 0.2f));
  CHECK(a.to_tensor(tensor, {1 / 127.5f, {1, 1, 1}}).has_value() && near(tensor[0], -1) && near(tensor[2], 1));
  CHECK(a.to_tensor(tensor, {1, {1, 2, 3}, {2, 2, 4}, MSLITE_LAYOUT_CHW, MSLITE_PIXEL_BGR}).has_value());
  CHECK(near(tensor[0], 127) && near(tensor[1], 101.5f) && near(tensor[4], -3.0f / 4) && near(tensor[5], 48.0f / 4));
  tensor.resize(5);
  CHECK(fails(a.to_tensor(tensor), OH_AI_STATUS_LITE_PARAM_INVALID));
  tensor.resize(2);
  const Image grey = Image::create(2, 1, MSLITE_PIXEL_GRAY).value();
  CHECK(fails(grey.to_tensor(tensor), OH_AI_STATUS_LITE_PARAM_INVALID)); /* the order is of three channels */
}

void boxes() {
  CHECK(near(mslite::overlap({0, 0, 10, 10}, {5, 0, 15, 10}), 1.0f / 3) && mslite::overlap({0, 0, 1, 1}, {1, 0, 2, 1}) == 0);
  CHECK(mslite::overlap({0, 0, 0, 0}, {0, 0, 0, 0}) == 0 && mslite::overlap({0, 0, 4, 4}, {0, 0, 4, 4}) == 1);
  const std::vector<Box> list = {{0, 0, 10, 10}, {1, 0, 11, 10}, {50, 50, 60, 60}, {0, 0, 10, 10}};
  const std::vector<float> scores = {0.6f, 0.9f, 0.7f, 0.2f};
  const std::vector<std::int32_t> classes = {0, 1, 1, 0};
  CHECK((mslite::suppress_boxes(list, scores, 0.3f, 0.5f).value() == std::vector<std::int32_t>{1, 2}));
  CHECK((mslite::suppress_boxes(list, scores, 0.3f, 0.5f, classes).value() == std::vector<std::int32_t>{1, 2, 0}));
  CHECK((mslite::suppress_boxes(list, scores, 0.1f, 1, {}, 1).value() == std::vector<std::int32_t>{1}));
  CHECK(mslite::suppress_boxes({}, {}, 0, 0.5f)->empty());
  CHECK(fails(mslite::suppress_boxes(list, mslite::Span<const float>(scores.data(), 3), 0, 0.5f), OH_AI_STATUS_LITE_PARAM_INVALID));
  const mslite::Span<const std::int32_t> one(classes.data(), 1);
  CHECK(fails(mslite::suppress_boxes(list, scores, 0, 0.5f, one), OH_AI_STATUS_LITE_PARAM_INVALID));
  CHECK(fails(mslite::suppress_boxes(list, scores, 0, 2), OH_AI_STATUS_LITE_PARAM_INVALID));
}

int count(const Image &image, std::uint8_t red) {
  int found = 0;
  for (int y = 0; y < image.height(); y++)
    for (int x = 0; x < image.width(); x++) found += pixel(image, x, y)[0] == red;
  return found;
}

void drawing() {
  Image a = Image::create(100, 60).value();
  CHECK(a.draw_box(Box{10.4f, 10.4f, 20.4f, 15.4f}, 0, {50}).has_value() && count(a, 50) == 50 && pixel(a, 10, 10)[0] == 50);
  CHECK(a.draw_point({50.9f, 30.9f}, 1, {60}).has_value() && pixel(a, 50, 30)[0] == 60 && count(a, 60) == 1);
  CHECK(a.draw_line({0, 59}, {99, 59}, 1, {70}).has_value() && count(a, 70) == 100);
  CHECK(a.draw_box(mslite::RotatedBox{{80, 30}, 10, 10, 0.7854f}, 1, {80}).has_value() && count(a, 80) > 20 && pixel(a, 80, 30)[0] == 0);
  /* Far outside, not a number, no area, edges in the wrong order: nothing, and no crash. */
  const float far = std::numeric_limits<float>::infinity(), nothing = std::numeric_limits<float>::quiet_NaN();
  for (const Box &box : {Box{1e9f, 1e9f, 2e9f, 2e9f}, Box{-far, -far, -1e20f, -1e20f}, Box{5, 5, 5, 9}, Box{9, 5, 5, 9}})
    CHECK(a.draw_box(box, 2, {90}).has_value());
  CHECK(a.draw_point({nothing, far}, 3, {90}).has_value() && a.draw_line({-far, 3}, {-5, 3}, 1, {90}).has_value() && count(a, 90) == 0);
  CHECK(fails(a.draw_line({0, 0}, {1, 1}, 0, {90}), OH_AI_STATUS_LITE_PARAM_INVALID));

  const Image mask = Image::create(100, 60, MSLITE_PIXEL_GRAY).value();
  *pixel(mask, 3, 3) = 255;
  CHECK(a.draw_mask(mask, {200, 0, 0}, 0.5f).has_value() && pixel(a, 3, 3)[0] == 100);
  CHECK(fails(a.draw_mask(mask, {200}, 2), OH_AI_STATUS_LITE_PARAM_INVALID));

  /* The bar of a label is above its box, inside where there is no room, and never beyond the left or right edge. */
  const int bar = (2 * MSLITE_FONT_WIDTH + 1) * (MSLITE_FONT_HEIGHT + 1);
  for (const Box &box : {Box{20, 30, 60, 50}, Box{20, 2, 60, 50}, Box{95, 30, 99, 50}, Box{-30, 30, 2, 50}}) {
    Image b = Image::create(100, 60).value();
    CHECK(b.draw_label(box, "ab", 1, {10}, {20}).has_value() && count(b, 20) > 10);
    int letters = 0, inside = 0;
    for (int y = 0; y < 60; y++)
      for (int x = 0; x < 100; x++)
        if (pixel(b, x, y)[0] == 20) letters++, inside += y >= static_cast<int>(box.top);
    CHECK(box.top < 10 ? inside == letters : inside == 0);
    CHECK(count(b, 10) + count(b, 20) >= bar);
  }
  Image c = Image::create(100, 60).value();
  CHECK(c.draw_label({20, 30, 60, 50}, "\xC3\xA9", 1, {10}, {20}).has_value()); /* one letter of two bytes */
  CHECK(pixel(c, 20 + MSLITE_FONT_WIDTH, 25)[0] != 0 && pixel(c, 20 + MSLITE_FONT_WIDTH + 1, 25)[0] == 0);
  CHECK(fails(c.draw_label({20, 30, 60, 50}, "a", 0, {10}, {20}), OH_AI_STATUS_LITE_PARAM_INVALID));
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  files(argv[1]);
  owners_and_views();
  geometry();
  rotated_boxes();
  corners();
  tensors();
  boxes();
  drawing();
  return check_result();
}
