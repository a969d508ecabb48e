#include "recogniser.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>

Recogniser::Recogniser(const std::string &path, const std::string &characters_path, int threads)
    : model_(mslite::Model::from_file(path.c_str(), mslite::Context::cpu(threads)).value()), characters_{""} {
  std::ifstream file(characters_path);
  for (std::string character; std::getline(file, character);) characters_.push_back(character);
  if (characters_.size() == 1) throw std::runtime_error("no characters in " + characters_path);
  characters_.push_back(" ");
}

Text Recogniser::recognise(const Picture &picture, const Corners &line) {
  // Lines are 48 pixels high; the network has never seen any of less than 320 columns.
  const int line_width = std::max<int>(1, std::ceil(48 * width(line) / height(line)));
  const int input_width = std::max(320, line_width);
  model_.resize({{1, 48, input_width, 3}}).value();
  picture.straightened(line, line_width, 48, input_width).normalize(model_.inputs()[0].mutable_data<float>().value().data());
  const mslite::TensorView output = model_.predict().value()[0];
  const std::size_t steps = output.shape()[1], classes = output.shape()[2];
  if (classes != characters_.size()) {
    throw std::runtime_error("the network knows " + std::to_string(classes - 2) + " characters, the list has " +
                             std::to_string(characters_.size() - 2));
  }

  // A character lasts until the next one or a gap begins.
  Text result = {"", 0};
  std::size_t previous = 0;
  int count = 0;
  const float *likelihoods = output.data<float>().value().data();
  for (std::size_t step = 0; step < steps; step++, likelihoods += classes) {
    const std::size_t best = std::max_element(likelihoods, likelihoods + classes) - likelihoods;
    if (best != previous && best != 0) {
      result.text += characters_[best];
      result.confidence += likelihoods[best];
      count++;
    }
    previous = best;
  }
  if (count > 0) result.confidence /= count;
  return result;
}
