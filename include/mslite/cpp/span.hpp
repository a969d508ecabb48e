/**
 * @file span.hpp
 * A pointer and a length, and the shapes of tensors.
 */
#ifndef MSLITE_CPP_SPAN_HPP
#define MSLITE_CPP_SPAN_HPP

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <type_traits>
#include <utility>
#include "mindspore/model.h"

namespace mslite {

/** Elements that somebody else owns, as C++20's std::span, which it converts to. */
template <class T>
class Span {
 public:
  using element_type = T;
  using value_type = std::remove_cv_t<T>;
  using iterator = T *;

  constexpr Span() noexcept = default;
  constexpr Span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}
  template <std::size_t N>
  constexpr Span(T (&array)[N]) noexcept : data_(array), size_(N) {}
  /** Of anything with data() and size(): vectors, arrays, strings, other spans. */
  template <class C, class = std::enable_if_t<!std::is_same_v<std::decay_t<C>, Span> &&
                                              std::is_convertible_v<std::remove_pointer_t<decltype(std::declval<C &>().data())> (*)[], T (*)[]>>>
  constexpr Span(C &&container) noexcept : data_(container.data()), size_(container.size()) {}

  constexpr T *data() const noexcept { return data_; }
  constexpr std::size_t size() const noexcept { return size_; }
  constexpr std::size_t size_bytes() const noexcept { return size_ * sizeof(T); }
  constexpr bool empty() const noexcept { return size_ == 0; }
  constexpr T *begin() const noexcept { return data_; }
  constexpr T *end() const noexcept { return data_ + size_; }
  /** @param index below size(); not checked */
  constexpr T &operator[](std::size_t index) const noexcept { return data_[index]; }

 private:
  T *data_ = nullptr;
  std::size_t size_ = 0;
};

/** A shape to be set: dimensions, outermost first. One of more than 32 dimensions is refused by whatever takes it. */
class Shape : private OH_AI_ShapeInfo {
 public:
  Shape() noexcept : OH_AI_ShapeInfo() {}
  Shape(std::initializer_list<std::int64_t> dimensions) noexcept : Shape(dimensions.begin(), dimensions.size()) {}
  explicit Shape(Span<const std::int64_t> dimensions) noexcept : Shape(dimensions.data(), dimensions.size()) {}

  std::size_t rank() const noexcept { return shape_num; }
  const std::int64_t *data() const noexcept { return shape; }
  /** Dimensions, at most the 32 that are kept. */
  std::size_t size() const noexcept { return shape_num < OH_AI_MAX_SHAPE_NUM ? shape_num : std::size_t{OH_AI_MAX_SHAPE_NUM}; }
  const OH_AI_ShapeInfo &info() const noexcept { return *this; }

 private:
  Shape(const std::int64_t *dimensions, std::size_t count) noexcept : OH_AI_ShapeInfo() {
    shape_num = count;
    for (std::size_t i = 0; i < size(); i++) shape[i] = dimensions[i];
  }
};

static_assert(sizeof(Shape) == sizeof(OH_AI_ShapeInfo), "lists of shapes are passed on as they are");

/** Whether dimensions are the same. */
inline bool operator==(Span<const std::int64_t> a, const Shape &b) noexcept {
  if (a.size() != b.rank()) return false;
  for (std::size_t i = 0; i < b.size(); i++)
    if (a[i] != b.data()[i]) return false;
  return true;
}
inline bool operator!=(Span<const std::int64_t> a, const Shape &b) noexcept { return !(a == b); }

}  // namespace mslite

#if __cplusplus >= 202002L && __has_include(<ranges>)
#include <ranges>
template <class T>
inline constexpr bool std::ranges::enable_borrowed_range<mslite::Span<T>> = true;
#endif
#endif
