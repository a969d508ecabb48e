// What the program finds in a recording.
#ifndef SPEECH_HPP
#define SPEECH_HPP

#include <cstddef>
#include <string>
#include <vector>

constexpr int rate = 16000;          // samples a second
constexpr std::size_t chunk = 512;   // samples that the model judges at a time, 32 ms
constexpr std::size_t context = 64;  // samples before them that it sees once more

constexpr float enter = 0.5f;                      // speech starts with a probability of this or more,
constexpr float leave = 0.35f;                     // and ends where it stays below this for
constexpr std::size_t least_silence = rate / 10;   // 100 ms at least.
constexpr std::size_t least_speech = rate / 4;     // What is not longer than 250 ms is noise.
constexpr std::size_t margin = rate * 30 / 1000;   // Each end gets 30 ms more.

// From sample `begin` up to and without `end`.
struct Segment {
  std::size_t begin;
  std::size_t end;
};

// Draws the waveform, the probability of speech in each chunk, and the segments. Throws std::runtime_error.
void draw(const std::vector<float> &samples, const std::vector<float> &probabilities, const std::vector<Segment> &segments,
          const std::string &path);

#endif
