/**
 * @file tensor.hpp
 * Tensors: views of those that a model owns, owners of others, and lists of either.
 */
#ifndef MSLITE_CPP_TENSOR_HPP
#define MSLITE_CPP_TENSOR_HPP

#include <cstring>
#include <memory>
#include <string_view>
#include "mslite/cpp/result.hpp"
#include "mslite/cpp/span.hpp"

namespace mslite {

/** Element types; their values are those of OH_AI_DataType. */
enum class DataType : std::int32_t {
  unknown = OH_AI_DATATYPE_UNKNOWN,
  string = OH_AI_DATATYPE_OBJECTTYPE_STRING,
  boolean = OH_AI_DATATYPE_NUMBERTYPE_BOOL,
  int8 = OH_AI_DATATYPE_NUMBERTYPE_INT8,
  int16 = OH_AI_DATATYPE_NUMBERTYPE_INT16,
  int32 = OH_AI_DATATYPE_NUMBERTYPE_INT32,
  int64 = OH_AI_DATATYPE_NUMBERTYPE_INT64,
  uint8 = OH_AI_DATATYPE_NUMBERTYPE_UINT8,
  uint16 = OH_AI_DATATYPE_NUMBERTYPE_UINT16,
  uint32 = OH_AI_DATATYPE_NUMBERTYPE_UINT32,
  uint64 = OH_AI_DATATYPE_NUMBERTYPE_UINT64,
  float16 = OH_AI_DATATYPE_NUMBERTYPE_FLOAT16,
  float32 = OH_AI_DATATYPE_NUMBERTYPE_FLOAT32,
  float64 = OH_AI_DATATYPE_NUMBERTYPE_FLOAT64,
};

/** Layouts; the C enumerators are its values. */
using Format = OH_AI_Format;

/** The bits of a half-precision number, which C++17 has no type for. */
struct Float16 {
  std::uint16_t bits;
};

namespace detail {

template <class T>
struct DataTypeOf;
#define MSLITE_DATA_TYPE(cpp, name) \
  template <>                       \
  struct DataTypeOf<cpp> {          \
    static constexpr DataType value = DataType::name; \
  }
MSLITE_DATA_TYPE(bool, boolean);
MSLITE_DATA_TYPE(std::int8_t, int8);
MSLITE_DATA_TYPE(std::int16_t, int16);
MSLITE_DATA_TYPE(std::int32_t, int32);
MSLITE_DATA_TYPE(std::int64_t, int64);
MSLITE_DATA_TYPE(std::uint8_t, uint8);
MSLITE_DATA_TYPE(std::uint16_t, uint16);
MSLITE_DATA_TYPE(std::uint32_t, uint32);
MSLITE_DATA_TYPE(std::uint64_t, uint64);
MSLITE_DATA_TYPE(Float16, float16);
MSLITE_DATA_TYPE(float, float32);
MSLITE_DATA_TYPE(double, float64);
#undef MSLITE_DATA_TYPE

}  // namespace detail

/** The element type whose numbers are `T`; only for the types that tensors have. */
template <class T>
inline constexpr DataType data_type_of = detail::DataTypeOf<std::remove_cv_t<T>>::value;

class Tensor;

/**
 * A tensor that somebody else owns: a model, or a Tensor. Copies are the same tensor. A view whose tensor is gone is harmless: its
 * getters return nothing, what can fail does.
 */
class TensorView {
 public:
  TensorView() noexcept = default;
  explicit TensorView(OH_AI_TensorHandle handle) noexcept : handle_(handle) {}

  OH_AI_TensorHandle handle() const noexcept { return handle_; }
  /** Whether there is a handle at all. */
  explicit operator bool() const noexcept { return handle_ != nullptr; }

  /** Valid until the tensor gets another name or is released. */
  std::string_view name() const noexcept {
    const char *name = OH_AI_TensorGetName(handle_);
    return name == nullptr ? std::string_view() : std::string_view(name);
  }
  DataType type() const noexcept { return static_cast<DataType>(OH_AI_TensorGetDataType(handle_)); }
  Format format() const noexcept { return OH_AI_TensorGetFormat(handle_); }
  /** Valid until the shape changes or the tensor is released. A dimension that only a run can tell is -1. */
  Span<const std::int64_t> shape() const noexcept {
    std::size_t rank = 0;
    const std::int64_t *dimensions = OH_AI_TensorGetShape(handle_, &rank);
    return {dimensions, rank};
  }
  std::int64_t element_count() const noexcept { return OH_AI_TensorGetElementNum(handle_); }
  std::size_t byte_size() const noexcept { return OH_AI_TensorGetDataSize(handle_); }

