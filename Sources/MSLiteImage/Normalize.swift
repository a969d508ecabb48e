import CImage
import CMindSpore
import CSystem
import Graph

@c @implementation
public func MSLite_ImageNormalize(
  _ source: UnsafePointer<MSLite_Image>!, _ order: MSLite_PixelFormat, _ layout: MSLite_TensorLayout, _ scale: Float,
  _ mean: UnsafePointer<Float>!, _ deviation: UnsafePointer<Float>!, _ tensor: UnsafeMutablePointer<Float>!
) -> OH_AI_Status {
  call { () throws(EngineError) in
    let from = try Picture(source, "source")
    try from.refuseTwoPlanes("source")
    try from.refuseFloats("source")
    guard let tensor else { throw EngineError(.nullPointer, "tensor is NULL") }
    let channels = from.channels
    guard order.rawValue <= MSLITE_PIXEL_RGBA.rawValue, Picture.channels(order) == channels else {
      throw EngineError(
        .parameterInvalid, "order \(order.rawValue) does not have as many channels as the source's format \(from.format.rawValue)")
    }
    guard layout.rawValue <= MSLITE_LAYOUT_CHW.rawValue else {
      throw EngineError(.parameterInvalid, "unknown layout \(layout.rawValue)")
    }
    if UInt(bitPattern: tensor) % 4 != 0 { throw EngineError(.parameterInvalid, "tensor is not aligned to 4 bytes") }

    var factor = SIMD4<Float>(repeating: scale), offset = SIMD4<Float>.zero, places = SIMD4<Int32>(0, 1, 2, 3)
    for c in 0..<channels {
      let divisor = deviation.map { $0[c] } ?? 1
      guard divisor != 0, divisor.isFinite else { throw EngineError(.parameterInvalid, "deviation[\(c)] is zero or not finite") }
      factor[c] = scale / divisor
      offset[c] = mean.map { -$0[c] / divisor } ?? 0
    }
    if channels == 3 && order != from.format { places = SIMD4(2, 1, 0, 3) }
    let kernels = ImageKernels.active
    withUnsafeBytes(of: &places) { places in
      withUnsafeBytes(of: &factor) { factor in
        withUnsafeBytes(of: &offset) { offset in
          let places = places.assumingMemoryBound(to: Int32.self).baseAddress
          let factor = factor.assumingMemoryBound(to: Float.self).baseAddress
          let offset = offset.assumingMemoryBound(to: Float.self).baseAddress
          for y in 0..<from.height {
            if layout == MSLITE_LAYOUT_HWC {
              kernels.normalize_hwc(
                from.bytes(y), Int32(channels), places, factor, offset, tensor + y * from.rowElements, from.width)
            } else {
              kernels.normalize_chw(
                from.bytes(y), Int32(channels), places, factor, offset, tensor + y * from.width, from.width * from.height, from.width)
            }
          }
        }
      }
    }
  }
}
