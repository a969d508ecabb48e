/* A device of the Neural Network Runtime through mslite.hpp: the project's CPU driver.
 *
 *   nnrt MODELS DRIVERS      the folders Tests/Models and build/lib */
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>
#include "check.h"
#include "mslite/mslite.hpp"

int main(int, char **argv) {
  const std::string face = std::string(argv[1]) + "/ms_from_repos/ml_face_isface.ms", drivers = argv[2];
  setenv("MSLITE_NNRT_PATH", drivers.c_str(), 1);
  setenv("MSLITE_NNRT_DRIVERS", (drivers + "/nnrt_drivers/libnnrt_driver_cpu.so").c_str(), 1);
  const std::vector<mslite::NnrtDevice> devices = mslite::nnrt_devices();
  CHECK(devices.size() == 1 && devices[0].type == OH_AI_NNRTDEVICE_CPU && !devices[0].name.empty());
  if (devices.size() != 1) return check_result();

  mslite::DeviceInfo device = mslite::DeviceInfo::nnrt(devices[0].name.c_str()).value();
  device.set_performance_mode(OH_AI_PERFORMANCE_HIGH);
  device.set_priority(OH_AI_PRIORITY_LOW);
  CHECK(device.type() == OH_AI_DEVICETYPE_NNRT && device.device_id() == devices[0].id);
  CHECK(device.performance_mode() == OH_AI_PERFORMANCE_HIGH && device.priority() == OH_AI_PRIORITY_LOW);
  CHECK(device.add_extension("isProfiling", std::string("1")).has_value());
  CHECK(!device.add_extension("no such setting", std::string("1")));
  CHECK(mslite::DeviceInfo::nnrt(OH_AI_NNRTDEVICE_CPU).has_value() && !mslite::DeviceInfo::nnrt(OH_AI_NNRTDEVICE_GPU));
  mslite::Context context;
  context.add(std::move(device));
  mslite::Model model = mslite::Model::from_file(face.c_str(), context).value();
  mslite::Model cpu = mslite::Model::from_file(face.c_str()).value();
  const std::vector<float> x(48 * 48 * 3, 0.5F);
  CHECK(model.inputs()[0].copy_from(x).has_value() && cpu.inputs()[0].copy_from(x).has_value());
  std::vector<std::string> types;
  const auto result = model.predict_watched(model.inputs(), mslite::Ignore(), [&](mslite::TensorList, mslite::TensorList, const mslite::Node &node) {
    types.emplace_back(node.type);
  });
  CHECK(result.has_value() && types == std::vector<std::string>{"NNRt"});
  const auto values = result.value()[0].data<float>(), expected = cpu.predict().value()[0].data<float>();
  CHECK(values.has_value() && values->size() == 2);
  for (std::size_t i = 0; values && i < values->size(); i++) CHECK(std::fabs((*values)[i] - (*expected)[i]) < 1e-4F);

  mslite::DeviceInfo missing = mslite::DeviceInfo::create(OH_AI_DEVICETYPE_NNRT).value();
  missing.set_device_id(77);
  mslite::Context wrong;
  wrong.add(std::move(missing));
  const auto refused = mslite::Model::from_file(face.c_str(), wrong);
  CHECK(refused.status() == OH_AI_STATUS_LITE_ERROR && std::string(refused.error().text()).find("77") != std::string::npos);
  return check_result();
}
