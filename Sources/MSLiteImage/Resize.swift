import CImage
import CMindSpore
import CSystem
import Graph

@c @implementation
public func MSLite_ImageResize(
  _ source: UnsafePointer<MSLite_Image>!, _ destination: UnsafePointer<MSLite_Image>!, _ interpolation: MSLite_Interpolation
) -> OH_AI_Status {
  call { () throws(EngineError) in
    let (from, to) = try sameForm(source, destination)
    try resize(from, to, interpolation)
  }
}

func resize(_ from: Picture, _ to: Picture, _ interpolation: MSLite_Interpolation) throws(EngineError) {
  guard interpolation.rawValue <= MSLITE_INTERPOLATION_AREA.rawValue else {
    throw EngineError(.parameterInvalid, "unknown interpolation \(interpolation.rawValue)")
  }
  if from.width == to.width && from.height == to.height {
    for y in 0..<from.height { memcpy(to.row(y), from.row(y), from.rowBytes) }
    return
  }
  let isBilinearOrArea = interpolation == MSLITE_INTERPOLATION_BILINEAR || interpolation == MSLITE_INTERPOLATION_AREA
  if isBilinearOrArea && from.width == 2 * to.width && from.height == 2 * to.height {
    let kernels = ImageKernels.active, channels = Int32(from.channels)
    for y in 0..<to.height {
      if from.isFloat {
        kernels.halve_f32(from.floats(2 * y), from.floats(2 * y + 1), channels, to.floats(y), to.width)
      } else {
        kernels.halve(from.bytes(2 * y), from.bytes(2 * y + 1), channels, to.bytes(y), to.width)
      }
    }
    return
  }
  switch interpolation {
  case MSLITE_INTERPOLATION_NEAREST: try nearest(from, to)
  case MSLITE_INTERPOLATION_BILINEAR:
    if from.isFloat { try resizeByRows(from, to, .linear) } else { try bilinearBytes(from, to) }
  case MSLITE_INTERPOLATION_BICUBIC:
    if from.isFloat { try resizeByRows(from, to, .cubic) } else { try bicubicBytes(from, to) }
  default:
    if from.width >= to.width && from.height >= to.height {
      try resizeByArea(from, to)
    } else {
      try resizeByRows(from, to, .areaGrowing)
    }
  }
}

private func nearest(_ from: Picture, _ to: Picture) throws(EngineError) {
  let scratch = try Scratch(bytes: to.width * MemoryLayout<Int>.stride)
  let offsets = scratch.base.assumingMemoryBound(to: Int.self)
  let scaleX = 1 / (Double(to.width) / Double(from.width)), scaleY = 1 / (Double(to.height) / Double(from.height))
  for x in 0..<to.width { offsets[x] = min(Int((Double(x) * scaleX).rounded(.down)), from.width - 1) * from.pixelBytes }
  let kernels = ImageKernels.active
  var last = -1
  for y in 0..<to.height {
    let row = min(Int((Double(y) * scaleY).rounded(.down)), from.height - 1)
    if row == last {
      memcpy(to.row(y), to.row(y - 1), to.rowBytes)
    } else {
      kernels.gather(from.bytes(row), offsets, Int32(from.pixelBytes), to.bytes(y), to.width)
    }
    last = row
  }
}

/// Bytes in integers of 16 bits: a source row is brought to the new width once, when the first row of the destination needs it.
private func bilinearBytes(_ from: Picture, _ to: Picture) throws(EngineError) {
  let kernels = ImageKernels.active
  let columns = try Taps(.linear, from: from.width, to: to.width, unit: from.channels)
  let rows = try Taps(.linear, from: from.height, to: to.height, unit: 1)
  let tables = try Scratch(bytes: to.width * 10)
  let index = tables.base.assumingMemoryBound(to: Int32.self), step = index + to.width
  let weight = (tables.base + to.width * 8).assumingMemoryBound(to: Int16.self)
  for x in 0..<to.width {
    index[x] = columns.index[2 * x]
    step[x] = columns.index[2 * x + 1] - columns.index[2 * x]
    weight[x] = fixed(columns.weight[2 * x + 1])
  }
  let rowBytes = (to.rowElements * 2 + 63) / 64 * 64
  let buffer = try Scratch(bytes: 2 * rowBytes)
  var held = (-1, -1)
  func widened(_ y: Int) -> UnsafeMutablePointer<Int16> {
    let out = (buffer.base + y % 2 * rowBytes).assumingMemoryBound(to: Int16.self)
    if (y % 2 == 0 ? held.0 : held.1) != y {
      kernels.bilinear_row(from.bytes(y), from.rowBytes, Int32(from.channels), index, step, weight, out, to.width)
      if y % 2 == 0 { held.0 = y } else { held.1 = y }
    }
    return out
  }
  for y in 0..<to.height {
    let far = fixed(rows.weight[2 * y + 1])
    let a = widened(Int(rows.index[2 * y]))
    let b = far == 0 ? a : widened(Int(rows.index[2 * y + 1]))
    kernels.bilinear_column(a, b, far, to.bytes(y), to.rowElements)
  }
}

/// A weight below 1 with 15 bits.
private func fixed(_ weight: Float) -> Int16 { Int16(min((weight * 32768).rounded(), 32767)) }

