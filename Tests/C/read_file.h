/* Reading a whole file. */
#ifndef MSLITE_TESTS_READ_FILE_H
#define MSLITE_TESTS_READ_FILE_H

#include <stdio.h>
#include <stdlib.h>

/* The bytes of a file, to be freed, and their number; NULL when it cannot be read as a whole. */
static void *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  fseek(file, 0, SEEK_END);
  const long length = ftell(file);
  rewind(file);
  char *bytes = length < 0 ? NULL : (char *)malloc((size_t)length + 1);
  if (bytes != NULL && fread(bytes, 1, (size_t)length, file) != (size_t)length) {
    free(bytes);
    bytes = NULL;
  }
  if (bytes != NULL) *size = (size_t)length;
  fclose(file);
  return bytes;
}

#endif
