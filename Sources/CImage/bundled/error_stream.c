/* Where libpng and libjpeg print to when nobody takes their messages. Their archives are compiled for programs, which may read a variable of
 * libc where a library may not, so mk/image.mk gives that variable another name in them: this one. */
#include <stdio.h>

__attribute__((visibility("hidden"))) FILE *mslite_codec_stderr;

__attribute__((constructor)) static void set(void) { mslite_codec_stderr = stderr; }
