/* The memory of a process that predicts 100,000 times, builds models and fails over and over stays flat.
 *
 *   memory MODELS      the folder Tests/Models */
#include <unistd.h>
#include <cstdio>
#include <string>
#include <vector>
#include "check.h"
#include "mslite/mslite.hpp"

namespace {

/* Resident KiB. */
long resident() {
  long pages = 0, ignored = 0;
  std::FILE *file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr || std::fscanf(file, "%ld %ld", &ignored, &pages) != 2) pages = 0;
  if (file != nullptr) std::fclose(file);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

void predictions(mslite::Model &model, int count) {
  const mslite::TensorView input = model.inputs()[0];
  std::vector<float> x(static_cast<std::size_t>(input.element_count()), 1), y(x.size());
  const mslite::Tensor out = mslite::Tensor::over("y", mslite::Shape(input.shape()), y).value();
  for (int i = 0; i < count; i++) {
    if (!input.borrow(x) || !model.predict()) CHECK(false);
    if (i % 4 == 0 && !model.predict_into(model.inputs(), out)) continue;
    if (i % 10 == 0 && model.predict({input, input})) CHECK(false);
  }
}

void lives(const char *path, int count) {
  for (int i = 0; i < count; i++) {
    mslite::Model model = mslite::Model::from_file(path, mslite::Context::cpu(1)).value();
    model.inputs()[0].mutable_bytes();
    if (!model.predict() || mslite::Model::from_file("/no/such/model.ms") || !model.inputs()[0].clone()) CHECK(false);
  }
}

}  // namespace

int main(int, char **argv) {
  setenv("MSLITE_LOG", "off", 1);
  const std::string path = std::string(argv[1]) + "/single_op_tflite/relu.ms";
  mslite::Model model = mslite::Model::from_file(path.c_str(), mslite::Context::cpu(1)).value();
  predictions(model, 1000);
  lives(path.c_str(), 200);
  const long before = resident();
  predictions(model, 100000);
  lives(path.c_str(), 2000);
  const long grown = resident() - before;
  std::printf("100,000 predictions: %ld KiB more\n", grown);
  CHECK(before > 0 && grown < 512);
  return check_result();
}
