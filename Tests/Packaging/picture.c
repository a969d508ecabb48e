/* A program of the image library: 0 when a picture can be made and turned. */
#include <mslite/image.h>

int main(void) {
  MSLite_Image image, turned;
  if (MSLite_ImageCreate(4, 2, MSLITE_PIXEL_RGB, MSLITE_PIXEL_U8, &image) != OH_AI_STATUS_SUCCESS) return 1;
  if (MSLite_ImageCreate(2, 4, MSLITE_PIXEL_RGB, MSLITE_PIXEL_U8, &turned) != OH_AI_STATUS_SUCCESS) return 1;
  const OH_AI_Status status = MSLite_ImageRotate90(&image, 1, &turned);
  MSLite_ImageFree(&image);
  MSLite_ImageFree(&turned);
  return status != OH_AI_STATUS_SUCCESS;
}
