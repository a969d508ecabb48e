import CPictures
import ConverterCore
import Foundation
import Graph

/// A picture as a model's input: decoded, resized, cropped, normalised.
enum PictureInput {
  /// Channels-last values, row-major.
  struct Image {
    var width: Int, height: Int, channels: Int
    var values: [Float]
  }

  static func read(_ path: String, _ settings: CalibrationSettings, for input: Tensor) throws(EngineError) -> CalibrationValue {
    let file = try InputFile.open(path)
    var image = try decode(file.bytes, settings.order)
    if let (width, height) = settings.resize { image = resized(image, width, height, settings.interpolation) }
    if let (width, height) = settings.crop {
      guard width <= image.width && height <= image.height else {
        throw EngineError(.inputParameterInvalid, "is \(image.width) x \(image.height) pixels; the centre crop is \(width) x \(height)")
      }
      image = cropped(image, width, height)
    }
    normalise(&image, settings)
    return try value(image, for: input)
  }

  private static func decode(_ bytes: UnsafeRawBufferPointer, _ order: CalibrationSettings.PixelOrder) throws(EngineError) -> Image {
    var picture = MSPicture()
    let isPNG = bytes.count > 4 && bytes[0] == 0x89 && bytes[1] == 0x50
    let isJPEG = bytes.count > 4 && bytes[0] == 0xff && bytes[1] == 0xd8
    guard isPNG || isJPEG else { throw EngineError(.inputParameterInvalid, "is neither a PNG nor a JPEG picture") }
    let done = isPNG ? ms_picture_png(bytes.baseAddress, bytes.count, 0, &picture) : ms_picture_jpeg(bytes.baseAddress, bytes.count, &picture)
    guard done == 1, let rgb = picture.rgb else {
      let text = withUnsafeBytes(of: picture.error) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      throw EngineError(.inputParameterInvalid, "cannot be decoded: \(text)")
    }
    defer { free(rgb) }
    let width = Int(picture.width), height = Int(picture.height), channels = order == .gray ? 1 : 3
    var values = [Float](repeating: 0, count: width * height * channels)
    for i in 0..<width * height {
      let r = Float(rgb[3 * i]), g = Float(rgb[3 * i + 1]), b = Float(rgb[3 * i + 2])
      switch order {
      case .rgb: (values[3 * i], values[3 * i + 1], values[3 * i + 2]) = (r, g, b)
      case .bgr: (values[3 * i], values[3 * i + 1], values[3 * i + 2]) = (b, g, r)
      // Luma of ITU-R BT.601.
      case .gray: values[i] = (0.299 * r + 0.587 * g + 0.114 * b).rounded()
      }
    }
    return Image(width: width, height: height, channels: channels, values: values)
  }

  /// What an output position takes from a line of the input: up to four entries and their weights.
  private struct Tap {
    var indices: [Int]
    var weights: [Float]
  }

  /// Pixel centres of both pictures lie at half coordinates; the edge is repeated.
  private static func taps(_ size: Int, _ out: Int, _ method: CalibrationSettings.Interpolation) -> [Tap] {
    let step = Double(size) / Double(out)
    return (0..<out).map { i in
      if method == .nearest { return Tap(indices: [min(Int(Double(i) * step), size - 1)], weights: [1]) }
      let at = (Double(i) + 0.5) * step - 0.5
      let base = Int(at.rounded(.down))
      let t = Float(at - Double(base))
      let offsets = method == .linear ? [0, 1] : [-1, 0, 1, 2]
      // Keys' kernel with a = -0.75.
      let a: Float = -0.75
      func cubic(_ x: Float) -> Float {
        x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
      }
      return Tap(
        indices: offsets.map { max(0, min(base + $0, size - 1)) },
        weights: method == .linear ? [1 - t, t] : [cubic(1 + t), cubic(t), cubic(1 - t), cubic(2 - t)])
    }
  }

  private static func resized(_ image: Image, _ width: Int, _ height: Int, _ method: CalibrationSettings.Interpolation) -> Image {
    if width == image.width && height == image.height { return image }
    let c = image.channels
    let columns = taps(image.width, width, method), rows = taps(image.height, height, method)
    var wide = [Float](repeating: 0, count: image.height * width * c)
    for y in 0..<image.height {
      for (x, tap) in columns.enumerated() {
        for k in 0..<c {
          var sum: Float = 0
          for (i, w) in zip(tap.indices, tap.weights) { sum += w * image.values[(y * image.width + i) * c + k] }
          wide[(y * width + x) * c + k] = sum
        }
      }
    }
    var out = [Float](repeating: 0, count: height * width * c)
    for (y, tap) in rows.enumerated() {
      for x in 0..<width * c {
        var sum: Float = 0
        for (i, w) in zip(tap.indices, tap.weights) { sum += w * wide[i * width * c + x] }
        // Pictures have whole values.
        out[y * width * c + x] = max(0, min(sum.rounded(), 255))
      }
    }
    return Image(width: width, height: height, channels: c, values: out)
  }

  private static func cropped(_ image: Image, _ width: Int, _ height: Int) -> Image {
    let left = (image.width - width) / 2, top = (image.height - height) / 2
    var out = [Float]()
    out.reserveCapacity(width * height * image.channels)
    for y in top..<top + height {
      let start = (y * image.width + left) * image.channels
      out += image.values[start..<start + width * image.channels]
    }
    return Image(width: width, height: height, channels: image.channels, values: out)
  }

  private static func normalise(_ image: inout Image, _ settings: CalibrationSettings) {
    for c in 0..<image.channels {
      func entry(_ list: [Double], _ fallback: Double) -> Float { list.isEmpty ? Float(fallback) : Float(list[list.count == 1 ? 0 : c]) }
      let mean = entry(settings.mean, 0), deviation = entry(settings.deviation, 1)
      if mean == 0 && deviation == 1 { continue }
      for i in stride(from: c, to: image.values.count, by: image.channels) { image.values[i] = (image.values[i] - mean) / deviation }
    }
  }

  /// The picture in the layout of the input.
  private static func value(_ image: Image, for input: Tensor) throws(EngineError) -> CalibrationValue {
    let dims = input.shape.dims
    let last = [1, image.height, image.width, image.channels], first = [1, image.channels, image.height, image.width]
    func fits(_ shape: [Int]) -> Bool { dims.count == 4 && zip(dims, shape).allSatisfy { $0 < 0 || $0 == $1 } }
    if fits(last) { return try CalibrationValue(shape: last, image.values.map { Double($0) }, input.type) }
    if fits(first) {
      var planes = [Double]()
      planes.reserveCapacity(image.values.count)
      for c in 0..<image.channels { for i in 0..<image.width * image.height { planes.append(Double(image.values[i * image.channels + c])) } }
      return try CalibrationValue(shape: first, planes, input.type)
    }
    throw EngineError(
      .inputParameterInvalid,
      "is \(image.width) x \(image.height) pixels of \(image.channels) channels after resizing and cropping; input \"\(input.name)\" is \(input.shape)")
  }
}
