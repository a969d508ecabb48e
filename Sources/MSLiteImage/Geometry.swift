import CImage
import CMindSpore
import CSystem
import Graph

@c @implementation
public func MSLite_ImageCrop(
  _ source: UnsafePointer<MSLite_Image>!, _ x: Int32, _ y: Int32, _ destination: UnsafePointer<MSLite_Image>!
) -> OH_AI_Status {
  call { () throws(EngineError) in
    let (from, to) = try sameForm(source, destination)
    guard x >= 0, y >= 0, Int(x) + to.width <= from.width, Int(y) + to.height <= from.height else {
      throw EngineError(
        .parameterInvalid,
        "\(to.width) x \(to.height) pixels at (\(x), \(y)) are not inside of the source's \(from.width) x \(from.height)")
    }
    copy(from.part(x: Int(x), y: Int(y), width: to.width, height: to.height), to)
  }
}

private func copy(_ from: Picture, _ to: Picture) {
  for y in 0..<from.height { memcpy(to.row(y), from.row(y), from.rowBytes) }
}

func checkBorder(_ border: MSLite_Border) throws(EngineError) {
  if border.rawValue > MSLITE_BORDER_REFLECT_101.rawValue { throw EngineError(.parameterInvalid, "unknown border \(border.rawValue)") }
}

/// The four numbers of a pixel, zeros where none are given.
func pixelValue(_ value: UnsafePointer<Float>?, _ channels: Int) -> SIMD4<Float> {
  var result = SIMD4<Float>.zero
  if let value { for c in 0..<channels { result[c] = value[c] } }
  return result
}

/// Writes `count` pixels of the value at `out`.
func fill(_ out: UnsafeMutableRawPointer, _ value: SIMD4<Float>, _ count: Int, like picture: Picture) {
  let channels = picture.channels
  for c in 0..<channels {
    if picture.isFloat {
      let out = out.assumingMemoryBound(to: Float.self)
      for x in 0..<count { out[x * channels + c] = value[c] }
    } else {
      let out = out.assumingMemoryBound(to: UInt8.self), byte = UInt8(rounding: value[c])
      for x in 0..<count { out[x * channels + c] = byte }
    }
  }
}

extension UInt8 {
  /// The nearest byte; 0 for NaN.
  init(rounding value: Float) { self = value > 0 ? UInt8(Swift.min(value, 255).rounded(.toNearestOrEven)) : 0 }
}

@c @implementation
public func MSLite_ImagePad(
  _ source: UnsafePointer<MSLite_Image>!, _ left: Int32, _ top: Int32, _ border: MSLite_Border, _ value: UnsafePointer<Float>!,
  _ destination: UnsafePointer<MSLite_Image>!
) -> OH_AI_Status {
  call { () throws(EngineError) in
    let (from, to) = try sameForm(source, destination)
    try checkBorder(border)
    guard left >= 0, top >= 0, Int(left) + from.width <= to.width, Int(top) + from.height <= to.height else {
      throw EngineError(
        .parameterInvalid,
        "\(from.width) x \(from.height) pixels at (\(left), \(top)) are not inside of the destination's \(to.width) x \(to.height)")
    }
    let inside = to.part(x: Int(left), y: Int(top), width: from.width, height: from.height)
    copy(from, inside)
    if border == MSLITE_BORDER_CONSTANT {
      try fillAround(to, Int(left), Int(top), inside, pixelValue(value, to.channels))
    } else {
      try continueAround(to, Int(left), Int(top), inside, border)
    }
  }
}

private func fillAround(_ to: Picture, _ left: Int, _ top: Int, _ inside: Picture, _ value: SIMD4<Float>) throws(EngineError) {
  let row = try Scratch(bytes: to.rowBytes)
  fill(row.base, value, to.width, like: to)
  let right = left + inside.width
  for y in 0..<to.height {
    if y < top || y >= top + inside.height {
      memcpy(to.row(y), row.base, to.rowBytes)
    } else {
      memcpy(to.row(y), row.base, left * to.pixelBytes)
      memcpy(to.row(y) + right * to.pixelBytes, row.base, (to.width - right) * to.pixelBytes)
    }
  }
}

