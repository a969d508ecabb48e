/* The golden cases of Tests/Models/manifest.txt through mslite.hpp.
 *
 *   golden MANIFEST
 *
 * Each case is built from its file and from memory; its inputs are the model's own memory the first time and the program's memory, borrowed,
 * the second; results go to the model's tensors and then to the program's. Ends with "N passed, N failed". */
#include <cstdio>
#include <cstring>
#include <vector>
#include "golden_cases.h"
#include "mslite/mslite.hpp"
#include "read_file.h"

namespace {

/* The tensor of that name, else the one at that position: other converters give other names. */
mslite::TensorView find(mslite::TensorList tensors, const char *name, std::size_t position) {
  const mslite::TensorView named = tensors.find(name);
  return named ? named : tensors[position];
}

bool refused(const mslite::Error &error, const char *what) { return golden_fail("%s: %s", what, error.text()); }

/* Whether weights are in a file beside the model, which a model given as bytes cannot find. */
bool has_external_weights(const char *path) {
  std::FILE *file = std::fopen((std::string(path) + 'w').c_str(), "rb");
  if (file != nullptr) std::fclose(file);
  return file != nullptr;
}

mslite::Result<mslite::Model> build(const Case &c, bool from_file) {
  char path[8192];
  golden_path(path, c.model);
  from_file = from_file || has_external_weights(path);
  mslite::Model model;
  if (c.key_size > 0) {
    const mslite::Result<void> key = model.set_decryption_key({c.key, c.key_size});
    if (!key) return key.error();
  }
  const mslite::Context context = mslite::Context::cpu(from_file ? 1 : 2);
  mslite::Result<void> built;
  if (from_file) {
    built = model.build_from_file(path, context);
  } else {
    std::size_t size = 0;
    char *bytes = static_cast<char *>(read_file(path, &size));
    built = model.build_from_buffer({bytes, size}, context);
    std::free(bytes);
  }
  if (!built) return built.error();
  return model;
}

bool resize(mslite::Model &model, const Case &c) {
  const mslite::TensorList inputs = model.inputs();
  std::vector<mslite::Shape> shapes(inputs.size());
  bool wanted = false;
  if (c.in_count == 0) return true;
  for (std::size_t i = 0; i < c.in_count; i++) {
    OH_AI_ShapeInfo shape;
    golden_shape(&c.in[i], &shape);
    const mslite::TensorView input = find(inputs, c.in[i].name, i);
    for (std::size_t k = 0; k < inputs.size(); k++)
      if (inputs[k].handle() == input.handle()) shapes[k] = mslite::Shape(mslite::Span<const std::int64_t>(shape.shape, shape.shape_num));
  }
  for (std::size_t k = 0; k < inputs.size(); k++) wanted = wanted || inputs[k].shape() != shapes[k];
  if (!wanted) return true;
  const mslite::Result<void> resized = model.resize(shapes);
  return resized.has_value() || refused(resized.error(), "resize");
}

bool compare(const Case &c, mslite::TensorList outputs) {
  double error = 0;
  for (std::size_t i = 0; i < c.out_count; i++) {
    const mslite::TensorView output = find(outputs, c.out[i].name, i);
    if (!golden_compare(&c.out[i], static_cast<OH_AI_DataType>(output.type()), output.shape().data(), output.shape().size(),
                        output.bytes().data(), 0, &error))
      return false;
  }
  return true;
}

bool fill(const Case &c, mslite::TensorList inputs) {
  if (c.in_count == 0) /* Such a case only has to run. */
    for (const mslite::TensorView input : inputs) std::memset(input.mutable_bytes().data(), 0, input.byte_size());
  for (std::size_t i = 0; i < c.in_count; i++) {
    const mslite::TensorView input = find(inputs, c.in[i].name, i);
    if (!golden_fill(&c.in[i], static_cast<OH_AI_DataType>(input.type()), input.mutable_bytes().data(), input.byte_size())) return false;
  }
  return true;
}

/* A tensor like another, over memory of the program. */
mslite::Tensor like(mslite::TensorView tensor, std::vector<std::vector<std::byte>> &memory) {
  memory.emplace_back(tensor.byte_size());
  mslite::Tensor copy = mslite::Tensor::create(std::string(tensor.name()).c_str(), tensor.type(), mslite::Shape(tensor.shape())).value();
  copy.set_format(tensor.format());
  if (!memory.back().empty() && OH_AI_TensorSetUserData(copy.handle(), memory.back().data(), memory.back().size()) != OH_AI_STATUS_SUCCESS)
    golden_fail("no memory for \"%s\"", std::string(tensor.name()).c_str());
  return copy;
}

bool run(const Case *c) {
  for (const bool from_file : {true, false}) {
    mslite::Result<mslite::Model> model = build(*c, from_file);
    if (c->refused) {
      if (model) return golden_fail("was built, and should have been refused");
      if (*model.error().text() == 0) return golden_fail("was refused without a text");
      continue;
    }
    if (!model) return refused(model.error(), "build");
    if (c->in_count > 0 && model->inputs().size() != c->in_count) return golden_fail("has %zu inputs", model->inputs().size());
    if (!resize(*model, *c) || !fill(*c, model->inputs())) return false;
    const mslite::Result<mslite::TensorList> outputs = model->predict();
    if (!outputs) return refused(outputs.error(), "predict");
    if (!compare(*c, *outputs)) return false;

    std::vector<std::vector<std::byte>> memory;
    std::vector<mslite::Tensor> inputs, results;
    for (const mslite::TensorView input : model->inputs()) inputs.push_back(like(input, memory));
    for (const mslite::TensorView output : *outputs) results.push_back(like(output, memory));
    if (!fill(*c, inputs)) return false;
    const mslite::Result<void> done = model->predict_into(inputs, results);
    if (!done) return refused(done.error(), "predict_into");
    if (!compare(*c, results)) return false;
    for (std::size_t i = 0; i < results.size(); i++)
      if (results[i].byte_size() > 0 && results[i].bytes().data() != memory[inputs.size() + i].data())
        return golden_fail("output %zu is elsewhere", i);
  }
  return true;
}

}  // namespace

int main(int, char **argv) {
  int passed = 0, failed = 0;
  if (!golden_each(argv[1], "", 0, run, &passed, &failed)) return 2;
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}
