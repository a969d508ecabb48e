import CImage
import CMindSpore
import CPictures
import CSystem
import Graph

@c @implementation
public func MSLite_ImageCreate(
  _ width: Int32, _ height: Int32, _ format: MSLite_PixelFormat, _ type: MSLite_PixelType, _ image: UnsafeMutablePointer<MSLite_Image>!
) -> OH_AI_Status {
  call { () throws(EngineError) in
    guard let image else { throw EngineError(.nullPointer, "image is NULL") }
    image.pointee = try create(width, height, format, type)
  }
}

private func create(
  _ width: Int32, _ height: Int32, _ format: MSLite_PixelFormat, _ type: MSLite_PixelType
) throws(EngineError) -> MSLite_Image {
  try Picture.check(width: width, height: height, format: format, type: type, "image")
  let stride = Picture.rowBytes(Int(width), format, type), rows = Picture.rows(Int(height), format)
  guard let data = calloc(rows, stride) else { throw EngineError(.outOfMemory, "no memory for \(rows) rows of \(stride) bytes") }
  return MSLite_Image(data: data, stride: stride, width: width, height: height, format: format, type: type)
}

@c @implementation
public func MSLite_ImageFree(_ image: UnsafeMutablePointer<MSLite_Image>!) {
  guard let image else { return }
  free(image.pointee.data)
  image.pointee = MSLite_Image()
}

@c @implementation
public func MSLite_ImageDecode(
  _ bytes: UnsafeRawPointer!, _ size: Int, _ format: MSLite_PixelFormat, _ image: UnsafeMutablePointer<MSLite_Image>!
) -> OH_AI_Status {
  call { () throws(EngineError) in
    guard let bytes else { throw EngineError(.nullPointer, "bytes is NULL") }
    guard let image else { throw EngineError(.nullPointer, "image is NULL") }
    image.pointee = try decode(bytes, UInt(bitPattern: size), format)
  }
}

@c @implementation
public func MSLite_ImageRead(
  _ path: UnsafePointer<CChar>!, _ format: MSLite_PixelFormat, _ image: UnsafeMutablePointer<MSLite_Image>!
) -> OH_AI_Status {
  call { () throws(EngineError) in
    guard let path else { throw EngineError(.nullPointer, "path is NULL") }
    guard let image else { throw EngineError(.nullPointer, "image is NULL") }
    let descriptor = mssys_open_read(path)
    if descriptor < 0 { throw EngineError(.error, "cannot open \(text(path)): \(text(strerror(mssys_errno())))") }
    defer { close(descriptor) }
    var identity = mssys_identity()
    guard mssys_identify(descriptor, &identity) == 0, identity.size >= 0, identity.size < 1 << 31 else {
      throw EngineError(.error, "\(text(path)) is not a regular file of less than 2 GiB")
    }
    let contents = try Scratch(bytes: Int(identity.size))
    var count = 0
    while count < Int(identity.size) {
      let n = read(descriptor, contents.base + count, Int(identity.size) - count)
      if n < 0 && mssys_errno() == EINTR { continue }
      if n <= 0 { break }
      count += n
    }
    do throws(EngineError) {
      image.pointee = try decode(contents.base, UInt(count), format)
    } catch {
      throw error.adding(text(path))
    }
  }
}

func text(_ string: UnsafePointer<CChar>?) -> String {
  guard let string else { return "" }
  return String(cString: string)
}

