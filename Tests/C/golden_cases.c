#define _POSIX_C_SOURCE 200809L
#include "golden_cases.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "read_file.h"

/* The case being run; failures are told with its name. */
static const char *current;
/* Where the manifest is, with a slash at the end. */
static char folder[4096];

bool golden_fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printf("FAIL %s: ", current);
  vprintf(format, arguments);
  printf("\n");
  va_end(arguments);
  return false;
}

/* --- files ---------------------------------------------------------------------------------------------------------- */

void golden_path(char path[8192], const char *file) {
  snprintf(path, 8192, "%s%s", file[0] == '/' ? "" : folder, file);
}

static void *read_in_folder(const char *file, size_t *size) {
  char path[8192];
  golden_path(path, file);
  return read_file(path, size);
}

static size_t element_size(const char *type) {
  if (strncmp(type, "float32", 7) == 0 || strcmp(type, "int32") == 0) return 4;
  if (strcmp(type, "int64") == 0) return 8;
  return 1;
}

static double element(const char *type, const void *bytes, size_t i) {
  if (strncmp(type, "float32", 7) == 0) return (double)((const float *)bytes)[i];
  if (strcmp(type, "int32") == 0) return ((const int32_t *)bytes)[i];
  if (strcmp(type, "int64") == 0) return (double)((const int64_t *)bytes)[i];
  if (strcmp(type, "int8") == 0) return ((const int8_t *)bytes)[i];
  return ((const uint8_t *)bytes)[i]; /* uint8, bool */
}

static size_t element_count(const TensorSpec *t) {
  size_t n = 1;
  for (size_t i = 0; i < t->rank; i++) n *= (size_t)t->dims[i];
  return n;
}

/* The recorded values, NHWC where asked for; NULL with the failure told. */
static double *read_values(const TensorSpec *t) {
  size_t size = 0, n = element_count(t);
  char *bytes = read_in_folder(t->file, &size);
  if (bytes == NULL) {
    golden_fail("cannot read %s", t->file);
    return NULL;
  }
  size_t skip = 0;
  if (strstr(t->type, "+header") != NULL && size >= 4) skip = 4 + 4 * (size_t) * (const uint32_t *)(const void *)bytes;
  double *values = malloc(n * sizeof *values + 1);
  if (values == NULL || size != skip + n * element_size(t->type)) {
    golden_fail("%s has %zu bytes, the manifest says %zu elements of %s", t->file, size, n, t->type);
    free(values);
    free(bytes);
    return NULL;
  }
  for (size_t i = 0; i < n; i++) {
    size_t from = i;
    if (t->transpose) {
      size_t channels = (size_t)t->dims[1], area = (size_t)(t->dims[2] * t->dims[3]);
      size_t image = i / (channels * area), pixel = i / channels % area, channel = i % channels;
      from = (image * channels + channel) * area + pixel;
    }
    values[i] = element(t->type, bytes + skip, from);
    if (t->scale > 0) values[i] = t->scale * (values[i] - t->zero);
  }
  free(bytes);
  return values;
}

/* --- the manifest --------------------------------------------------------------------------------------------------- */

/* Cuts the next field off *text at `separator`; NULL at the end. */
static char *next_field(char **text, char separator) {
  char *start = *text;
  if (start == NULL || *start == '\0') return NULL;
  char *end = strchr(start, separator);
  *text = end == NULL ? NULL : end + 1;
  if (end != NULL) *end = '\0';
  return start;
}

/* NAME|FILE|TYPE[*SCALE@ZERO]|SHAPE[|nchw or TOLERANCE or STEPSsteps] */
static bool parse_tensor(char *text, TensorSpec *t) {
  memset(t, 0, sizeof *t);
  t->name = next_field(&text, '|');
  t->file = next_field(&text, '|');
  t->type = next_field(&text, '|');
  char *shape = next_field(&text, '|');
  if (shape == NULL) return false;
  char *quantised = strchr(t->type, '*');
  if (quantised != NULL) {
    *quantised = '\0';
    t->scale = strtod(quantised + 1, &quantised);
    if (*quantised == '@') t->zero = atof(quantised + 1);
  }
  if (strcmp(shape, "scalar") != 0)
    for (char *dim; t->rank < MAX_DIMS && (dim = next_field(&shape, 'x')) != NULL;) t->dims[t->rank++] = atoll(dim);
  char *last = next_field(&text, '|');
  if (last != NULL && strcmp(last, "nchw") == 0) t->transpose = true;
  else if (last != NULL && strstr(last, "steps") != NULL) t->steps = atof(last);
  else if (last != NULL) t->tolerance = atof(last);
  return true;
}

