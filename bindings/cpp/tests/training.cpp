/* The recorded trainings through mslite.hpp: the losses, and that an exported model predicts as the trained one.
 *
 *   training MANIFEST      as Tests/Models/make_training_manifest.py writes it */
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>
#include "check.h"
#include "mslite/mslite.hpp"

namespace {

std::vector<char> read(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/* Batch `step` of a recording, whose pictures are channels first, as the input has them. */
void fill(mslite::TensorView input, const std::vector<char> &batches, std::size_t step) {
  const auto shape = input.shape();
  const mslite::Span<std::byte> to = input.mutable_bytes();
  CHECK(batches.size() >= (step + 1) * to.size());
  if (batches.size() < (step + 1) * to.size()) return;
  const char *from = batches.data() + step * to.size();
  const std::size_t channels = shape.size() == 4 ? static_cast<std::size_t>(shape[3]) : 1;
  const std::size_t area = shape.size() == 4 ? static_cast<std::size_t>(shape[1] * shape[2]) : 1;
  for (std::size_t i = 0; i < to.size() / 4; i++) {
    const std::size_t picture = i / (area * channels), pixel = i / channels % area, channel = i % channels;
    std::memcpy(to.data() + 4 * i, from + 4 * ((picture * channels + channel) * area + pixel), 4);
  }
}

std::vector<float> floats(mslite::TensorView tensor) {
  const auto data = tensor.data<float>();
  return data ? std::vector<float>(data->begin(), data->end()) : std::vector<float>();
}

void train(std::map<std::string, std::string> fields) {
  mslite::TrainConfig config;
  config.set_loss_names({"loss_fct", "_loss_fn", "SigmoidCrossEntropy"});
  CHECK(config.loss_names().size() == 3 && config.loss_names()[2] == "SigmoidCrossEntropy");
  mslite::Model model = mslite::Model::train_from_file(fields["model"].c_str(), mslite::Context::cpu(2), std::move(config)).value();
  CHECK(!model.train_mode());
  CHECK(config.loss_names().empty() && config.level() == OH_AI_KO0); /* NOLINT: moved-from on purpose */
  CHECK(model.set_train_mode(true).has_value() && model.train_mode());
  CHECK(model.learning_rate() > 0);
  const std::vector<char> x = read(fields["x"]), y = read(fields["y"]);
  std::istringstream losses(fields["losses"]);
  std::string number;
  for (std::size_t step = 0; std::getline(losses, number, ','); step++) {
    fill(model.inputs()[0], x, step);
    fill(model.inputs()[1], y, step);
    CHECK(model.run_step().has_value());
    const double expected = std::stod(number), loss = static_cast<double>(floats(model.outputs()[0]).at(0));
    CHECK(std::fabs(loss - expected) <= 2e-3 * expected);
  }
  CHECK(model.set_train_mode(false).has_value());
  fill(model.inputs()[0], x, 0);
  int nodes = 0;
  CHECK(model.run_step_watched(mslite::Ignore(), [&](mslite::TensorList, mslite::TensorList, const mslite::Node &) { nodes++; }).has_value());
  CHECK(nodes > 0);
  const std::vector<float> logits = floats(model.outputs()[0]);

  mslite::Bytes bytes = model.export_to_buffer().value();
  mslite::Model exported = mslite::Model::from_buffer(bytes).value();
  fill(exported.inputs()[0], x, 0);
  const std::vector<float> predicted = floats(exported.predict().value()[0]);
  CHECK(predicted.size() == logits.size() && !logits.empty());
  for (std::size_t i = 0; i < predicted.size() && i < logits.size(); i++) CHECK(std::fabs(predicted[i] - logits[i]) <= 1e-3F);

  /* Weights: the model's own memory; new values by name. */
  const std::vector<mslite::Tensor> weights = model.weights();
  CHECK(!weights.empty());
  std::vector<float> zeros(static_cast<std::size_t>(weights[0].element_count()));
  const std::string name(weights[0].name());
  mslite::Tensor update = mslite::Tensor::over(name.c_str(), mslite::Shape(weights[0].shape()), zeros).value();
  CHECK(model.update_weights(update).has_value());
  CHECK(floats(model.weights()[0]) == zeros);
  update.set_name("no such weight");
  CHECK(!model.update_weights(update));
  CHECK(model.set_learning_rate(0.25F).has_value() && model.learning_rate() == 0.25F);
  CHECK(model.set_learning_rate(-1).status() == OH_AI_STATUS_LITE_ERROR);
  CHECK(model.set_virtual_batch(2).has_value());
}

}  // namespace

int main(int, char **argv) {
  std::ifstream manifest(argv[1]);
  std::string line;
  int trained = 0;
  for (; std::getline(manifest, line); trained++) {
    std::map<std::string, std::string> fields;
    std::istringstream words(line);
    for (std::string word; words >> word;) fields.emplace(word.substr(0, word.find('=')), word.substr(word.find('=') + 1));
    train(fields);
  }
  CHECK(trained > 0);
  return check_result();
}
