#include "recogniser.hpp"

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "input.hpp"

Recogniser::Recogniser(const std::string &path, const std::string &characters_path, int threads)
    : model(mslite::Model::from_file(path.c_str(), mslite::Context::cpu(threads)).value()), characters{""} {
  std::ifstream file(characters_path);
  for (std::string character; std::getline(file, character);) characters.push_back(character);
  if (characters.size() == 1) throw std::runtime_error("no characters in " + characters_path);
  characters.push_back(" ");
}

Text Recogniser::recognise(const mslite::Image &picture, const Corners &line) {
  /* The network was never taught less than 320 columns. */
  fill(model, straightened(picture, line, 48, 320));
  const mslite::TensorView output = model.predict().value()[0];
  const size_t steps = output.shape()[1], classes = output.shape()[2];
  if (classes != characters.size()) {
    throw std::runtime_error("the network knows " + std::to_string(classes - 2) + " characters, the list has " +
                             std::to_string(characters.size() - 2));
  }

  /* A character lasts until another one or a gap begins. */
  Text result = {"", 0};
  size_t previous = 0, count = 0;
  const float *likely = output.data<float>().value().data();
  for (size_t step = 0; step < steps; step++, likely += classes) {
    const size_t best = std::max_element(likely, likely + classes) - likely;
    if (best != previous && best != 0) {
      result.text += characters[best];
      result.confidence += likely[best];
      count++;
    }
    previous = best;
  }
  if (count > 0) result.confidence /= count;
  return result;
}
