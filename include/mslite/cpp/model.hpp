/**
 * @file model.hpp
 * Models: building, running, training, exporting.
 */
#ifndef MSLITE_CPP_MODEL_HPP
#define MSLITE_CPP_MODEL_HPP

#include <vector>
#include "mslite/cpp/context.hpp"
#include "mslite/cpp/tensor.hpp"

namespace mslite {

/** The operator that a callback is about. */
struct Node {
  std::string_view name;
  std::string_view type;
};

/** Times of an operator: see extensions.h. */
using NodeProfile = MSLite_NodeProfile;

/** Settings of a train build. */
class TrainConfig {
 public:
  /** Loss names "loss_fct" and "_loss_fn", level OH_AI_KO0. */
  TrainConfig() noexcept : owner_(OH_AI_TrainCfgCreate()) {}
  OH_AI_TrainCfgHandle handle() const noexcept { return owner_.get(); }

  /** An operator whose name contains one of them computes the loss. */
  void set_loss_names(const std::vector<std::string> &names);
  std::vector<std::string> loss_names() const;
  void set_level(OH_AI_OptimizationLevel level) noexcept { OH_AI_TrainCfgSetOptimizationLevel(handle(), level); }
  OH_AI_OptimizationLevel level() const noexcept { return OH_AI_TrainCfgGetOptimizationLevel(handle()); }

 private:
  detail::Owner<OH_AI_TrainCfgDestroy> owner_;
};

/** What an export writes. */
struct ExportOptions {
  OH_AI_QuantizationType quantization = OH_AI_NO_QUANT;
  /** Leave the training out. */
  bool inference_only = true;
  /** Names of tensors to end at; empty: the whole inference part. */
  std::vector<std::string> outputs;
};

/** Bytes that the library has allocated. */
class Bytes {
 public:
  Bytes(char *data, std::size_t size) noexcept : data_(data), size_(size) {}
  const char *data() const noexcept { return data_.get(); }
  std::size_t size() const noexcept { return size_; }

 private:
  struct Free {
    void operator()(char *data) const noexcept { std::free(data); }
  };
  std::unique_ptr<char, Free> data_;
  std::size_t size_;
};

namespace detail {

/** Strings as the C interface takes them; valid as long as the strings. */
inline std::vector<char *> pointers(const std::vector<std::string> &names) {
  std::vector<char *> list;
  for (const std::string &name : names) list.push_back(const_cast<char *>(name.c_str()));
  return list;
}

/**
 * The callables of the run on this thread. The C callbacks have no argument for the caller's own data, but are called on the thread
 * that runs the model.
 */
class Watch {
 public:
  template <class Before, class After>
  Watch(Before &before, After &after) noexcept
      : before_(&before), after_(&after), call_before_(call<Before>), call_after_(call<After>), outer_(current) {
    current = this;
  }
  Watch(const Watch &) = delete;
  Watch &operator=(const Watch &) = delete;
  ~Watch() { current = outer_; }

  static bool before(const OH_AI_TensorHandleArray in, const OH_AI_TensorHandleArray out, const OH_AI_CallBackParam node) {
    return current->guarded(current->call_before_, current->before_, in, out, node);
  }
  static bool after(const OH_AI_TensorHandleArray in, const OH_AI_TensorHandleArray out, const OH_AI_CallBackParam node) {
    return current->guarded(current->call_after_, current->after_, in, out, node);
  }
  /** Throws what a callable has thrown: it must not pass through the library. */
  void finish() const {
#if defined(__cpp_exceptions)
    if (thrown_ != nullptr) std::rethrow_exception(thrown_);
#endif
  }

 private:
  using Call = bool (*)(void *, TensorList, TensorList, const Node &);

