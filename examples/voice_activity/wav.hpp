// Sound files.
#ifndef WAV_HPP
#define WAV_HPP

#include <string>
#include <vector>

// The samples of a WAV file, one at least, as numbers of -1 to 1. Takes 16-bit PCM of one channel at `rate` samples a second; throws
// std::runtime_error, which says what the file is instead.
std::vector<float> read_wav(const std::string &path, unsigned rate);

#endif
