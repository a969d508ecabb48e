// A WAV file is "RIFF", a size, "WAVE", and chunks: four letters, a size, as many bytes, and one more if that is odd. "fmt " says what
// the samples are that "data" has. All numbers are little-endian.
#include "wav.hpp"

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace {

unsigned number(const unsigned char *bytes, int count) {
  unsigned value = 0;
  for (int i = 0; i < count; i++) value |= static_cast<unsigned>(bytes[i]) << 8 * i;
  return value;
}

bool is(const unsigned char *bytes, const char *letters) { return std::memcmp(bytes, letters, 4) == 0; }

}  // namespace

std::vector<float> read_wav(const std::string &path, unsigned rate) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw std::runtime_error(path + ": cannot be opened");
  const std::vector<unsigned char> file{std::istreambuf_iterator<char>(stream), {}};
  if (file.size() < 12 || !is(&file[0], "RIFF") || !is(&file[8], "WAVE")) throw std::runtime_error(path + ": is no WAV file");

  bool format_seen = false;
  for (std::size_t at = 12; file.size() - at >= 8;) {
    const unsigned char *chunk = &file[at];
    const std::size_t size = number(chunk + 4, 4), rest = file.size() - at - 8;
    const unsigned char *content = chunk + 8;
    // A recorder that was stopped, or wrote to a pipe, leaves a size in "data" that is larger than the file.
    if (size > rest && !is(chunk, "data")) throw std::runtime_error(path + ": a chunk goes beyond the end of the file");
    if (is(chunk, "fmt ")) {
      if (size < 16) throw std::runtime_error(path + ": has no complete \"fmt \" chunk");
      const unsigned coding = number(content, 2), channels = number(content + 2, 2), bits = number(content + 14, 2);
      const unsigned found = number(content + 4, 4);
      if (coding != 1 || channels != 1 || bits != 16 || found != rate)
        throw std::runtime_error(path + ": has coding " + std::to_string(coding) + ", " + std::to_string(channels) + " channels, " +
                                 std::to_string(bits) + " bits and " + std::to_string(found) +
                                 " samples a second; wanted are coding 1 (PCM), 1 channel, 16 bits and " + std::to_string(rate));
      format_seen = true;
    } else if (is(chunk, "data")) {
      if (!format_seen) throw std::runtime_error(path + ": has data before it says what they are");
      std::vector<float> samples((size < rest ? size : rest) / 2);
      if (samples.empty()) throw std::runtime_error(path + ": has no samples");
      for (std::size_t i = 0; i < samples.size(); i++)
        samples[i] = static_cast<float>(static_cast<std::int16_t>(number(content + 2 * i, 2))) / 32768;
      return samples;
    }
    if (size + size % 2 > rest) break;
    at += 8 + size + size % 2;
  }
  throw std::runtime_error(path + ": has no \"data\" chunk");
}