  template <class F>
  static bool call(void *callable, TensorList in, TensorList out, const Node &node) {
    F &function = *static_cast<F *>(callable);
    if constexpr (std::is_void_v<decltype(function(in, out, node))>) {
      function(in, out, node);
      return true;
    } else {
      return function(in, out, node);
    }
  }
  bool guarded(Call function, void *callable, TensorList in, TensorList out, const OH_AI_CallBackParam &node) {
    const Node about{node.node_name, node.node_type};
#if defined(__cpp_exceptions)
    if (thrown_ != nullptr) return true;
    try {
      return function(callable, in, out, about);
    } catch (...) {
      thrown_ = std::current_exception();
      return true;
    }
#else
    return function(callable, in, out, about);
#endif
  }

  static inline thread_local Watch *current = nullptr;
  void *before_;
  void *after_;
  Call call_before_;
  Call call_after_;
  Watch *outer_;
  std::exception_ptr thrown_;
};

}  // namespace detail

/** A callable that is not wanted. */
struct Ignore {
  void operator()(TensorList, TensorList, const Node &) const noexcept {}
};

/**
 * A model. Destroying one that another thread is running has no effect but a leak: end the run first. A moved-from or closed
 * model is like one that is not built.
 */
class Model {
 public:
  /** Not built: load_config() and set_decryption_key() go before a build. */
  Model() noexcept : owner_(OH_AI_ModelCreate()) {}

  static Result<Model> from_file(const char *path, const Context &context = Context::cpu()) {
    return built([&](Model &model) { return model.build_from_file(path, context); });
  }
  /** @param bytes not used after the call */
  static Result<Model> from_buffer(Span<const char> bytes, const Context &context = Context::cpu()) {
    return built([&](Model &model) { return model.build_from_buffer(bytes, context); });
  }
  /** Builds for training; a model without training is built for inference. The settings are used up. */
  static Result<Model> train_from_file(const char *path, const Context &context = Context::cpu(), TrainConfig config = {}) {
    return built([&](Model &model) {
      return detail::result_of(
        OH_AI_TrainModelBuildFromFile(model.handle(), path, OH_AI_MODELTYPE_MINDIR, context.handle(), config.handle()));
    });
  }
  static Result<Model> train_from_buffer(Span<const char> bytes, const Context &context = Context::cpu(), TrainConfig config = {}) {
    return built([&](Model &model) {
      return detail::result_of(OH_AI_TrainModelBuild(model.handle(), bytes.data(), bytes.size(), OH_AI_MODELTYPE_MINDIR, context.handle(),
                                                     config.handle()));
    });
  }

  OH_AI_ModelHandle handle() const noexcept { return owner_.get(); }
  /** Releases everything now; views of the model's tensors become views of nothing. */
  void close() noexcept { owner_.reset(); }

  Result<void> load_config(const char *path) { return detail::result_of(OH_AI_ModelLoadConfig(handle(), path)); }
  /** @param mode "AES-GCM" or "AES-CBC" */
  Result<void> set_decryption_key(Span<const std::uint8_t> key, const char *mode = "AES-GCM") {
    return detail::result_of(MSLite_ModelSetDecryptionKey(handle(), key.data(), key.size(), mode));
  }
  Result<void> build_from_file(const char *path, const Context &context) {
    return detail::result_of(OH_AI_ModelBuildFromFile(handle(), path, OH_AI_MODELTYPE_MINDIR, context.handle()));
  }
  Result<void> build_from_buffer(Span<const char> bytes, const Context &context) {
    return detail::result_of(OH_AI_ModelBuild(handle(), bytes.data(), bytes.size(), OH_AI_MODELTYPE_MINDIR, context.handle()));
  }

  /* --- running --- */

  /** The same list and tensors at every call until the model is closed. Empty for a model that is not built. */
  TensorList inputs() const noexcept { return OH_AI_ModelGetInputs(handle()); }
  TensorList outputs() const noexcept { return OH_AI_ModelGetOutputs(handle()); }
  /** A view of nothing when there is no such input. */
  TensorView input(const char *name) const noexcept { return TensorView(OH_AI_ModelGetInputByTensorName(handle(), name)); }
  TensorView output(const char *name) const noexcept { return TensorView(OH_AI_ModelGetOutputByTensorName(handle(), name)); }

