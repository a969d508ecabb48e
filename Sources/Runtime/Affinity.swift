import CSystem
import System

/// Which processors a model's threads are pinned to.
public enum Affinity {
  /// The first `count` processors in the order that a context's affinity mode asks for: 1, the fastest first; 2, those below the
  /// fastest first, from fast to slow. Empty (not pinned) for other modes. Only processors that this thread may run on count.
  public static func cores(mode: Int32, count: Int) -> [Int32] {
    if mode != 1 && mode != 2 { return [] }
    var ordered: [(cpu: Int32, speed: Int)] = []
    for cpu in allowedProcessors() {
      let speed = self.speed(of: cpu)
      // Insertion keeps the numbering among equals.
      var at = ordered.count
      while at > 0 && ordered[at - 1].speed < speed { at -= 1 }
      ordered.insert((cpu, speed), at: at)
    }
    var fastest = 0
    while mode == 2 && fastest < ordered.count && ordered[fastest].speed == ordered[0].speed { fastest += 1 }
    var cores: [Int32] = []
    var i = 0
    while i < min(count, ordered.count) {
      cores.append(ordered[(fastest + i) % ordered.count].cpu)
      i += 1
    }
    return cores
  }

  private static func allowedProcessors() -> [Int32] {
    var mask = mssys_mask()
    mssys_mask_save(&mask)
    if mask.valid == 0 { return [] }
    var cpus: [Int32] = []
    // The set is an array of words with processor 0 in the lowest bit; all our targets are little-endian.
    withUnsafeBytes(of: &mask.set) { bytes in
      var cpu = 0
      while cpu < bytes.count * 8 {
        if bytes[cpu / 8] & (1 << UInt8(cpu % 8)) != 0 { cpus.append(Int32(cpu)) }
        cpu += 1
      }
    }
    return cpus
  }

  /// The scheduler's capacity, else the highest frequency; 0 when the system tells neither, which makes all equal.
  private static func speed(of cpu: Int32) -> Int {
    let folder = "/sys/devices/system/cpu/cpu\(cpu)/"
    return SystemNumber.read(folder + "cpu_capacity")?.value ?? SystemNumber.read(folder + "cpufreq/cpuinfo_max_freq")?.value ?? 0
  }
}
