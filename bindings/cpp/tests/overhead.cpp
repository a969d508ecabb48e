/* What a prediction costs through mslite.hpp beyond what it costs in C that checks as much (the output's type, data and size), on a small
 * and a MobileNet-size model.
 *
 *   overhead MODELS      the folder Tests/Models
 *
 * Both take turns; the fastest turn counts, because the machine may be busy. On the small model more than 1 microsecond fails; the large
 * one's own time varies by more than that. */
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include "check.h"
#include "mslite/mslite.hpp"

namespace {

template <class F>
double microseconds(int count, F predict) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < count; i++) predict();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count() / count;
}

/* Microseconds more than in C. */
double measure(const std::string &path, int turns, int count) {
  mslite::Model model = mslite::Model::from_file(path.c_str(), mslite::Context::cpu(1)).value();
  const std::size_t size = model.inputs()[0].byte_size();
  const std::string memory(size, '\0');
  OH_AI_ModelHandle handle = model.handle();
  const OH_AI_TensorHandleArray list = OH_AI_ModelGetInputs(handle);
  const mslite::TensorList inputs = model.inputs();
  OH_AI_TensorSetUserData(list.handle_list[0], const_cast<char *>(memory.data()), size);
  double c = 1e9, cpp = 1e9, sum = 0;
  for (int turn = 0; turn < turns; turn++) {
    c = std::min(c, microseconds(count, [&] {
      OH_AI_TensorHandleArray outputs = {0, nullptr};
      if (OH_AI_ModelPredict(handle, list, &outputs, nullptr, nullptr) != OH_AI_STATUS_SUCCESS) CHECK(false);
      OH_AI_TensorHandle output = outputs.handle_list[0];
      const void *data = OH_AI_TensorGetData(output);
      if (OH_AI_TensorGetDataType(output) != OH_AI_DATATYPE_NUMBERTYPE_FLOAT32 || data == nullptr || OH_AI_TensorGetDataSize(output) == 0)
        CHECK(false);
      sum += static_cast<double>(static_cast<const float *>(data)[0]);
    }));
    cpp = std::min(cpp, microseconds(count, [&] {
      const auto outputs = model.predict(inputs);
      if (!outputs) CHECK(false);
      sum += static_cast<double>((*(*outputs)[0].data<float>())[0]);
    }));
  }
  std::printf("%s: C %.3f us, C++ %.3f us, overhead %.3f us\n", path.c_str(), c, cpp, cpp - c);
  CHECK(sum == sum);
  return cpp - c;
}

}  // namespace

int main(int, char **argv) {
  const std::string models = argv[1];
  CHECK(measure(models + "/single_op_tflite/relu.ms", 200, 1000) < 1);
  measure(models + "/efficientnet_lite0_fp16.ms", 150, 1);
  return check_result();
}
