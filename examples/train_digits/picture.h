/* What a model has read, as a picture. */
#ifndef PICTURE_H
#define PICTURE_H

#include "../digits/digits.h"

/* Draws digits[chosen[0..count)] with the answer beside each: green where it is right; where it is wrong, red, with the right one. Stops
 * when that fails. */
void draw_digits(const Digit *digits, const int *chosen, const int *answers, int count, const char *path);

#endif
