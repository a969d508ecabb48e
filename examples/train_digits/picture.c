#include "picture.h"

#include <mslite/image.h>
#include <stdio.h>

enum { COLUMNS = 22, MAGNIFY = 4, EDGE = 8, WIDTH = 58, HEIGHT = 44 };

static void drawn(OH_AI_Status status) {
  if (status != OH_AI_STATUS_SUCCESS) stop(MSLite_ImageGetLastError());
}

static void draw_digit(const MSLite_Image *image, int left, int top, const Digit *digit, int answer) {
  static const float green[] = {30, 130, 60}, red[] = {220, 40, 30}, pale[] = {255, 215, 210};
  int right = answer == digit->label;
  char text[2] = {(char)('0' + answer), 0};
  if (!right) drawn(MSLite_ImageDrawBox(image, left - 4, top - 4, WIDTH - 2, HEIGHT - 2, 0, pale));
  for (int y = 0; y < GRID; y++)
    for (int x = 0; x < GRID; x++) {
      float grey = 255 - 255 * digit->grey[y][x], color[] = {grey, grey, grey};
      drawn(MSLite_ImageDrawBox(image, left + x * MAGNIFY, top + y * MAGNIFY, MAGNIFY, MAGNIFY, 0, color));
    }
  drawn(MSLite_ImageDrawText(image, left + GRID * MAGNIFY + 5, top, text, 2, right ? green : red));
  if (right) return;
  text[0] = (char)('0' + digit->label);
  drawn(MSLite_ImageDrawText(image, left + GRID * MAGNIFY + 5, top + 18, text, 2, green));
}

void draw_digits(const Digit *digits, const int *chosen, const int *answers, int count, const char *path) {
  static const float white[] = {255, 255, 255};
  MSLite_Image image;
  int rows = (count + COLUMNS - 1) / COLUMNS;
  drawn(MSLite_ImageCreate(2 * EDGE + COLUMNS * WIDTH, 2 * EDGE + rows * HEIGHT, MSLITE_PIXEL_RGB, MSLITE_PIXEL_U8, &image));
  drawn(MSLite_ImageDrawBox(&image, 0, 0, image.width, image.height, 0, white));
  for (int i = 0; i < count; i++)
    draw_digit(&image, EDGE + i % COLUMNS * WIDTH, EDGE + i / COLUMNS * HEIGHT, &digits[chosen[i]], answers[i]);
  drawn(MSLite_ImageWritePNG(&image, path));
  MSLite_ImageFree(&image);
}
