/* How long something takes, for the C++ examples. */
#ifndef EXAMPLES_TIMING_HPP
#define EXAMPLES_TIMING_HPP

#include <algorithm>
#include <chrono>
#include <vector>

/* The median of several calls, in milliseconds. */
template <class Call>
double median_milliseconds(Call call, int calls = 30) {
  std::vector<double> times;
  for (int i = 0; i < calls; i++) {
    const auto start = std::chrono::steady_clock::now();
    call();
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(times.begin(), times.begin() + calls / 2, times.end());
  return times[calls / 2];
}

#endif