private func continueAround(
  _ to: Picture, _ left: Int, _ top: Int, _ inside: Picture, _ border: MSLite_Border
) throws(EngineError) {
  let scratch = try Scratch(bytes: to.width * MemoryLayout<Int>.stride)
  let offsets = scratch.base.assumingMemoryBound(to: Int.self)
  for x in 0..<to.width { offsets[x] = ms_image_border(x - left, inside.width, border) * to.pixelBytes }
  let kernels = ImageKernels.active
  let right = left + inside.width
  for y in top..<top + inside.height {
    let row = inside.bytes(y - top)
    kernels.gather(row, offsets, Int32(to.pixelBytes), to.bytes(y), left)
    kernels.gather(row, offsets + right, Int32(to.pixelBytes), to.bytes(y) + right * to.pixelBytes, to.width - right)
  }
  for y in 0..<to.height where y < top || y >= top + inside.height {
    memcpy(to.row(y), to.row(top + ms_image_border(y - top, inside.height, border)), to.rowBytes)
  }
}

@c @implementation
public func MSLite_ImageRotate90(
  _ source: UnsafePointer<MSLite_Image>!, _ quarter_turns: Int32, _ destination: UnsafePointer<MSLite_Image>!
) -> OH_AI_Status {
  call { () throws(EngineError) in
    let (from, to) = try sameForm(source, destination)
    let turns = Int(quarter_turns) & 3
    let (width, height) = turns % 2 == 0 ? (from.width, from.height) : (from.height, from.width)
    guard to.width == width, to.height == height else {
      throw EngineError(.parameterInvalid, "destination is \(to.width) x \(to.height) pixels; expected \(width) x \(height)")
    }
    if turns == 0 { return copy(from, to) }
    let kernels = ImageKernels.active, pixelBytes = Int32(from.pixelBytes)
    if turns == 2 {
      for y in 0..<to.height { kernels.reverse(from.bytes(from.height - 1 - y), pixelBytes, to.bytes(y), to.width) }
      return
    }
    // The source's place of the destination's first pixel, and the ways from there to the right and down.
    let isClockwise = turns == 1
    let first = isClockwise ? from.bytes(from.height - 1) : from.bytes(0) + (from.width - 1) * from.pixelBytes
    let right = isClockwise ? -from.stride : from.stride, down = isClockwise ? from.pixelBytes : -from.pixelBytes
    // Blocks of columns, whose rows of the source stay in the cache.
    var left = 0
    while left < to.width {
      let width = min(64, to.width - left)
      kernels.turn(first + left * right, right, down, pixelBytes, to.bytes(0) + left * to.pixelBytes, to.stride, width, to.height)
      left += width
    }
  }
}

@c @implementation
public func MSLite_ImageLetterbox(
  _ source: UnsafePointer<MSLite_Image>!, _ value: UnsafePointer<Float>!, _ destination: UnsafePointer<MSLite_Image>!,
  _ placement: UnsafeMutablePointer<MSLite_Letterbox>!
) -> OH_AI_Status {
  call { () throws(EngineError) in
    let (from, to) = try sameForm(source, destination)
    let scale = min(Double(to.width) / Double(from.width), Double(to.height) / Double(from.height))
    let width = min(max(Int((Double(from.width) * scale).rounded()), 1), to.width)
    let height = min(max(Int((Double(from.height) * scale).rounded()), 1), to.height)
    let left = (to.width - width) / 2, top = (to.height - height) / 2
    let inside = to.part(x: left, y: top, width: width, height: height)
    try resize(from, inside, MSLITE_INTERPOLATION_BILINEAR)
    try fillAround(to, left, top, inside, pixelValue(value, to.channels))
    if let placement {
      placement.pointee = MSLite_Letterbox(
        scale: Float(scale), left: Int32(left), top: Int32(top), width: Int32(width), height: Int32(height))
    }
  }
}
