import CInterface
import CMindSpore
import CSystem
import Graph
import Runtime

/// Settings for training.
final class TrainConfigObject: HandleObject {
  /// malloc'd strings.
  var lossNames: [UnsafeMutablePointer<CChar>] = []
  var level = OH_AI_KO0

  override init() {
    super.init()
    for name in TrainingSession.defaultLossNames {
      if let copy = cString(String(decoding: name, as: UTF8.self)) { lossNames.append(copy) }
    }
  }

  deinit {
    for name in lossNames { free(name) }
  }

  /// The level stands for mixed precision. (The session takes float32 where the processor has nothing faster, so "auto" is no other
  /// question.)
  var asksForHalf: Bool { level == OH_AI_KO2 || level == OH_AI_KO3 || level == OH_AI_KAUTO }
}

extension ModelObject {
  /// Parts of the names of the nodes that belong to a loss.
  var lossNames: [[UInt8]] {
    let config = trainConfig ?? TrainConfigObject()
    return config.lossNames.map { bytes(of: $0) }
  }
}

@c @implementation
public func OH_AI_TrainCfgCreate() -> OH_AI_TrainCfgHandle! {
  HandleTable.shared.insert(TrainConfigObject(), .trainConfig)
}

@c @implementation
public func OH_AI_TrainCfgDestroy(_ train_cfg: UnsafeMutablePointer<OH_AI_TrainCfgHandle?>!) {
  destroyHandle(train_cfg)
}

@c @implementation
public func OH_AI_TrainCfgGetLossName(
  _ train_cfg: OH_AI_TrainCfgHandle!, _ num: UnsafeMutablePointer<Int>!
) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>! {
  guard let config = liveTrainConfig(train_cfg) else { return nil }
  guard let num else {
    fail(.nullPointer, "num is NULL; expected the address of a size_t")
    return nil
  }
  let count = config.lossNames.count
  guard let memory = calloc(max(count, 1), MemoryLayout<UnsafeMutablePointer<CChar>?>.stride) else {
    fail(.outOfMemory, "no memory for \(count) names")
    return nil
  }
  let list = memory.bindMemory(to: UnsafeMutablePointer<CChar>?.self, capacity: max(count, 1))
  var i = 0
  while i < count {
    list[i] = duplicate(config.lossNames[i])
    i += 1
  }
  num.pointee = count
  return list
}

@c @implementation
public func OH_AI_TrainCfgSetLossName(
  _ train_cfg: OH_AI_TrainCfgHandle!, _ loss_name: UnsafeMutablePointer<UnsafePointer<CChar>?>!, _ num: Int
) {
  guard let config = liveTrainConfig(train_cfg) else { return }
  guard let loss_name, num >= 0, num == 0 || loss_name[0] != nil else {
    fail(.nullPointer, "loss_name or its first entry is NULL; expected num strings")
    return
  }
  var names: [UnsafeMutablePointer<CChar>] = []
  var i = 0
  while i < num {
    if let name = loss_name[i], let copy = duplicate(name) { names.append(copy) }
    i += 1
  }
  for old in config.lossNames { free(old) }
  config.lossNames = names
}

@c @implementation
public func OH_AI_TrainCfgGetOptimizationLevel(_ train_cfg: OH_AI_TrainCfgHandle!) -> OH_AI_OptimizationLevel {
  liveTrainConfig(train_cfg)?.level ?? OH_AI_KO0
}

@c @implementation
public func OH_AI_TrainCfgSetOptimizationLevel(
  _ train_cfg: OH_AI_TrainCfgHandle!, _ level: OH_AI_OptimizationLevel
) {
  liveTrainConfig(train_cfg)?.level = level
}
