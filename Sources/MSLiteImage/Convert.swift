import CImage
import CMindSpore
import CSystem
import Graph

@c @implementation
public func MSLite_ImageConvert(_ source: UnsafePointer<MSLite_Image>!, _ destination: UnsafePointer<MSLite_Image>!) -> OH_AI_Status {
  call { () throws(EngineError) in
    try convert(Picture(source, "source"), Picture(destination, "destination"))
  }
}

func convert(_ from: Picture, _ to: Picture) throws(EngineError) {
  guard from.width == to.width, from.height == to.height else {
    throw EngineError(
      .parameterInvalid, "source is \(from.width) x \(from.height) pixels, destination \(to.width) x \(to.height); expected the same")
  }
  try from.refuseFloats("source")
  try to.refuseFloats("destination")
  let kernels = ImageKernels.active
  if from.format == to.format {
    for y in 0..<Picture.rows(from.height, from.format) { memcpy(to.row(y), from.row(y), from.rowBytes) }
  } else if from.isTwoPlanes {
    try fromTwoPlanes(from, to, kernels)
  } else if to.isTwoPlanes {
    try toTwoPlanes(from, to, kernels)
  } else if to.format == MSLITE_PIXEL_GRAY {
    for y in 0..<from.height { kernels.gray(from.bytes(y), Int32(from.channels), Int32(from.red), to.bytes(y), from.width) }
  } else {
    let swaps: Int32 = from.red == to.red ? 0 : 1
    for y in 0..<from.height {
      kernels.reorder(from.bytes(y), Int32(from.channels), swaps, to.bytes(y), Int32(to.channels), from.width)
    }
  }
}

private func fromTwoPlanes(_ from: Picture, _ to: Picture, _ kernels: MSImageKernels) throws(EngineError) {
  if to.format == MSLITE_PIXEL_GRAY {
    for y in 0..<from.height { memcpy(to.row(y), from.row(y), from.width) }
  } else if to.isTwoPlanes {
    throw EngineError(.notSupported, "no conversion between NV12 and NV21")
  } else {
    let u: Int32 = from.format == MSLITE_PIXEL_NV12 ? 0 : 1
    for y in 0..<from.height {
      kernels.from_nv(from.bytes(y), from.bytes(from.height + y / 2), u, to.bytes(y), Int32(to.channels), Int32(to.red), from.width)
    }
  }
}

private func toTwoPlanes(_ from: Picture, _ to: Picture, _ kernels: MSImageKernels) throws(EngineError) {
  let u: Int32 = to.format == MSLITE_PIXEL_NV12 ? 0 : 1
  for y in 0..<from.height {
    if from.format == MSLITE_PIXEL_GRAY {
      memcpy(to.row(y), from.row(y), from.width)
    } else {
      kernels.luma(from.bytes(y), Int32(from.channels), Int32(from.red), to.bytes(y), from.width)
    }
    if y % 2 == 1 { continue }
    let uv = to.bytes(from.height + y / 2)
    if from.format == MSLITE_PIXEL_GRAY {
      memset(uv, 128, from.width)
    } else {
      kernels.chroma(from.bytes(y), Int32(from.channels), Int32(from.red), u, uv, from.width)
    }
  }
}
