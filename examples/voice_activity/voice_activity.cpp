// Finds where somebody speaks in a recording, with Silero VAD.
//
//   voice_activity MODEL.ms SOUND.wav RESULT.png
#include <mslite/mslite.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>

#include "speech.hpp"
#include "wav.hpp"

// The probability of speech in each chunk. The model hears the chunks one after the other, as they would come from a microphone, and
// gives what it remembers along with each answer: it goes back in with the next chunk.
static std::vector<float> listen(mslite::Model &model, const std::vector<float> &samples) {
  const mslite::TensorView sound = model.input("input"), memory = model.input("state");
  if (!sound || !memory) throw std::runtime_error("the model has no inputs \"input\" and \"state\"");
  std::vector<float> heard(context + chunk), nothing(memory.byte_size() / sizeof(float));
  memory.copy_from(nothing).value();

  std::vector<float> probabilities;
  for (std::size_t first = 0; first < samples.size(); first += chunk) {
    std::copy(heard.end() - context, heard.end(), heard.begin());
    const std::size_t count = std::min(chunk, samples.size() - first);
    std::fill(std::copy_n(&samples[first], count, heard.begin() + context), heard.end(), 0.0f);

    sound.copy_from(heard).value();
    const mslite::TensorList outputs = model.predict().value();
    const mslite::Span<const float> probability = outputs.find("output").data<float>().value();
    if (probability.size() != 1) throw std::runtime_error("the model's output is not one probability");
    probabilities.push_back(probability[0]);
    memory.copy_from(outputs.find("stateN").data<float>().value()).value();
  }
  return probabilities;
}

static std::vector<Segment> segments_of(const std::vector<float> &probabilities, std::size_t length) {
  std::vector<Segment> segments;
  bool speaking = false, silent = false;
  Segment current = {0, 0};
  const auto close = [&] {
    if (current.end - current.begin > least_speech) segments.push_back(current);
    speaking = silent = false;
  };
  for (std::size_t i = 0; i < probabilities.size(); i++) {
    const std::size_t now = i * chunk;
    if (probabilities[i] >= enter) {
      if (!speaking) current.begin = now;
      speaking = true;
      silent = false;
    } else if (speaking && probabilities[i] < leave) {
      if (!silent) current.end = now;
      silent = true;
      if (now - current.end >= least_silence) close();
    }
  }
  if (speaking) {
    current.end = length;
    close();
  }
  // Margins meet in the middle of a silence that has no room for two.
  const std::vector<Segment> bare = segments;
  for (std::size_t i = 0; i < bare.size(); i++) {
    const std::size_t before = i == 0 ? bare[i].begin : (bare[i].begin - bare[i - 1].end) / 2;
    const std::size_t after = i + 1 == bare.size() ? length - bare[i].end : (bare[i + 1].begin - bare[i].end) / 2;
    segments[i].begin -= std::min(margin, before);
    segments[i].end += std::min(margin, after);
  }
  return segments;
}

int main(int argc, char **argv) try {
  if (argc != 4) throw std::runtime_error("usage: voice_activity MODEL.ms SOUND.wav RESULT.png");
  const std::vector<float> samples = read_wav(argv[2], rate);
  mslite::Model model = mslite::Model::from_file(argv[1], mslite::Context::cpu(1)).value();

  const auto start = std::chrono::steady_clock::now();
  const std::vector<float> probabilities = listen(model, samples);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const std::vector<Segment> segments = segments_of(probabilities, samples.size());

  const double seconds = static_cast<double>(samples.size()) / rate;
  std::printf("%s: %.2f s, speech in %zu places\n", argv[2], seconds, segments.size());
  for (const Segment &segment : segments)
    std::printf("  %5.2f s to %5.2f s\n", static_cast<double>(segment.begin) / rate, static_cast<double>(segment.end) / rate);
  std::printf("real-time factor %.4f: %.2f ms for each %.0f ms of sound, one thread\n", took.count() / seconds,
              1e3 * took.count() / static_cast<double>(probabilities.size()), 1e3 * chunk / rate);
  draw(samples, probabilities, segments, argv[3]);
  std::printf("drawn: %s\n", argv[3]);
  return 0;
} catch (const std::exception &error) {
  std::fprintf(stderr, "voice_activity: %s\n", error.what());
  return 1;
}
