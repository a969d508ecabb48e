/* Wrong use of mslite.hpp: an error or nothing, never a crash.
 *
 *   misuse MODELS      the folder Tests/Models */
#include <array>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>
#include "check.h"
#include "mslite/mslite.hpp"

using mslite::Context;
using mslite::Model;
using mslite::Shape;
using mslite::Tensor;
using mslite::TensorList;
using mslite::TensorView;

namespace {

template <class T>
constexpr bool move_only = !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T> && std::is_nothrow_move_constructible_v<T> &&
                           std::is_nothrow_move_assignable_v<T>;
static_assert(move_only<Model> && move_only<Tensor> && move_only<Context> && move_only<mslite::DeviceInfo> && move_only<mslite::TrainConfig>);
static_assert(std::is_trivially_copyable_v<TensorView> && std::is_trivially_copyable_v<TensorList>);

std::string relu, face;

template <class R>
bool fails(R &&result, OH_AI_Status status) {
  if (result.has_value()) return false;
  if (result.status() != status || *result.error().text() == 0) {
    std::fprintf(stderr, "status %08x: %s\n", static_cast<unsigned>(result.status()), result.error().text());
    return false;
  }
  return true;
}

void moved_from_and_closed() {
  Model a = Model::from_file(relu.c_str()).value();
  const TensorView input = a.inputs()[0];
  Model b = std::move(a);
  CHECK(b.inputs().size() == 1 && b.inputs()[0].handle() == input.handle());
  CHECK(a.inputs().empty() && a.outputs().empty() && !a.input("x")); /* NOLINT: moved-from on purpose */
  CHECK(fails(a.predict(), OH_AI_STATUS_LITE_NULLPTR));
  CHECK(fails(a.resize({{1, 2}}), OH_AI_STATUS_LITE_NULLPTR));
  CHECK(fails(a.profile(), OH_AI_STATUS_LITE_NULLPTR));
  CHECK(fails(a.run_step(), OH_AI_STATUS_LITE_PARAM_INVALID));
  CHECK(!a.export_to_buffer() && a.weights().empty() && !a.train_mode());
  a = std::move(b);
  CHECK(a.predict_watched(a.inputs(), mslite::Ignore(), mslite::Ignore()).has_value() == !a.inputs()[0].bytes().empty());
  a.close();
  a.close();
  CHECK(input.name().empty() && input.shape().empty() && input.bytes().empty() && input.mutable_bytes().empty());
  CHECK(input.element_count() == 0 && input.byte_size() == 0 && input.type() == mslite::DataType::unknown);
  CHECK(fails(input.data<float>(), OH_AI_STATUS_LITE_PARAM_INVALID));
  CHECK(!input.clone());
  CHECK(fails(a.predict(input), OH_AI_STATUS_LITE_NULLPTR));
  Model other = Model::from_file(relu.c_str()).value();
  CHECK(!other.predict(input));

  std::vector<float> data(6);
  Tensor t = Tensor::over("t", {2, 3}, data).value();
  Tensor u = std::move(t);
  CHECK(!t && t.shape().empty() && !t.data<float>()); /* NOLINT: moved-from on purpose */
  CHECK(u.data<float>()->data() == data.data());
  t = std::move(u);
  Tensor &same = t;
  t = std::move(same);
  CHECK(t.data<float>().has_value());
  Context c = Context::cpu(2);
  Context d = std::move(c);
  CHECK(d.threads() == 2 && c.threads() == 0); /* NOLINT: moved-from on purpose */
  c.add(mslite::DeviceInfo::create(OH_AI_DEVICETYPE_CPU).value());
  CHECK(fails(Model::from_file(relu.c_str(), c), OH_AI_STATUS_LITE_NULLPTR));
}

void wrong_arguments() {
  CHECK(fails(Model::from_file("/no/such/model.ms"), OH_AI_STATUS_LITE_ERROR));
  CHECK(fails(Model::from_file(nullptr), OH_AI_STATUS_LITE_NULLPTR));
  CHECK(fails(Model::from_buffer({}), OH_AI_STATUS_LITE_NULLPTR));
  CHECK(fails(Model::from_buffer(std::string("not a model")), OH_AI_STATUS_LITE_ERROR));
  CHECK(fails(Model::from_file(relu.c_str(), Context()), OH_AI_STATUS_LITE_NULLPTR));
  const Context once = Context::cpu(1);
  CHECK(Model::from_file(relu.c_str(), once).has_value());
  const Context shared = Context::cpu(1);
  const Model first = Model::from_file(relu.c_str(), shared).value();
  CHECK(fails(Model::from_file(relu.c_str(), shared), OH_AI_STATUS_LITE_PARAM_INVALID));
  CHECK(fails(mslite::DeviceInfo::create(OH_AI_DEVICETYPE_INVALID), OH_AI_STATUS_LITE_PARAM_INVALID));
  CHECK(fails(mslite::DeviceInfo::nnrt("no such device"), OH_AI_STATUS_LITE_PARAM_INVALID));
  CHECK(mslite::DeviceInfo::create(OH_AI_DEVICETYPE_CPU)->add_extension("CachePath", std::string("x")).status() != OH_AI_STATUS_SUCCESS);
  for (const mslite::NnrtDevice &device : mslite::nnrt_devices()) CHECK(!device.name.empty());

  Model model = Model::from_file(face.c_str(), Context::cpu(1)).value();
  const TensorView input = model.inputs()[0];
  CHECK(input.shape() == (Shape{1, 48, 48, 3}) && input.shape() != (Shape{1, 48, 48}) && input.name() == "data");
  CHECK(model.input("data").handle() == input.handle() && !model.input("other") && !model.output("other"));
  CHECK(!model.inputs()[1] && !model.inputs().find("other"));
  CHECK(fails(model.predict(), OH_AI_STATUS_LITE_INPUT_TENSOR_ERROR)); /* no data yet */
  CHECK(fails(model.predict({}), OH_AI_STATUS_LITE_ERROR));
  CHECK(fails(model.predict({input, input}), OH_AI_STATUS_LITE_ERROR));
  CHECK(fails(model.resize({{1, 48, 48, 3}, {1}}), OH_AI_STATUS_LITE_INPUT_PARAM_INVALID));
  CHECK(fails(model.resize({{-1, 48, 48, 3}}), OH_AI_STATUS_LITE_PARAM_INVALID));
  CHECK(fails(model.resize({{1, 48, 48, 3, 1, 1, 1, 1, 1, 1}}), OH_AI_STATUS_LITE_ERROR));
  CHECK(!model.resize({Shape(std::vector<std::int64_t>(40, 1))}));
  CHECK(model.resize({{2, 48, 48, 3}}).has_value() && model.inputs()[0].shape() == (Shape{2, 48, 48, 3}));
  CHECK(model.resize({{1, 48, 48, 3}}).has_value());

  /* Element types and sizes. */
  std::vector<float> floats(48 * 48 * 3, 0.5F), few(5);
  std::vector<std::int8_t> bytes(48 * 48 * 3);
  CHECK(fails(input.data<std::int8_t>(), OH_AI_STATUS_LITE_PARAM_INVALID));
  CHECK(fails(input.borrow(bytes), OH_AI_STATUS_LITE_PARAM_INVALID));
  CHECK(fails(input.borrow(few), OH_AI_STATUS_LITE_PARAM_INVALID));
  CHECK(fails(input.copy_from(few), OH_AI_STATUS_LITE_PARAM_INVALID));
  CHECK(fails(input.copy_from(bytes), OH_AI_STATUS_LITE_PARAM_INVALID));
  CHECK(fails(Tensor::over("t", {2, 2}, floats), OH_AI_STATUS_LITE_PARAM_INVALID));
  CHECK(fails(Tensor::create("t", mslite::DataType::unknown, {1}), OH_AI_STATUS_LITE_PARAM_INVALID));
  CHECK(fails(Tensor::create("t", mslite::DataType::float32, Shape(std::vector<std::int64_t>(33, 1))), OH_AI_STATUS_LITE_PARAM_INVALID));

  /* Borrowed memory is read in place, from constant memory too; results are the same. */
  const std::vector<float> constant = floats;
  CHECK(input.borrow(constant).has_value() && input.data<float>()->data() == constant.data());
  const TensorList outputs = model.predict().value();
  const float first_result = (*outputs[0].data<float>())[0];
  CHECK(input.copy_from(floats).has_value() && input.copy_from(constant).has_value());
  CHECK((*model.predict().value()[0].data<float>())[0] == first_result);
  std::array<float, 2> result = {0, 0};
  const Tensor into = Tensor::over("prob", {1, 2}, result).value();
  Tensor own = Tensor::over("data", {1, 48, 48, 3}, floats).value();
  CHECK(model.predict_into(own, into).has_value() && result[0] == first_result);
  std::array<float, 1> small = {0};
  const Tensor too_small = Tensor::over("prob", {1}, small).value();
  CHECK(fails(model.predict_into(own, too_small), OH_AI_STATUS_LITE_ERROR));
  own.set_type(mslite::DataType::int32);
  CHECK(fails(model.predict(own), OH_AI_STATUS_LITE_INPUT_TENSOR_ERROR));
  CHECK(fails(model.predict_with_config(input, ""), OH_AI_STATUS_LITE_PARAM_INVALID));

  /* Inference models do not train. */
  CHECK(fails(model.set_train_mode(true), OH_AI_STATUS_LITE_ERROR) && !model.train_mode());
  CHECK(fails(model.set_learning_rate(0.1F), OH_AI_STATUS_LITE_ERROR) && model.learning_rate() == 0);
  CHECK(fails(model.export_to_file("/no/such/folder/x.ms"), OH_AI_STATUS_LITE_ERROR));
  CHECK(!model.update_weights({}) && !model.set_virtual_batch(2) && !model.export_weights_for_micro("/no/such/folder/x"));
  CHECK(fails(model.load_config("/no/such/file"), OH_AI_STATUS_LITE_ERROR));
  CHECK(fails(Model().set_decryption_key(std::array<std::uint8_t, 3>{}), OH_AI_STATUS_LITE_PARAM_INVALID));
}

void callbacks() {
  Model model = Model::from_file(face.c_str(), Context::cpu(2)).value();
  Model inner = Model::from_file(relu.c_str(), Context::cpu(1)).value();
  model.inputs()[0].mutable_bytes();
  inner.inputs()[0].mutable_bytes();
  std::vector<std::string> before, after;
  int nested = 0;
  const auto outputs = model.predict_watched(
    model.inputs(),
    [&](TensorList inputs, TensorList, const mslite::Node &node) {
      before.emplace_back(node.name);
      CHECK(!inputs.empty() && !node.type.empty());
      CHECK(!model.predict()); /* is running */
      /* Another model may run inside, with callables of its own. */
      CHECK(inner.predict_watched(inner.inputs(), mslite::Ignore(), [&](TensorList, TensorList, const mslite::Node &) { nested++; }).has_value());
      return true;
    },
    [&](TensorList, TensorList results, const mslite::Node &node) {
      after.emplace_back(node.name);
      CHECK(!results.empty());
    });
  CHECK(outputs.has_value() && !before.empty() && before == after && nested >= static_cast<int>(before.size()));
#if defined(__cpp_exceptions)
  int calls = 0;
  bool caught = false;
  try {
    (void)model.predict_watched(model.inputs(), mslite::Ignore(), [&](TensorList, TensorList, const mslite::Node &) {
      calls++;
      throw std::string("stop");
    });
  } catch (const std::string &text) {
    caught = text == "stop";
  }
  CHECK(caught && calls == 1);
  CHECK(model.predict().has_value());
  try {
    Model::from_file("/no/such/model.ms").value();
    CHECK(false);
  } catch (const mslite::Exception &exception) {
    CHECK(exception.status() == OH_AI_STATUS_LITE_ERROR && std::string(exception.what()).find("/no/such/model.ms") != std::string::npos);
  }
#endif
  CHECK(model.set_profiling(true).has_value() && model.predict().has_value());
  const auto profile = model.profile();
  CHECK(profile.has_value() && !profile->empty() && (*profile)[0].runs == 1);
}

void threads() {
  /* A model per thread works; a model that runs refuses a second thread, with an error of that thread. */
  Model model = Model::from_file(face.c_str(), Context::cpu(1)).value();
  model.inputs()[0].mutable_bytes();
  std::array<int, 4> good{}, bad{};
  std::vector<std::thread> list;
  for (std::size_t k = 0; k < good.size(); k++)
    list.emplace_back([&, k] {
      Model own = Model::from_file(relu.c_str(), Context::cpu(1)).value();
      own.inputs()[0].mutable_bytes();
      for (int i = 0; i < 200; i++) {
        good[k] += own.predict().has_value();
        const auto result = model.predict();
        if (!result && (result.status() != OH_AI_STATUS_LITE_ERROR || *result.error().text() == 0)) bad[k]++;
      }
    });
  for (std::thread &thread : list) thread.join();
  for (std::size_t k = 0; k < good.size(); k++) CHECK(good[k] == 200 && bad[k] == 0);
  CHECK(model.predict().has_value());
}

}  // namespace

int main(int, char **argv) {
  const std::string models = argv[1];
  relu = models + "/single_op_tflite/relu.ms";
  face = models + "/ms_from_repos/ml_face_isface.ms";
  moved_from_and_closed();
  wrong_arguments();
  callbacks();
  threads();
  CHECK(std::string(mslite::version()).find("mslite") == 0 && mslite::half_arithmetic() != nullptr);
  return check_result();
}
