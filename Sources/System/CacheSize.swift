import CSystem

/// Numbers that the Linux kernel tells in files of one line.
public enum SystemNumber {
  /// The decimal number that the file at `path` starts with, and the letter behind it; nil when there is none.
  public static func read(_ path: String) -> (value: Int, unit: UInt8)? {
    var name: [CChar] = []
    for byte in path.utf8 { name.append(CChar(bitPattern: byte)) }
    name.append(0)
    let descriptor = mssys_open_read(name)
    if descriptor < 0 { return nil }
    defer { _ = close(descriptor) }
    var text = [UInt8](repeating: 0, count: 24)
    let count = CSystem.read(descriptor, &text, text.count)
    var value = 0
    var i = 0
    while i < count && i < 18 && text[i] >= 48 && text[i] <= 57 {
      value = value * 10 + Int(text[i] - 48)
      i += 1
    }
    return i > 0 ? (value, i < count ? text[i] : 0) : nil
  }
}

/// Sizes of the processor's caches, read once.
public enum CacheSize {
  /// Bytes of a core's second-level cache: the first processor's, which on processors with cores of several kinds is one of the
  /// small ones. 1 MiB where the system does not tell; between 256 KiB and 4 MiB, so that a wrong entry cannot do much harm.
  public static let secondLevel: Int = {
    for index in 0..<5 {
      let folder = "/sys/devices/system/cpu/cpu0/cache/index\(index)/"
      guard let level = SystemNumber.read(folder + "level"), level.value == 2, let size = SystemNumber.read(folder + "size") else {
        continue
      }
      let bytes = size.unit == UInt8(ascii: "K") ? size.value << 10 : size.unit == UInt8(ascii: "M") ? size.value << 20 : size.value
      return min(max(bytes, 256 << 10), 4 << 20)
    }
    return 1 << 20
  }()
}
