/* Decoding of PNG and JPEG files with libpng and libjpeg. Both report errors in ways that Swift cannot take part in (JPEG by
   longjmp), so these functions stand between. */
#ifndef MSLITE_PICTURES_H
#define MSLITE_PICTURES_H

#if !__has_include(<png.h>) || !__has_include(<jpeglib.h>)
#error "decoding of pictures needs libpng and libjpeg: apt-get install libpng-dev libjpeg62-turbo-dev (mk/setup.sh tools)"
#endif
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>
#include <jerror.h>
#include <png.h>

/* Pictures with more pixels than that are refused. */
#define MS_PICTURE_MAX_PIXELS (1u << 28)

typedef struct {
  unsigned char *rgb; /* width * height pixels of 3 or 4 bytes, rows from the top; for free() */
  unsigned width, height;
  char error[256];
} MSPicture;

/* Each returns 1, or 0 with the reason in `error`. With alpha a pixel has 4 bytes, without it transparent pixels lie on white. */
static inline int ms_picture_png(const void *bytes, size_t size, int with_alpha, MSPicture *picture) {
  png_image image;
  memset(&image, 0, sizeof image);
  memset(picture, 0, sizeof *picture);
  image.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&image, bytes, size)) {
    snprintf(picture->error, sizeof picture->error, "%s", image.message);
    return 0;
  }
  image.format = with_alpha ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
  if ((unsigned long long)image.width * image.height <= MS_PICTURE_MAX_PIXELS) picture->rgb = (unsigned char *)malloc(PNG_IMAGE_SIZE(image));
  if (!picture->rgb) {
    snprintf(picture->error, sizeof picture->error, "%u x %u pixels are too many", image.width, image.height);
    png_image_free(&image);
    return 0;
  }
  const png_color white = {255, 255, 255}; /* behind transparent pixels */
  if (!png_image_finish_read(&image, &white, picture->rgb, 0, NULL)) {
    snprintf(picture->error, sizeof picture->error, "%s", image.message);
    free(picture->rgb);
    picture->rgb = NULL;
    return 0;
  }
  picture->width = image.width;
  picture->height = image.height;
  return 1;
}

struct ms_jpeg_errors {
  struct jpeg_error_mgr base;
  jmp_buf back;
  char *text;
};

static inline void ms_jpeg_fail(j_common_ptr info) {
  struct ms_jpeg_errors *errors = (struct ms_jpeg_errors *)info->err;
  char text[JMSG_LENGTH_MAX];
  errors->base.format_message(info, text);
  snprintf(errors->text, 256, "%s", text);
  longjmp(errors->back, 1);
}
static inline void ms_jpeg_silent(j_common_ptr info) { (void)info; }
/* The decoder makes up what a file that ends too early lacks, and warns. */
static inline void ms_jpeg_message(j_common_ptr info, int level) {
  if (level < 0 && info->err->msg_code == JWRN_JPEG_EOF) ms_jpeg_fail(info);
}

static inline int ms_picture_jpeg(const void *bytes, size_t size, MSPicture *picture) {
  struct jpeg_decompress_struct info;
  struct ms_jpeg_errors errors;
  memset(picture, 0, sizeof *picture);
  info.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = ms_jpeg_fail;
  errors.base.output_message = ms_jpeg_silent;
  errors.base.emit_message = ms_jpeg_message;
  errors.text = picture->error;
  jpeg_create_decompress(&info);
  if (setjmp(errors.back)) {
    jpeg_destroy_decompress(&info);
    free(picture->rgb);
    picture->rgb = NULL;
    return 0;
  }
  jpeg_mem_src(&info, (const unsigned char *)bytes, size);
  jpeg_read_header(&info, TRUE);
  info.out_color_space = JCS_RGB;
  jpeg_start_decompress(&info);
  if ((unsigned long long)info.output_width * info.output_height <= MS_PICTURE_MAX_PIXELS)
    picture->rgb = (unsigned char *)malloc((size_t)info.output_width * info.output_height * 3);
  if (!picture->rgb) {
    snprintf(picture->error, sizeof picture->error, "%u x %u pixels are too many", info.output_width, info.output_height);
    jpeg_destroy_decompress(&info);
    return 0;
  }
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = picture->rgb + (size_t)info.output_scanline * info.output_width * 3;
    jpeg_read_scanlines(&info, &row, 1);
  }
  picture->width = info.output_width;
  picture->height = info.output_height;
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return 1;
}

#endif