  /** New shapes for the inputs, one each in the model's order; the inputs lose their data. */
  Result<void> resize(Span<const Shape> shapes) {
    return detail::result_of(OH_AI_ModelResize(handle(), inputs().handles(),
                                               reinterpret_cast<OH_AI_ShapeInfo *>(const_cast<Shape *>(shapes.data())), shapes.size()));
  }
  Result<void> resize(std::initializer_list<Shape> shapes) { return resize(Span<const Shape>(shapes.begin(), shapes.size())); }

  /** Runs with the data of the model's own inputs. The outputs' data are valid until the next run, resize or close. */
  Result<TensorList> predict() { return predict(inputs()); }
  /** Runs with these inputs, in the model's order: the model's own, or tensors over the caller's memory, which is read in place. */
  Result<TensorList> predict(TensorList inputs) {
    OH_AI_TensorHandleArray outputs = {0, nullptr};
    return listed(OH_AI_ModelPredict(handle(), inputs.handles(), &outputs, nullptr, nullptr), outputs);
  }
  /** The results go to these tensors, one per output; a tensor without data gets a buffer of its own. */
  Result<void> predict_into(TensorList inputs, TensorList outputs) {
    OH_AI_TensorHandleArray list = outputs.handles();
    return detail::result_of(OH_AI_ModelPredict(handle(), inputs.handles(), &list, nullptr, nullptr));
  }
  /**
   * Calls `before` and `after` around every operator, on this thread, as f(TensorList inputs, TensorList outputs, const Node &), whose result
   * is bool or nothing; Ignore() for one that is not wanted. What they throw is thrown again when the run has ended.
   */
  template <class Before, class After>
  Result<TensorList> predict_watched(TensorList inputs, Before &&before, After &&after) {
    const detail::Watch watch(before, after);
    OH_AI_TensorHandleArray outputs = {0, nullptr};
    const OH_AI_Status status =
      OH_AI_ModelPredict(handle(), inputs.handles(), &outputs, detail::Watch::before, detail::Watch::after);
    watch.finish();
    return listed(status, outputs);
  }
  /** With pre-processing on the device, where there is such a device. */
  Result<TensorList> predict_with_config(TensorList inputs, const char *config) {
    OH_AI_TensorHandleArray outputs = {0, nullptr};
    return listed(OH_AI_ModelPredictWithConfig(handle(), inputs.handles(), &outputs, config, nullptr, nullptr), outputs);
  }

  /** Starts (from zero) or stops timing the operators. */
  Result<void> set_profiling(bool enable) { return detail::result_of(MSLite_ModelSetProfiling(handle(), enable)); }
  /** One entry per operator, in execution order. */
  Result<std::vector<NodeProfile>> profile() const {
    std::size_t count = 0;
    OH_AI_Status status = MSLite_ModelGetProfile(handle(), nullptr, &count);
    if (status != OH_AI_STATUS_SUCCESS) return Error::last(status);
    std::vector<NodeProfile> entries(count);
    status = MSLite_ModelGetProfile(handle(), entries.data(), &count);
    if (status != OH_AI_STATUS_SUCCESS) return Error::last(status);
    return entries;
  }

  /* --- training --- */

