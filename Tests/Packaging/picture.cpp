/* A program of image.hpp: 0 when a picture can be made and turned. */
#include <mslite/image.hpp>

int main() {
  const mslite::Result<mslite::Image> image = mslite::Image::create(4, 2);
  if (!image) return 1;
  const mslite::Result<mslite::Image> turned = image->rotated90(1);
  return turned && turned->width() == 2 && turned->height() == 4 ? 0 : 1;
}