private func decode(_ bytes: UnsafeRawPointer, _ size: UInt, _ format: MSLite_PixelFormat) throws(EngineError) -> MSLite_Image {
  guard format.rawValue <= MSLITE_PIXEL_RGBA.rawValue else {
    throw EngineError(.parameterInvalid, "a file cannot be decoded to format \(format.rawValue); expected GRAY, RGB, BGR or RGBA")
  }
  guard let count = Int(exactly: size), count >= 4 else { throw EngineError(.error, "\(size) bytes are no picture") }
  let isPNG = bytes.loadUnaligned(as: UInt32.self) == UInt32(bigEndian: 0x8950_4E47)
  let isJPEG = bytes.load(as: UInt8.self) == 0xFF && bytes.load(fromByteOffset: 1, as: UInt8.self) == 0xD8
  guard isPNG || isJPEG else { throw EngineError(.error, "the bytes are neither those of a PNG nor of a JPEG file") }

  let hasAlpha = isPNG && format == MSLITE_PIXEL_RGBA
  var picture = MSPicture()
  let isDone = isPNG ? ms_picture_png(bytes, count, hasAlpha ? 1 : 0, &picture) : ms_picture_jpeg(bytes, count, &picture)
  guard isDone != 0, let pixels = picture.rgb else {
    let reason = withUnsafeBytes(of: &picture.error) { text($0.baseAddress?.assumingMemoryBound(to: CChar.self)) }
    throw EngineError(.error, "the \(isPNG ? "PNG" as StaticString : "JPEG") file cannot be decoded: \(reason)")
  }
  guard let width = Int32(exactly: picture.width), let height = Int32(exactly: picture.height) else {
    free(pixels)
    throw EngineError(.error, "the picture is \(picture.width) x \(picture.height) pixels, which are too many")
  }
  let decodedFormat = hasAlpha ? MSLITE_PIXEL_RGBA : MSLITE_PIXEL_RGB
  var decoded = MSLite_Image(
    data: pixels, stride: Picture.rowBytes(Int(width), decodedFormat, MSLITE_PIXEL_U8), width: width, height: height,
    format: decodedFormat, type: MSLITE_PIXEL_U8)
  do throws(EngineError) {
    let from = try Picture(&decoded, "the picture")
    if decodedFormat == format { return decoded }
    var result = try create(width, height, format, MSLITE_PIXEL_U8)
    do throws(EngineError) {
      try convert(from, Picture(&result, "the picture"))
    } catch {
      free(result.data)
      throw error
    }
    free(pixels)
    return result
  } catch {
    free(pixels)
    throw error
  }
}

/// A picture as libpng's functions take it: of bytes, with a stride of 32 bits.
private struct Encodable {
  let picture: Picture
  let format: UInt32

  init(_ image: UnsafePointer<MSLite_Image>?) throws(EngineError) {
    picture = try Picture(image, "image")
    try picture.refuseTwoPlanes("image")
    try picture.refuseFloats("image")
    switch picture.format {
    case MSLITE_PIXEL_GRAY: format = UInt32(ms_png_gray)
    case MSLITE_PIXEL_RGB: format = UInt32(ms_png_rgb)
    case MSLITE_PIXEL_BGR: format = UInt32(ms_png_bgr)
    default: format = UInt32(ms_png_rgba)
    }
  }

  var stride: Int32 { Int32(picture.stride) }
  var width: UInt32 { UInt32(picture.width) }
  var height: UInt32 { UInt32(picture.height) }
}

/// Calls a function with room for its reason to fail.
///
/// - Returns: what it returns, and the reason
private func withReason<Result>(_ body: (UnsafeMutablePointer<CChar>) -> Result) -> (Result, String) {
  var holder = MSPicture()
  return withUnsafeMutablePointer(to: &holder.error) { error in
    error.withMemoryRebound(to: CChar.self, capacity: 256) { (body($0), text($0)) }
  }
}

@c @implementation
public func MSLite_ImageWritePNG(_ image: UnsafePointer<MSLite_Image>!, _ path: UnsafePointer<CChar>!) -> OH_AI_Status {
  call { () throws(EngineError) in
    let source = try Encodable(image)
    guard let path else { throw EngineError(.nullPointer, "path is NULL") }
    let (isDone, reason) = withReason {
      ms_picture_write_png(path, source.picture.base, source.stride, source.width, source.height, source.format, $0)
    }
    if isDone == 0 { throw EngineError(.error, "cannot write \(text(path)): \(reason)") }
  }
}

@c @implementation
public func MSLite_ImageEncodePNG(
  _ image: UnsafePointer<MSLite_Image>!, _ bytes: UnsafeMutablePointer<UnsafeMutableRawPointer?>!, _ size: UnsafeMutablePointer<Int>!
) -> OH_AI_Status {
  call { () throws(EngineError) in
    let source = try Encodable(image)
    guard let bytes, let size else { throw EngineError(.nullPointer, "\(bytes == nil ? "bytes" as StaticString : "size") is NULL") }
    var count = 0
    let (encoded, reason) = withReason {
      ms_picture_encode_png(source.picture.base, source.stride, source.width, source.height, source.format, &count, $0)
    }
    guard let encoded else {
      if reason.isEmpty { throw EngineError(.outOfMemory, "no memory for the PNG file") }
      throw EngineError(.error, "the picture cannot be encoded: \(reason)")
    }
    bytes.pointee = encoded
    size.pointee = count
  }
}
