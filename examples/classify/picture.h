/* Pictures from files, and the square that a classifier looks at. */
#ifndef PICTURE_H
#define PICTURE_H

typedef struct {
  int width, height;
  unsigned char *rgb; /* rows from the top, three bytes per pixel; freed with picture_free */
} Picture;

/* Reads a PNG or JPEG file. Returns 1, or 0 with the reason on standard error. */
int picture_read(const char *path, Picture *picture);

void picture_free(Picture *picture);

/* Cuts the centred square that spans `part` (0 to 1) of the shorter side and scales it to size x size pixels: `out` receives
 * size * size * 3 values from 0 to 255. Bilinear where it enlarges; where it shrinks, every source pixel counts. Returns 0
 * when memory runs out. */
int picture_centre(const Picture *picture, double part, int size, float *out);

#endif