  bool train_mode() const noexcept { return OH_AI_ModelGetTrainMode(handle()); }
  /** Switches between train and eval mode, and with it the outputs. */
  Result<void> set_train_mode(bool train) { return detail::result_of(OH_AI_ModelSetTrainMode(handle(), train)); }
  /** Runs once with the data of the model's own inputs: a training step in train mode. */
  Result<void> run_step() { return detail::result_of(OH_AI_RunStep(handle(), nullptr, nullptr)); }
  /** As predict_watched(). */
  template <class Before, class After>
  Result<void> run_step_watched(Before &&before, After &&after) {
    const detail::Watch watch(before, after);
    const OH_AI_Status status = OH_AI_RunStep(handle(), detail::Watch::before, detail::Watch::after);
    watch.finish();
    return detail::result_of(status);
  }
  float learning_rate() const noexcept { return OH_AI_ModelGetLearningRate(handle()); }
  Result<void> set_learning_rate(float rate) { return detail::result_of(OH_AI_ModelSetLearningRate(handle(), rate)); }
  /** Gradients add up over `multiplier` steps; a rate and a momentum below 0 are the model's own divided by it. */
  Result<void> set_virtual_batch(int multiplier, float learning_rate = -1, float momentum = -1) {
    return detail::result_of(OH_AI_ModelSetupVirtualBatch(handle(), multiplier, learning_rate, momentum));
  }
  /** The weights; their data are the model's. Empty for a model without training. */
  std::vector<Tensor> weights() const {
    const OH_AI_TensorHandleArray list = OH_AI_ModelGetWeights(handle());
    std::vector<Tensor> owners;
    for (std::size_t i = 0; i < list.handle_num; i++) owners.emplace_back(list.handle_list[i]);
    std::free(list.handle_list);
    return owners;
  }
  /** Copies new values into the weights of the same names. */
  Result<void> update_weights(TensorList weights) { return detail::result_of(OH_AI_ModelUpdateWeights(handle(), weights.handles())); }
  /** @param path ".ms" is added when it does not end in it */
  Result<void> export_to_file(const char *path, const ExportOptions &options = {}) {
    std::vector<char *> names = detail::pointers(options.outputs);
    return detail::result_of(OH_AI_ExportModel(handle(), OH_AI_MODELTYPE_MINDIR, path, options.quantization, options.inference_only,
                                               names.data(), names.size()));
  }
  Result<Bytes> export_to_buffer(const ExportOptions &options = {}) {
    std::vector<char *> names = detail::pointers(options.outputs);
    char *data = nullptr;
    std::size_t size = 0;
    const OH_AI_Status status = OH_AI_ExportModelBuffer(handle(), OH_AI_MODELTYPE_MINDIR, &data, &size, options.quantization,
                                                        options.inference_only, names.data(), names.size());
    if (status != OH_AI_STATUS_SUCCESS) return Error::last(status);
    return Bytes(data, size);
  }
  /** Writes the weights of the inference part as raw numbers; the named ones get their dimensions written in front. */
  Result<void> export_weights_for_micro(const char *path, bool half_precision = false, const std::vector<std::string> &changeable = {}) {
    std::vector<char *> names = detail::pointers(changeable);
    return detail::result_of(OH_AI_ExportWeightsCollaborateWithMicro(handle(), OH_AI_MODELTYPE_MINDIR, path, true, half_precision,
                                                                     names.data(), names.size()));
  }

 private:
  template <class Build>
  static Result<Model> built(Build build) {
    Model model;
    const Result<void> result = build(model);
    if (!result) return result.error();
    return model;
  }
  static Result<TensorList> listed(OH_AI_Status status, OH_AI_TensorHandleArray outputs) {
    if (status != OH_AI_STATUS_SUCCESS) return Error::last(status);
    return TensorList(outputs);
  }

  detail::Owner<OH_AI_ModelDestroy> owner_;
};

inline void TrainConfig::set_loss_names(const std::vector<std::string> &names) {
  std::vector<char *> list = detail::pointers(names);
  OH_AI_TrainCfgSetLossName(handle(), const_cast<const char **>(list.data()), list.size());
}

inline std::vector<std::string> TrainConfig::loss_names() const {
  std::size_t count = 0;
  char **list = OH_AI_TrainCfgGetLossName(handle(), &count);
  std::vector<std::string> names;
  for (std::size_t i = 0; list != nullptr && i < count; i++) names.push_back(detail::take_string(list[i]));
  std::free(list);
  return names;
}

}  // namespace mslite
#endif