  void set_name(const char *name) const noexcept { OH_AI_TensorSetName(handle_, name); }
  void set_type(DataType type) const noexcept { OH_AI_TensorSetDataType(handle_, static_cast<OH_AI_DataType>(type)); }
  void set_format(Format format) const noexcept { OH_AI_TensorSetFormat(handle_, format); }
  void set_shape(const Shape &shape) const noexcept { OH_AI_TensorSetShape(handle_, shape.data(), shape.rank()); }

  /** The data as they are; empty where there are none. */
  Span<const std::byte> bytes() const noexcept {
    auto *data = static_cast<const std::byte *>(OH_AI_TensorGetData(handle_));
    return {data, data == nullptr ? 0 : byte_size()};
  }
  /** The data for writing; a tensor without data gets a buffer of its own first. Empty without a tensor, or a size. */
  Span<std::byte> mutable_bytes() const noexcept {
    auto *data = static_cast<std::byte *>(OH_AI_TensorGetMutableData(handle_));
    return {data, data == nullptr ? 0 : byte_size()};
  }

  /** The elements; valid as long as the data are. Fails for another element type and for a tensor without data. */
  template <class T>
  Result<Span<const T>> data() const {
    if (type() != data_type_of<T>) return other_type(data_type_of<T>);
    const Span<const std::byte> all = bytes();
    if (all.data() == nullptr) return without_data();
    return Span<const T>(reinterpret_cast<const T *>(all.data()), all.size() / sizeof(T));
  }
  /** The elements for writing, as mutable_bytes(). */
  template <class T>
  Result<Span<T>> mutable_data() const {
    if (type() != data_type_of<T>) return other_type(data_type_of<T>);
    const Span<std::byte> all = mutable_bytes();
    if (all.data() == nullptr) return without_data();
    return Span<T>(reinterpret_cast<T *>(all.data()), all.size() / sizeof(T));
  }

  /**
   * Lets the tensor use the caller's memory, which is neither copied nor freed and must live until the tensor is gone or uses other
   * memory. A model only reads its inputs. Fails for another element type and another size.
   */
  template <class T>
  Result<void> borrow(Span<T> memory) const {
    if (type() != data_type_of<T>) return other_type(data_type_of<T>);
    return detail::result_of(
      OH_AI_TensorSetUserData(handle_, const_cast<std::remove_const_t<T> *>(memory.data()), memory.size_bytes()));
  }
  template <class C>
  auto borrow(C &memory) const -> Result<void> {
    return borrow(Span<std::remove_pointer_t<decltype(memory.data())>>(memory.data(), memory.size()));
  }

  /** Copies elements into the tensor's memory. Fails for another element type and another number of elements. */
  template <class T>
  Result<void> copy_from(Span<T> elements) const {
    using Element = std::remove_const_t<T>;
    Result<Span<Element>> own = mutable_data<Element>();
    if (!own) return own.error();
    if (own->size() != elements.size()) return other_size(elements.size());
    std::memcpy(own->data(), elements.data(), elements.size_bytes());
    return {};
  }
  template <class C>
  auto copy_from(const C &elements) const -> Result<void> {
    return copy_from(Span<const std::remove_const_t<std::remove_pointer_t<decltype(elements.data())>>>(elements.data(), elements.size()));
  }

  /** An independent copy, data included. */
  inline Result<Tensor> clone() const;

  OH_AI_AllocatorHandle allocator() const noexcept { return OH_AI_TensorGetAllocator(handle_); }
  Result<void> set_allocator(OH_AI_AllocatorHandle allocator) const {
    return detail::result_of(OH_AI_TensorSetAllocator(handle_, allocator));
  }

 private:
  Error other_type(DataType asked) const {
    return Error(OH_AI_STATUS_LITE_PARAM_INVALID, about() + " has elements of type " + std::to_string(static_cast<int>(type())) +
                                                    ", asked for as type " + std::to_string(static_cast<int>(asked)));
  }
  Error other_size(std::size_t given) const {
    return Error(OH_AI_STATUS_LITE_PARAM_INVALID,
                 about() + " has " + std::to_string(element_count()) + " elements, given are " + std::to_string(given));
  }
  Error without_data() const { return Error(OH_AI_STATUS_LITE_NULLPTR, about() + " has no data"); }
  std::string about() const { return handle_ == nullptr ? "a tensor that was moved from" : "tensor \"" + std::string(name()) + "\""; }

