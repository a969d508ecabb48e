import CInterface
import CNeuralNetworkRuntime
import CSystem

/// Memory that a device can reach, mapped. Freed with the object, which runs hold as long as they use it.
final class DeviceMemory {
  let base: UnsafeMutableRawPointer
  let size: Int
  let descriptor: Int32
  private let origin: Origin

  private enum Origin {
    /// An anonymous file of our own.
    case file
    /// A buffer of the device's driver.
    case driver(Device, NNRt_Buffer)
    /// The program's descriptor.
    case program
  }

  private init(_ base: UnsafeMutableRawPointer, _ size: Int, _ descriptor: Int32, _ origin: Origin) {
    self.base = base
    self.size = size
    self.descriptor = descriptor
    self.origin = origin
  }

  /// More than this is refused.
  static let maximumSize = 1 << 30

  static func allocate(_ device: Device, _ size: Int) throws(Failure) -> DeviceMemory {
    if size <= 0 || size > maximumSize { throw .invalid("\(UInt(bitPattern: size)) bytes of memory; expected 1 to \(maximumSize)") }
    if let allocateBuffer = device.driver.table.allocateBuffer {
      var buffer = NNRt_Buffer()
      let code = allocateBuffer(device.index, size, &buffer)
      if code != OH_NN_SUCCESS { throw .memory(Message(text: device.driver.failure("allocateBuffer", code))) }
      let fileSize = mssys_file_size(buffer.fd)
      let isWhole = fileSize == -1 || fileSize >= Int64(clamping: buffer.size)
      if buffer.size >= size, isWhole, let base = mssys_map_shared(buffer.fd, buffer.size) {
        return DeviceMemory(base, buffer.size, buffer.fd, .driver(device, buffer))
      }
      device.driver.table.releaseBuffer(device.index, &buffer)
      throw .memory("\(device.driver.path): a buffer of \(size) bytes cannot be mapped, or is smaller")
    }
    let descriptor = mssys_memory_file(cString("nnrt"), size)
    if descriptor < 0 { throw .memory("no memory for a buffer of \(size) bytes (error \(mssys_errno()))") }
    guard let base = mssys_map_shared(descriptor, size) else {
      let number = mssys_errno()
      _ = close(descriptor)
      throw .memory("a buffer of \(size) bytes cannot be mapped (error \(number))")
    }
    return DeviceMemory(base, size, descriptor, .file)
  }

  /// Maps what a program has.
  static func map(_ descriptor: Int32, _ size: Int) throws(Failure) -> DeviceMemory {
    let fileSize = mssys_file_size(descriptor)
    if fileSize == -2 { throw .invalid("file descriptor \(descriptor) is not open") }
    // Touching what is mapped behind a file's end would end the process.
    if fileSize >= 0 && fileSize < Int64(size) {
      throw .invalid("the file behind descriptor \(descriptor) has \(Int(fileSize)) bytes, fewer than \(size)")
    }
    guard let base = mssys_map_shared(descriptor, size) else {
      throw .memory("file descriptor \(descriptor) cannot be mapped (error \(mssys_errno()))")
    }
    return DeviceMemory(base, size, descriptor, .program)
  }

  deinit {
    _ = munmap(base, size)
    switch origin {
    case .file: _ = close(descriptor)
    case .driver(let device, let buffer):
      var buffer = buffer
      device.driver.table.releaseBuffer(device.index, &buffer)
    case .program: break
    }
  }
}
