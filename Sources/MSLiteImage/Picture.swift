import CImage
import CMindSpore
import CSystem
import Graph

/// A caller's picture after its numbers have been looked at: pointers made from it stay inside of what it says to have.
struct Picture {
  let base: UnsafeMutableRawPointer
  let stride: Int
  let width: Int
  let height: Int
  let format: MSLite_PixelFormat
  let type: MSLite_PixelType

  static let maximumPixels = 1 << 28

  /// - Parameter name: "source" or "destination", for the error
  init(_ image: UnsafePointer<MSLite_Image>?, _ name: StaticString) throws(EngineError) {
    guard let image else { throw EngineError(.nullPointer, "\(name) is NULL") }
    let value = image.pointee
    guard let data = value.data else { throw EngineError(.nullPointer, "\(name) has no data: it is NULL") }
    try Picture.check(width: value.width, height: value.height, format: value.format, type: value.type, name)
    base = data
    width = Int(value.width)
    height = Int(value.height)
    format = value.format
    type = value.type
    stride = value.stride
    guard stride >= Picture.rowBytes(width, format, type), stride < 1 << 31 else {
      throw EngineError(
        .parameterInvalid,
        "\(name) has a stride of \(UInt(bitPattern: value.stride)) bytes; expected \(Picture.rowBytes(width, format, type)) to 2^31")
    }
    if type == MSLITE_PIXEL_F32 && (stride % 4 != 0 || UInt(bitPattern: data) % 4 != 0) {
      throw EngineError(.parameterInvalid, "\(name) is of floats, but its data or stride (\(stride)) is not a multiple of 4 bytes")
    }
  }

  static func check(
    width: Int32, height: Int32, format: MSLite_PixelFormat, type: MSLite_PixelType, _ name: StaticString
  ) throws(EngineError) {
    guard width >= 1, height >= 1, width <= MSLITE_IMAGE_MAX_SIDE, height <= MSLITE_IMAGE_MAX_SIDE,
      Int(width) * Int(height) <= maximumPixels
    else {
      throw EngineError(
        .parameterInvalid,
        "\(name) is \(width) x \(height) pixels; expected sides of 1 to \(Int(MSLITE_IMAGE_MAX_SIDE)) and at most 2^28 pixels")
    }
    guard format.rawValue <= MSLITE_PIXEL_NV21.rawValue else {
      throw EngineError(.parameterInvalid, "\(name) has the unknown format \(format.rawValue)")
    }
    guard type == MSLITE_PIXEL_U8 || type == MSLITE_PIXEL_F32 else {
      throw EngineError(.parameterInvalid, "\(name) has the unknown type \(type.rawValue)")
    }
    if isTwoPlanes(format) && (type != MSLITE_PIXEL_U8 || width % 2 != 0 || height % 2 != 0) {
      throw EngineError(.parameterInvalid, "\(name) is NV12 or NV21 of \(width) x \(height); expected even sides and bytes")
    }
  }

  static func isTwoPlanes(_ format: MSLite_PixelFormat) -> Bool { format == MSLITE_PIXEL_NV12 || format == MSLITE_PIXEL_NV21 }

  static func channels(_ format: MSLite_PixelFormat) -> Int {
    switch format {
    case MSLITE_PIXEL_RGB, MSLITE_PIXEL_BGR: return 3
    case MSLITE_PIXEL_RGBA: return 4
    default: return 1
    }
  }

  static func rowBytes(_ width: Int, _ format: MSLite_PixelFormat, _ type: MSLite_PixelType) -> Int {
    width * channels(format) * (type == MSLITE_PIXEL_F32 ? 4 : 1)
  }

  /// Rows in memory: those of U and V included.
  static func rows(_ height: Int, _ format: MSLite_PixelFormat) -> Int { isTwoPlanes(format) ? height / 2 * 3 : height }

  var channels: Int { Picture.channels(format) }
  var isFloat: Bool { type == MSLITE_PIXEL_F32 }
  var isTwoPlanes: Bool { Picture.isTwoPlanes(format) }
  var pixelBytes: Int { channels * (isFloat ? 4 : 1) }
  var rowBytes: Int { width * pixelBytes }
  /// Elements of a row.
  var rowElements: Int { width * channels }
  /// Where red is among the channels of RGB, BGR and RGBA.
  var red: Int { format == MSLITE_PIXEL_BGR ? 2 : 0 }

  func row(_ y: Int) -> UnsafeMutableRawPointer { base + y * stride }
  func bytes(_ y: Int) -> UnsafeMutablePointer<UInt8> { row(y).assumingMemoryBound(to: UInt8.self) }
  func floats(_ y: Int) -> UnsafeMutablePointer<Float> { row(y).assumingMemoryBound(to: Float.self) }

  /// The part with that upper left corner, which lies inside.
  func part(x: Int, y: Int, width: Int, height: Int) -> Picture {
    Picture(base: row(y) + x * pixelBytes, stride: stride, width: width, height: height, format: format, type: type)
  }

  private init(
    base: UnsafeMutableRawPointer, stride: Int, width: Int, height: Int, format: MSLite_PixelFormat, type: MSLite_PixelType
  ) {
    self.base = base
    self.stride = stride
    self.width = width
    self.height = height
    self.format = format
    self.type = type
  }

  func refuseTwoPlanes(_ name: StaticString) throws(EngineError) {
    if isTwoPlanes { throw EngineError(.notSupported, "\(name) is NV12 or NV21; convert it first (MSLite_ImageConvert)") }
  }
  func refuseFloats(_ name: StaticString) throws(EngineError) {
    if isFloat { throw EngineError(.parameterInvalid, "\(name) is of floats; expected bytes") }
  }
}

/// Source and destination of an operation that keeps the pixels' form, which NV12 and NV21 do not take.
func sameForm(
  _ source: UnsafePointer<MSLite_Image>?, _ destination: UnsafePointer<MSLite_Image>?
) throws(EngineError) -> (Picture, Picture) {
  let from = try Picture(source, "source"), to = try Picture(destination, "destination")
  try from.refuseTwoPlanes("source")
  guard from.format == to.format, from.type == to.type else {
    throw EngineError(
      .parameterInvalid,
      "source has format \(from.format.rawValue) and type \(from.type.rawValue), destination \(to.format.rawValue) and \(to.type.rawValue); expected the same")
  }
  return (from, to)
}

/// Memory for the time of one call.
struct Scratch: ~Copyable {
  let base: UnsafeMutableRawPointer

  init(bytes: Int) throws(EngineError) {
    // Some more than asked for, because kernels may load whole vectors.
    guard let memory = malloc(bytes + 64) else { throw EngineError(.outOfMemory, "no memory for \(bytes) bytes") }
    base = memory
  }
  deinit { free(base) }

  func floats(_ offset: Int = 0) -> UnsafeMutablePointer<Float> { base.assumingMemoryBound(to: Float.self) + offset }
}

/// Runs the body of an exported function; what it throws becomes the thread's last error.
func call(_ function: StaticString = #function, _ body: () throws(EngineError) -> Void) -> OH_AI_Status {
  do throws(EngineError) {
    try body()
    return OH_AI_STATUS_SUCCESS
  } catch {
    return fail(error.code, Message(text: error.message), function: function)
  }
}

@c @implementation
public func MSLite_ImageGetLastError() -> UnsafePointer<CChar>! { UnsafePointer(mssys_error_text()) }