 protected:
  OH_AI_TensorHandle handle_ = nullptr;
};

/** A tensor of the program's own. Moved-from tensors are like views of nothing. */
class Tensor : public TensorView {
 public:
  Tensor() noexcept = default;
  /** Takes over a handle from OH_AI_TensorCreate() or OH_AI_TensorClone(). */
  explicit Tensor(OH_AI_TensorHandle handle) noexcept : TensorView(handle) {}
  Tensor(Tensor &&other) noexcept : TensorView(std::exchange(other.handle_, nullptr)) {}
  Tensor &operator=(Tensor &&other) noexcept {
    if (this != &other) {
      if (handle_ != nullptr) OH_AI_TensorDestroy(&handle_);
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Tensor() {
    if (handle_ != nullptr) OH_AI_TensorDestroy(&handle_);
  }

  /** A tensor without data. */
  static Result<Tensor> create(const char *name, DataType type, const Shape &shape) {
    return made(OH_AI_TensorCreate(name, static_cast<OH_AI_DataType>(type), shape.data(), shape.rank(), nullptr, 0));
  }
  /** A tensor over the caller's memory, which is neither copied nor freed, and must live as long as the tensor. */
  template <class T>
  static Result<Tensor> over(const char *name, const Shape &shape, Span<T> memory) {
    return made(OH_AI_TensorCreate(name, static_cast<OH_AI_DataType>(data_type_of<T>), shape.data(), shape.rank(), memory.data(),
                                   memory.size_bytes()));
  }
  template <class C>
  static auto over(const char *name, const Shape &shape, C &memory) -> Result<Tensor> {
    return over(name, shape, Span<std::remove_pointer_t<decltype(memory.data())>>(memory.data(), memory.size()));
  }

  OH_AI_TensorHandle release() noexcept { return std::exchange(handle_, nullptr); }

 private:
  static Result<Tensor> made(OH_AI_TensorHandle handle) {
    if (handle == nullptr) return Error::last(OH_AI_STATUS_LITE_PARAM_INVALID);
    return Tensor(handle);
  }
};

inline Result<Tensor> TensorView::clone() const {
  OH_AI_TensorHandle copy = OH_AI_TensorClone(handle_);
  if (copy == nullptr) return Error::last(OH_AI_STATUS_LITE_NULLPTR);
  return Tensor(copy);
}

static_assert(std::is_standard_layout_v<Tensor> && sizeof(Tensor) == sizeof(OH_AI_TensorHandle) &&
                sizeof(TensorView) == sizeof(OH_AI_TensorHandle),
              "lists of tensors are passed on as lists of handles");

/** Tensors in a row, owned by somebody else: a model's list, or a container of Tensor or TensorView. */
class TensorList {
 public:
  TensorList() noexcept = default;
  TensorList(OH_AI_TensorHandleArray list) noexcept : list_(list) {}
  /** Of one tensor. */
  TensorList(const TensorView &tensor) noexcept : TensorList(&tensor, 1) {}
  /** In a call only: the list lives as long as the expression. */
  TensorList(std::initializer_list<TensorView> tensors) noexcept : TensorList(tensors.begin(), tensors.size()) {}
  template <class C, class = std::enable_if_t<
                       std::is_base_of_v<TensorView, std::remove_cv_t<std::remove_pointer_t<decltype(std::declval<const C &>().data())>>>>>
  TensorList(const C &tensors) noexcept : TensorList(tensors.data(), tensors.size()) {}

  std::size_t size() const noexcept { return list_.handle_num; }
  bool empty() const noexcept { return size() == 0; }
  const TensorView *begin() const noexcept { return reinterpret_cast<const TensorView *>(list_.handle_list); }
  const TensorView *end() const noexcept { return begin() + size(); }
  /** A view of nothing beyond the end. */
  TensorView operator[](std::size_t index) const noexcept { return index < size() ? begin()[index] : TensorView(); }
  /** The tensor of that name; a view of nothing where there is none. */
  TensorView find(std::string_view name) const noexcept {
    for (TensorView tensor : *this)
      if (tensor.name() == name) return tensor;
    return {};
  }
  OH_AI_TensorHandleArray handles() const noexcept { return list_; }

 private:
  TensorList(const TensorView *tensors, std::size_t count) noexcept
      : list_{count, reinterpret_cast<OH_AI_TensorHandle *>(const_cast<TensorView *>(tensors))} {}

  OH_AI_TensorHandleArray list_ = {0, nullptr};
};

}  // namespace mslite
#endif
