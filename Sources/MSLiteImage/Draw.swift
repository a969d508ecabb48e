import CImage
import CMindSpore
import CSystem
import Graph

/// A picture to draw into, and the colour.
private func canvas(
  _ image: UnsafePointer<MSLite_Image>?, _ color: UnsafePointer<Float>?
) throws(EngineError) -> (Picture, SIMD4<Float>) {
  let picture = try Picture(image, "image")
  try picture.refuseTwoPlanes("image")
  guard let color else { throw EngineError(.nullPointer, "color is NULL") }
  return (picture, pixelValue(color, picture.channels))
}

extension Picture {
  /// Fills what of columns from..<to and rows from..<to is inside.
  fileprivate func fillBox(_ left: Int, _ top: Int, _ right: Int, _ bottom: Int, _ color: SIMD4<Float>) {
    let left = max(left, 0), top = max(top, 0), right = min(right, width), bottom = min(bottom, height)
    if left >= right || top >= bottom { return }
    let first = row(top) + left * pixelBytes
    fill(first, color, right - left, like: self)
    for y in top + 1..<max(bottom, top + 1) { memcpy(row(y) + left * pixelBytes, first, (right - left) * pixelBytes) }
  }
}

@c @implementation
public func MSLite_ImageDrawLine(
  _ image: UnsafePointer<MSLite_Image>!, _ x0: Int32, _ y0: Int32, _ x1: Int32, _ y1: Int32, _ thickness: Int32,
  _ color: UnsafePointer<Float>!
) -> OH_AI_Status {
  call { () throws(EngineError) in
    let (picture, color) = try canvas(image, color)
    guard thickness >= 1, thickness <= 1000 else { throw EngineError(.parameterInvalid, "thickness is \(thickness); expected 1 to 1000") }
    let ax = Double(x0), ay = Double(y0), dx = Double(x1) - ax, dy = Double(y1) - ay
    let length = dx * dx + dy * dy, half = Double(thickness) / 2, reach = Int(thickness) / 2 + 1
    let top = max(min(Int(y0), Int(y1)) - reach, 0), bottom = min(max(Int(y0), Int(y1)) + reach, picture.height - 1)
    if top > bottom { return }
    for y in top...bottom {
      // Columns of the row where the line's band is, or all that the line has.
      var left = Double(min(x0, x1)) - Double(reach), right = Double(max(x0, x1)) + Double(reach)
      if dy != 0 {
        let middle = ax + (Double(y) - ay) * dx / dy, side = abs(half * length.squareRoot() / dy) + Double(reach)
        (left, right) = (max(left, middle - side), min(right, middle + side))
      }
      (left, right) = (max(left.rounded(.down), 0), min(right.rounded(.up), Double(picture.width - 1)))
      if left > right { continue }
      var first = -1, last = -1
      for x in Int(left)...Int(right) {
        let px = Double(x) - ax, py = Double(y) - ay
        let along = length > 0 ? min(max((px * dx + py * dy) / length, 0), 1) : 0
        let ex = px - along * dx, ey = py - along * dy
        if ex * ex + ey * ey <= half * half {
          if first < 0 { first = x }
          last = x
        }
      }
      if first >= 0 { fill(picture.row(y) + first * picture.pixelBytes, color, last - first + 1, like: picture) }
    }
  }
}

@c @implementation
public func MSLite_ImageDrawBox(
  _ image: UnsafePointer<MSLite_Image>!, _ x: Int32, _ y: Int32, _ width: Int32, _ height: Int32, _ thickness: Int32,
  _ color: UnsafePointer<Float>!
) -> OH_AI_Status {
  call { () throws(EngineError) in
    let (picture, color) = try canvas(image, color)
    guard width >= 1, height >= 1, thickness >= 0 else {
      throw EngineError(.parameterInvalid, "the box is \(width) x \(height) pixels with a frame of \(thickness); expected at least 1 x 1 and 0")
    }
    let left = Int(x), top = Int(y), right = left + Int(width), bottom = top + Int(height), frame = Int(thickness)
    if frame == 0 || 2 * frame >= width || 2 * frame >= height { return picture.fillBox(left, top, right, bottom, color) }
    picture.fillBox(left, top, right, top + frame, color)
    picture.fillBox(left, bottom - frame, right, bottom, color)
    picture.fillBox(left, top + frame, left + frame, bottom - frame, color)
    picture.fillBox(right - frame, top + frame, right, bottom - frame, color)
  }
}

@c @implementation
public func MSLite_ImageDrawMask(
  _ image: UnsafePointer<MSLite_Image>!, _ mask: UnsafePointer<MSLite_Image>!, _ color: UnsafePointer<Float>!, _ opacity: Float
) -> OH_AI_Status {
  call { () throws(EngineError) in
    let (picture, pixel) = try canvas(image, color)
    let mask = try Picture(mask, "mask")
    try mask.refuseFloats("mask")
    guard mask.format == MSLITE_PIXEL_GRAY, mask.width == picture.width, mask.height == picture.height else {
      throw EngineError(
        .parameterInvalid, "mask is \(mask.width) x \(mask.height) pixels; expected \(picture.width) x \(picture.height) of GRAY")
    }
    guard opacity >= 0, opacity <= 1 else { throw EngineError(.parameterInvalid, "opacity is not in 0...1") }
    var color = pixel
    let kernels = ImageKernels.active
    withUnsafeBytes(of: &color) {
      let color = $0.assumingMemoryBound(to: Float.self).baseAddress
      for y in 0..<picture.height {
        if picture.isFloat {
          kernels.blend_f32(mask.bytes(y), color, opacity, Int32(picture.channels), picture.floats(y), picture.width)
        } else {
          kernels.blend_u8(mask.bytes(y), color, opacity, Int32(picture.channels), picture.bytes(y), picture.width)
        }
      }
    }
  }
}

@c @implementation
public func MSLite_ImageDrawText(
  _ image: UnsafePointer<MSLite_Image>!, _ x: Int32, _ y: Int32, _ text: UnsafePointer<CChar>!, _ scale: Int32,
  _ color: UnsafePointer<Float>!
) -> OH_AI_Status {
  call { () throws(EngineError) in
    let (picture, color) = try canvas(image, color)
    guard let text else { throw EngineError(.nullPointer, "text is NULL") }
    guard scale >= 1, scale <= 100 else { throw EngineError(.parameterInvalid, "scale is \(scale); expected 1 to 100") }
    let scale = Int(scale)
    var left = Int(x), top = Int(y), place = 0
    while text[place] != 0 {
      let byte = UInt8(bitPattern: text[place])
      place += 1
      if byte == UInt8(ascii: "\n") {
        (left, top) = (Int(x), top + Int(MSLITE_FONT_HEIGHT) * scale)
        continue
      }
      // Bytes after the first of a character in UTF-8.
      if byte & 0xC0 == 0x80 { continue }
      if left < picture.width && left > -Int(MSLITE_FONT_WIDTH) * scale {
        for row in 0..<Font.rows {
          let bits = Font.row(row, of: byte)
          for column in 0..<Font.columns where bits >> (Font.columns - 1 - column) & 1 != 0 {
            let l = left + column * scale, t = top + row * scale
            picture.fillBox(l, t, l + scale, t + scale, color)
          }
        }
      }
      left += Int(MSLITE_FONT_WIDTH) * scale
    }
  }
}