/* Hexadecimal digits. */
static bool parse_key(const char *text, Case *c) {
  for (unsigned byte; c->key_size < sizeof c->key && sscanf(text, "%2x", &byte) == 1; text += 2) c->key[c->key_size++] = (uint8_t)byte;
  return *text == '\0';
}

static bool parse_case(char *line, Case *c) {
  memset(c, 0, sizeof *c);
  for (char *field; (field = next_field(&line, ' ')) != NULL;) {
    bool ok = true;
    if (strncmp(field, "case=", 5) == 0) c->name = field + 5;
    else if (strncmp(field, "model=", 6) == 0) c->model = field + 6;
    else if (strncmp(field, "in=", 3) == 0 && c->in_count < MAX_TENSORS) ok = parse_tensor(field + 3, &c->in[c->in_count++]);
    else if (strncmp(field, "out=", 4) == 0 && c->out_count < MAX_TENSORS) ok = parse_tensor(field + 4, &c->out[c->out_count++]);
    else if (strcmp(field, "refused") == 0) c->refused = true;
    else if (strncmp(field, "key=", 4) == 0) ok = parse_key(field + 4, c);
    else ok = false;
    if (!ok) return false;
  }
  return c->name != NULL && c->model != NULL;
}

/* --- tensors -------------------------------------------------------------------------------------------------------- */

void golden_shape(const TensorSpec *t, OH_AI_ShapeInfo *shape) {
  static const size_t nhwc[4] = {0, 2, 3, 1};
  memset(shape, 0, sizeof *shape);
  shape->shape_num = t->rank;
  for (size_t i = 0; i < t->rank; i++) shape->shape[i] = t->dims[t->transpose ? nhwc[i] : i];
}

static const char *type_name(OH_AI_DataType type) {
  switch (type) {
    case OH_AI_DATATYPE_NUMBERTYPE_FLOAT32: return "float32";
    case OH_AI_DATATYPE_NUMBERTYPE_INT32: return "int32";
    case OH_AI_DATATYPE_NUMBERTYPE_INT64: return "int64";
    case OH_AI_DATATYPE_NUMBERTYPE_INT8: return "int8";
    case OH_AI_DATATYPE_NUMBERTYPE_UINT8: return "uint8";
    case OH_AI_DATATYPE_NUMBERTYPE_BOOL: return "bool";
    default: return NULL;
  }
}

/* Converters narrow 64-bit integers, so the recorded type and the tensor's may differ. */
bool golden_fill(const TensorSpec *t, OH_AI_DataType data_type, void *data, size_t size) {
  size_t n = element_count(t);
  const char *type = type_name(data_type);
  if (type == NULL || size != n * element_size(type))
    return golden_fail("input %s: type %d, %zu bytes for %zu elements", t->name, (int)data_type, size, n);
  if (data == NULL) return golden_fail("input %s has no memory", t->name);
  double *values = read_values(t);
  if (values == NULL) return false;
  for (size_t i = 0; i < n; i++) {
    if (strcmp(type, "float32") == 0) ((float *)data)[i] = (float)values[i];
    else if (strcmp(type, "int32") == 0) ((int32_t *)data)[i] = (int32_t)values[i];
    else if (strcmp(type, "int64") == 0) ((int64_t *)data)[i] = (int64_t)values[i];
    else ((uint8_t *)data)[i] = (uint8_t)(int)values[i];
  }
  free(values);
  return true;
}