/// Bytes in integers of 16 bits, as above; of the rows at the new width the last four are kept.
private func bicubicBytes(_ from: Picture, _ to: Picture) throws(EngineError) {
  let kernels = ImageKernels.active
  let columns = try Taps(.cubic, from: from.width, to: to.width, unit: from.channels)
  let rows = try Taps(.cubic, from: from.height, to: to.height, unit: 1)
  let tables = try Scratch(bytes: (to.width + to.height) * 8)
  let columnWeights = tables.base.assumingMemoryBound(to: Int16.self), rowWeights = columnWeights + 4 * to.width
  fixedCubic(columns.weight, columnWeights, to.width)
  fixedCubic(rows.weight, rowWeights, to.height)
  let rowBytes = ((to.rowElements + 1) * 2 + 63) / 64 * 64
  let buffer = try Scratch(bytes: 4 * rowBytes)
  var held = SIMD4<Int>(repeating: -1)
  withUnsafeTemporaryAllocation(of: UnsafePointer<Int16>?.self, capacity: 4) { taps in
    for y in 0..<to.height {
      for t in 0..<4 {
        let row = Int(rows.index[4 * y + t]), slot = row & 3
        let wide = (buffer.base + slot * rowBytes).assumingMemoryBound(to: Int16.self)
        if held[slot] != row {
          kernels.bicubic_row(from.bytes(row), from.rowBytes, Int32(from.channels), columns.index, columnWeights, wide, to.width)
          held[slot] = row
        }
        taps[t] = UnsafePointer(wide)
      }
      kernels.bicubic_column(taps.baseAddress, rowWeights + 4 * y, to.bytes(y), to.rowElements)
    }
  }
}

/// Weights with 14 bits, which add up to 1.
private func fixedCubic(_ weight: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Int16>, _ count: Int) {
  for x in 0..<count {
    let weight = weight + 4 * x, out = out + 4 * x
    for t in 0..<4 { out[t] = Int16((weight[t] * 16384).rounded()) }
    out[1] = 16384 - out[0] - out[2] - out[3]
  }
}

/// Rows first, of which the last four are kept; for rules with up to four taps.
private func resizeByRows(_ from: Picture, _ to: Picture, _ rule: Taps.Rule) throws(EngineError) {
  let kernels = ImageKernels.active
  let columns = try Taps(rule, from: from.width, to: to.width, unit: from.channels)
  let rows = try Taps(rule, from: from.height, to: to.height, unit: 1)
  let elements = to.rowElements
  let buffer = try Scratch(bytes: (5 * elements + (from.isFloat ? 0 : from.rowElements)) * 4)
  let sum = buffer.floats(4 * elements), wide = buffer.floats(5 * elements)
  var held = SIMD4<Int>(repeating: -1)
  withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: 4) { taps in
    for y in 0..<to.height {
      var weights = SIMD4<Float>.zero, count = 0
      for t in 0..<rows.count {
        let weight = rows.weight[y * rows.count + t]
        if weight == 0 { continue }
        let row = Int(rows.index[y * rows.count + t]), slot = row & 3
        let narrow = buffer.floats(slot * elements)
        if held[slot] != row {
          if !from.isFloat { kernels.accumulate_u8(from.bytes(row), 1, 1, wide, from.rowElements) }
          kernels.weigh_row(
            from.isFloat ? from.floats(row) : wide, from.rowElements, Int32(from.channels), Int32(columns.count), columns.index,
            columns.weight, narrow, to.width)
          held[slot] = row
        }
        taps[count] = UnsafePointer(narrow)
        weights[count] = weight
        count += 1
      }
      withUnsafeBytes(of: weights) { weights in
        kernels.weigh_column(
          taps.baseAddress, weights.baseAddress?.assumingMemoryBound(to: Float.self), Int32(count), to.isFloat ? to.floats(y) : sum, elements)
      }
      if !to.isFloat { kernels.round_u8(sum, to.bytes(y), elements) }
    }
  }
}

/// Columns first, because every row of the source counts.
private func resizeByArea(_ from: Picture, _ to: Picture) throws(EngineError) {
  let kernels = ImageKernels.active
  let columns = try Taps(.area, from: from.width, to: to.width, unit: from.channels)
  let rows = try Taps(.area, from: from.height, to: to.height, unit: 1)
  let buffer = try Scratch(bytes: (from.rowElements + to.rowElements) * 4)
  let sum = buffer.floats(), narrow = buffer.floats(from.rowElements)
  for y in 0..<to.height {
    var isFirst: Int32 = 1
    for t in 0..<rows.count {
      let weight = rows.weight[y * rows.count + t], row = Int(rows.index[y * rows.count + t])
      if weight == 0 { continue }
      if from.isFloat {
        kernels.accumulate_f32(from.floats(row), weight, isFirst, sum, from.rowElements)
      } else {
        kernels.accumulate_u8(from.bytes(row), weight, isFirst, sum, from.rowElements)
      }
      isFirst = 0
    }
    kernels.weigh_row(
      sum, from.rowElements, Int32(from.channels), Int32(columns.count), columns.index, columns.weight, to.isFloat ? to.floats(y) : narrow, to.width)
    if !to.isFloat { kernels.round_u8(narrow, to.bytes(y), to.rowElements) }
  }
}
