#include "picture.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

/* Decoded pictures above this are refused rather than allowed to take all memory. */
static const double max_bytes = 1e9;

/* --- PNG ------------------------------------------------------------------------------------------------------------ */

static int read_png(const char *path, Picture *picture) {
  png_image image;
  memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_file(&image, path)) {
    fprintf(stderr, "%s: %s\n", path, image.message);
    return 0;
  }
  image.format = PNG_FORMAT_RGB;
  if ((double)image.width * image.height * 3 < max_bytes) picture->rgb = malloc(PNG_IMAGE_SIZE(image));
  if (picture->rgb == NULL) {
    fprintf(stderr, "%s: too large\n", path);
    png_image_free(&image);
    return 0;
  }
  const png_color white = {255, 255, 255}; /* behind transparent pixels */
  if (!png_image_finish_read(&image, &white, picture->rgb, 0, NULL)) {
    fprintf(stderr, "%s: %s\n", path, image.message);
    return 0;
  }
  picture->width = (int)image.width;
  picture->height = (int)image.height;
  return 1;
}

/* --- JPEG ----------------------------------------------------------------------------------------------------------- */

typedef struct {
  struct jpeg_error_mgr base;
  jmp_buf failed;
} JpegErrors;

/* libjpeg's own handler ends the program. */
static void jpeg_failed(j_common_ptr info) {
  (*info->err->output_message)(info);
  longjmp(((JpegErrors *)info->err)->failed, 1);
}

static int read_jpeg(const char *path, FILE *file, Picture *picture) {
  struct jpeg_decompress_struct info;
  JpegErrors errors;
  info.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = jpeg_failed;
  if (setjmp(errors.failed)) {
    jpeg_destroy_decompress(&info);
    return 0;
  }
  jpeg_create_decompress(&info);
  jpeg_stdio_src(&info, file);
  jpeg_read_header(&info, TRUE);
  info.out_color_space = JCS_RGB;
  jpeg_start_decompress(&info);
  size_t stride = (size_t)info.output_width * 3;
  if ((double)stride * info.output_height < max_bytes) picture->rgb = malloc(stride * info.output_height);
  if (picture->rgb == NULL) {
    fprintf(stderr, "%s: too large\n", path);
    jpeg_destroy_decompress(&info);
    return 0;
  }
  picture->width = (int)info.output_width;
  picture->height = (int)info.output_height;
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = picture->rgb + info.output_scanline * stride;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return 1;
}

/* -------------------------------------------------------------------------------------------------------------------- */

int picture_read(const char *path, Picture *picture) {
  memset(picture, 0, sizeof *picture);
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    perror(path);
    return 0;
  }
  unsigned char start[8] = {0};
  size_t n = fread(start, 1, sizeof start, file);
  rewind(file);
  int ok;
  if (n == sizeof start && png_sig_cmp(start, 0, sizeof start) == 0) {
    ok = read_png(path, picture);
  } else if (start[0] == 0xff && start[1] == 0xd8) {
    ok = read_jpeg(path, file, picture);
  } else {
    fprintf(stderr, "%s: neither PNG nor JPEG\n", path);
    ok = 0;
  }
  fclose(file);
  if (!ok) picture_free(picture);
  return ok;
}

void picture_free(Picture *picture) {
  free(picture->rgb);
  picture->rgb = NULL;
}

/* Weighted mean of `in` around `centre`: a triangle as wide as two output samples, so that shrinking averages. `in` has `count`
 * samples `step` apart; samples beyond the ends count not at all. */
static double sample(const float *in, int count, int step, double centre, double scale) {
  double reach = scale > 1 ? scale : 1, sum = 0, weights = 0;
  int first = (int)floor(centre - reach), last = (int)ceil(centre + reach);
  for (int i = first > 0 ? first : 0; i <= last && i < count; i++) {
    double weight = 1 - fabs(i - centre) / reach;
    if (weight <= 0) continue;
    sum += weight * in[(size_t)i * step];
    weights += weight;
  }
  return sum / weights;
}

int picture_centre(const Picture *picture, double part, int size, float *out) {
  int side = picture->width < picture->height ? picture->width : picture->height;
  int square = (int)(side * part + 0.5);
  if (square < 1) square = 1;
  int left = (picture->width - square) / 2, top = (picture->height - square) / 2;
  double scale = (double)square / size;
  float *row = malloc(sizeof *row * (size_t)square * 3), *narrow = malloc(sizeof *narrow * (size_t)square * size * 3);
  int ok = row != NULL && narrow != NULL;
  for (int y = 0; ok && y < square; y++) {
    const unsigned char *from = picture->rgb + ((size_t)(top + y) * picture->width + left) * 3;
    for (int i = 0; i < square * 3; i++) row[i] = from[i];
    for (int i = 0; i < size * 3; i++)
      narrow[(size_t)y * size * 3 + i] = (float)sample(row + i % 3, square, 3, (i / 3 + 0.5) * scale - 0.5, scale);
  }
  for (int y = 0; ok && y < size; y++)
    for (int i = 0; i < size * 3; i++)
      out[(size_t)y * size * 3 + i] = (float)sample(narrow + i, square, size * 3, (y + 0.5) * scale - 0.5, scale);
  free(row);
  free(narrow);
  return ok;
}