bool golden_compare(const TensorSpec *t, OH_AI_DataType data_type, const int64_t *dims, size_t rank, const void *data, double half,
                    double *error) {
  const char *type = type_name(data_type);
  size_t n = element_count(t);
  if (type == NULL || data == NULL) return golden_fail("output %s has no data", t->name);
  /* Dimensions of one are the converter's business (a TFLite scalar comes out as [1]); the others must agree. */
  size_t golden_dim = 0;
  int64_t elements = 1;
  for (size_t i = 0; i < rank; i++) {
    elements *= dims[i];
    if (dims[i] == 1) continue;
    while (golden_dim < t->rank && t->dims[golden_dim] == 1) golden_dim++;
    if (golden_dim == t->rank || t->dims[golden_dim++] != dims[i]) return golden_fail("output %s has another shape", t->name);
  }
  if (elements != (int64_t)n) return golden_fail("output %s has %lld elements, golden %zu", t->name, (long long)elements, n);
  double *golden = read_values(t), peak = 0, worst = 0;
  if (golden == NULL) return false;
  size_t where = 0;
  for (size_t i = 0; i < n; i++)
    if (isfinite(golden[i])) peak = fmax(peak, fabs(golden[i]));
  for (size_t i = 0; i < n; i++) {
    double value = element(type, data, i), difference = fabs(value - golden[i]);
    if (value == golden[i] || (isnan(value) && isnan(golden[i]))) continue;
    if (!(difference <= worst)) worst = isnan(difference) ? INFINITY : difference, where = i;
  }
  /* float16 resolves nothing below 6e-8: outputs that are smaller throughout are judged as if they reached 1e-3. */
  if (half > 0 && peak < 1e-3) peak = 1e-3;
  double tolerance = t->steps > 0 && peak > 0 ? t->steps * t->scale / peak * (1 + 1e-6) : t->tolerance;
  bool is_float = strncmp(t->type, "float32", 7) == 0;
  if (is_float && tolerance < half) tolerance = half;
  double relative = worst / (peak > 0 ? peak : 1), at = element(type, data, where), expected = golden[where];
  size_t top = 0, golden_top = 0;
  for (size_t i = 0; i < n; i++) {
    if (element(type, data, i) > element(type, data, top)) top = i;
    if (golden[i] > golden[golden_top]) golden_top = i;
  }
  bool wants_top = t->scale > 0 || (is_float && half > 0);
  bool same_top = n == 0 || !wants_top || golden[top] >= golden[golden_top] - tolerance * peak;
  free(golden);
  if (relative > *error) *error = relative;
  if (!same_top) return golden_fail("output %s has its largest value at %zu, golden at %zu", t->name, top, golden_top);
  if (relative > tolerance)
    return golden_fail("output %s[%zu] is %.9g, golden %.9g: off by %.3g of the peak %.9g, allowed %.3g", t->name, where, at, expected,
                relative, peak, tolerance);
  return true;
}

/* --- the whole list ------------------------------------------------------------------------------------------------- */

static bool small_enough(const Case *c, long limit) {
  char path[8192];
  struct stat file;
  golden_path(path, c->model);
  return limit == 0 || stat(path, &file) != 0 || file.st_size <= limit * 1024;
}

bool golden_each(const char *manifest, const char *filter, long limit, bool (*run)(const Case *), int *passed, int *failed) {
  const char *slash = strrchr(manifest, '/');
  size_t size = 0;
  char *text = read_file(manifest, &size);
  if (text == NULL) {
    fprintf(stderr, "golden: cannot read %s\n", manifest);
    return false;
  }
  text[size] = '\0';
  folder[0] = '\0';
  if (slash != NULL) snprintf(folder, sizeof folder, "%.*s/", (int)(slash - manifest), manifest);
  char *rest = text;
  for (char *line; (line = next_field(&rest, '\n')) != NULL;) {
    Case c;
    if (line[0] == '#') continue;
    if (!parse_case(line, &c)) {
      fprintf(stderr, "golden: %s: cannot read the line of %s\n", manifest, c.name != NULL ? c.name : "?");
      free(text);
      return false;
    }
    if (strstr(c.name, filter) == NULL || !small_enough(&c, limit)) continue;
    current = c.name;
    if (run(&c)) ++*passed;
    else ++*failed;
  }
  free(text);
  return true;
}
