/**
 * @file result.hpp
 * What a function gives that can fail: a value, or a status and the text that says what was wrong.
 */
#ifndef MSLITE_CPP_RESULT_HPP
#define MSLITE_CPP_RESULT_HPP

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <utility>
#include <variant>
#include "mslite/extensions.h"

namespace mslite {

/** A failure. */
class Error {
 public:
  Error(OH_AI_Status status, std::string text) : status_(status), text_(std::move(text)) {}

  /** The failure of this thread's last call into the library. */
  static Error last(OH_AI_Status status) { return Error(status, MSLite_GetLastError()); }

  OH_AI_Status status() const noexcept { return status_; }
  /** Function, argument, what is wrong and what would have been accepted. */
  const char *text() const noexcept { return text_.c_str(); }

 private:
  OH_AI_Status status_;
  std::string text_;
};

#if defined(__cpp_exceptions)
/** An Error that was thrown by Result::value(). */
class Exception : public std::exception {
 public:
  explicit Exception(Error error) : error_(std::move(error)) {}
  const char *what() const noexcept override { return error_.text(); }
  OH_AI_Status status() const noexcept { return error_.status(); }
  const Error &error() const noexcept { return error_; }

 private:
  Error error_;
};
#endif

namespace detail {

/** Throws; a program without exceptions ends here, because it has asked for a value that does not exist. */
[[noreturn]] inline void raise(const Error &error) {
#if defined(__cpp_exceptions)
  throw Exception(error);
#else
  std::fprintf(stderr, "mslite: a failed result was used: %s\n", error.text());
  std::abort();
#endif
}

struct Nothing {};

}  // namespace detail

/**
 * Either a value or an Error. `value()` throws an Exception when there is none (and ends the program where exceptions are off); all
 * other functions never throw.
 */
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T &value() & { return *checked(this); }
  const T &value() const & { return *checked(this); }
  T value() && { return std::move(*checked(this)); }

  template <class U>
  T value_or(U &&other) && {
    return has_value() ? std::move(**this) : static_cast<T>(std::forward<U>(other));
  }

  /** Only where has_value(). */
  T &operator*() noexcept { return *std::get_if<0>(&state_); }
  const T &operator*() const noexcept { return *std::get_if<0>(&state_); }
  T *operator->() noexcept { return std::get_if<0>(&state_); }
  const T *operator->() const noexcept { return std::get_if<0>(&state_); }

  /** Only where !has_value(). */
  const Error &error() const noexcept { return *std::get_if<1>(&state_); }
  /** OH_AI_STATUS_SUCCESS where has_value(). */
  OH_AI_Status status() const noexcept { return has_value() ? OH_AI_STATUS_SUCCESS : error().status(); }

 private:
  template <class Self>
  static auto checked(Self *self) -> decltype(std::get_if<0>(&self->state_)) {
    if (!self->has_value()) detail::raise(self->error());
    return std::get_if<0>(&self->state_);
  }

  std::variant<T, Error> state_;
};

/** Done, or an Error. */
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() noexcept = default;
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  void value() const {
    if (!has_value()) detail::raise(error());
  }
  /** Only where !has_value(). */
  const Error &error() const noexcept { return *std::get_if<1>(&state_); }
  OH_AI_Status status() const noexcept { return has_value() ? OH_AI_STATUS_SUCCESS : error().status(); }

 private:
  std::variant<detail::Nothing, Error> state_;
};

namespace detail {

/** What a call into the library has returned, as a Result. */
inline Result<void> result_of(OH_AI_Status status) {
  if (status == OH_AI_STATUS_SUCCESS) return {};
  return Error::last(status);
}

/** A handle that is released by `Destroy` and cannot be copied. Moved-from owners hold NULL, which every function accepts. */
template <void (*Destroy)(void **)>
class Owner {
 public:
  Owner() noexcept = default;
  explicit Owner(void *handle) noexcept : handle_(handle) {}
  Owner(Owner &&other) noexcept : handle_(other.release()) {}
  Owner &operator=(Owner &&other) noexcept {
    if (this != &other) {
      reset();
      handle_ = other.release();
    }
    return *this;
  }
  ~Owner() { reset(); }

  void *get() const noexcept { return handle_; }
  void *release() noexcept { return std::exchange(handle_, nullptr); }
  void reset() noexcept {
    if (handle_ != nullptr) Destroy(&handle_);
    handle_ = nullptr;
  }

 private:
  void *handle_ = nullptr;
};

/** A string that the library has allocated for its caller. */
inline std::string take_string(const char *text) {
  std::string copy = text == nullptr ? "" : text;
  std::free(const_cast<char *>(text));
  return copy;
}

}  // namespace detail

/** Name, version and the instruction set in use. */
inline const char *version() noexcept { return MSLite_GetVersion(); }

/** "bfloat16", "float16", or "" where half precision is not faster: see MSLite_GetHalfArithmetic(). */
inline const char *half_arithmetic() noexcept { return MSLite_GetHalfArithmetic(); }

}  // namespace mslite
#endif
