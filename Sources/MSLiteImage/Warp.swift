import CImage
import CMindSpore
import CSystem
import Graph

@c @implementation
public func MSLite_ImageWarpAffine(
  _ source: UnsafePointer<MSLite_Image>!, _ matrix: UnsafePointer<Double>!, _ interpolation: MSLite_Interpolation, _ border: MSLite_Border,
  _ value: UnsafePointer<Float>!, _ destination: UnsafePointer<MSLite_Image>!
) -> OH_AI_Status {
  warp("MSLite_ImageWarpAffine", source, matrix, isPerspective: false, interpolation, border, value, destination)
}

@c @implementation
public func MSLite_ImageWarpPerspective(
  _ source: UnsafePointer<MSLite_Image>!, _ matrix: UnsafePointer<Double>!, _ interpolation: MSLite_Interpolation, _ border: MSLite_Border,
  _ value: UnsafePointer<Float>!, _ destination: UnsafePointer<MSLite_Image>!
) -> OH_AI_Status {
  warp("MSLite_ImageWarpPerspective", source, matrix, isPerspective: true, interpolation, border, value, destination)
}

private func warp(
  _ name: StaticString, _ source: UnsafePointer<MSLite_Image>?, _ matrix: UnsafePointer<Double>?, isPerspective: Bool,
  _ interpolation: MSLite_Interpolation, _ border: MSLite_Border, _ value: UnsafePointer<Float>?, _ destination: UnsafePointer<MSLite_Image>?
) -> OH_AI_Status {
  call(name) { () throws(EngineError) in
    let (from, to) = try sameForm(source, destination)
    guard let matrix else { throw EngineError(.nullPointer, "matrix is NULL") }
    try warp(from, isPerspective ? Matrix(perspective: matrix) : Matrix(affine: matrix), isPerspective, interpolation, border, value, to)
  }
}

@c @implementation
public func MSLite_ImageRotate(
  _ source: UnsafePointer<MSLite_Image>!, _ degrees: Double, _ interpolation: MSLite_Interpolation, _ border: MSLite_Border,
  _ value: UnsafePointer<Float>!, _ destination: UnsafePointer<MSLite_Image>!
) -> OH_AI_Status {
  call { () throws(EngineError) in
    let (from, to) = try sameForm(source, destination)
    guard degrees.isFinite else { throw EngineError(.parameterInvalid, "degrees is not finite") }
    let angle = fmod(degrees, 360) * Double.pi / 180, cosine = cos(angle), sine = sin(angle)
    let fromX = Double(from.width - 1) / 2, fromY = Double(from.height - 1) / 2
    // y points down, so that this is clockwise.
    let matrix = Matrix(
      SIMD3(cosine, -sine, Double(to.width - 1) / 2 - cosine * fromX + sine * fromY),
      SIMD3(sine, cosine, Double(to.height - 1) / 2 - sine * fromX - cosine * fromY), SIMD3(0, 0, 1))
    try warp(from, matrix, false, interpolation, border, value, to)
  }
}

/// Three rows of a transformation of the plane.
private struct Matrix {
  var a: SIMD3<Double>, b: SIMD3<Double>, c: SIMD3<Double>

  init(_ a: SIMD3<Double>, _ b: SIMD3<Double>, _ c: SIMD3<Double>) { (self.a, self.b, self.c) = (a, b, c) }
  init(affine m: UnsafePointer<Double>) { self.init(SIMD3(m[0], m[1], m[2]), SIMD3(m[3], m[4], m[5]), SIMD3(0, 0, 1)) }
  init(perspective m: UnsafePointer<Double>) {
    self.init(SIMD3(m[0], m[1], m[2]), SIMD3(m[3], m[4], m[5]), SIMD3(m[6], m[7], m[8]))
  }

  /// Rows of the inverse, or nil where there is none.
  var inverse: Matrix? {
    let first = cross(b, c), second = cross(c, a), third = cross(a, b)
    let determinant = (a * first).sum()
    guard determinant.isFinite, determinant != 0, (1 / determinant).isFinite else { return nil }
    let scale = 1 / determinant
    return Matrix(
      SIMD3(first.x, second.x, third.x) * scale, SIMD3(first.y, second.y, third.y) * scale, SIMD3(first.z, second.z, third.z) * scale)
  }

  private func cross(_ u: SIMD3<Double>, _ v: SIMD3<Double>) -> SIMD3<Double> {
    SIMD3(u.y * v.z - u.z * v.y, u.z * v.x - u.x * v.z, u.x * v.y - u.y * v.x)
  }
}

private func warp(
  _ from: Picture, _ matrix: Matrix, _ isPerspective: Bool, _ interpolation: MSLite_Interpolation, _ border: MSLite_Border,
  _ value: UnsafePointer<Float>?, _ to: Picture
) throws(EngineError) {
  guard interpolation == MSLITE_INTERPOLATION_NEAREST || interpolation == MSLITE_INTERPOLATION_BILINEAR else {
    throw EngineError(.parameterInvalid, "interpolation \(interpolation.rawValue) is not nearest or bilinear")
  }
  try checkBorder(border)
  guard let inverse = matrix.inverse else { throw EngineError(.parameterInvalid, "matrix has no inverse") }
  let pixel = pixelValue(value, from.channels)
  let (a, b, c) = (inverse.a, inverse.b, inverse.c)
  var warp = MSImageWarp(
    data: from.bytes(0), stride: from.stride, is_small: from.stride * from.height < 1 << 31 ? 1 : 0, width: Int32(from.width),
    height: Int32(from.height), channels: Int32(from.channels),
    is_float: from.isFloat ? 1 : 0, is_nearest: interpolation == MSLITE_INTERPOLATION_NEAREST ? 1 : 0,
    is_perspective: isPerspective ? 1 : 0, border: border, value: (pixel[0], pixel[1], pixel[2], pixel[3]),
    matrix: (a.x, a.y, a.z, b.x, b.y, b.z, c.x, c.y, c.z))
  let kernels = ImageKernels.active
  for y in 0..<to.height { kernels.warp_row(&warp, Int32(y), to.bytes(y), to.width) }
}

@c @implementation
public func MSLite_ImagePerspectiveMatrix(
  _ from: UnsafePointer<Double>!, _ to: UnsafePointer<Double>!, _ matrix: UnsafeMutablePointer<Double>!
) -> OH_AI_Status {
  call { () throws(EngineError) in
    guard let from, let to, let matrix else { throw EngineError(.nullPointer, "from, to or matrix is NULL") }
    // Eight equations in eight numbers: two for each pair of points.
    let scratch = try Scratch(bytes: 8 * 9 * 8)
    let rows = scratch.base.assumingMemoryBound(to: Double.self)
    for i in 0..<4 {
      let x = from[2 * i], y = from[2 * i + 1]
      for k in 0..<2 {
        let row = rows + (2 * i + k) * 9, goal = to[2 * i + k]
        for j in 0..<6 { row[j] = 0 }
        (row[3 * k], row[3 * k + 1], row[3 * k + 2]) = (x, y, 1)
        (row[6], row[7], row[8]) = (-x * goal, -y * goal, goal)
      }
    }
    for column in 0..<8 {
      var best = column
      for r in column..<8 where abs(rows[r * 9 + column]) > abs(rows[best * 9 + column]) { best = r }
      let pivot = rows[best * 9 + column]
      guard pivot.isFinite, abs(pivot) > 1e-12 else {
        throw EngineError(.parameterInvalid, "three of the points are on one line, or not finite")
      }
      for j in 0..<9 {
        let value = rows[best * 9 + j]
        rows[best * 9 + j] = rows[column * 9 + j]
        rows[column * 9 + j] = value / pivot
      }
      for r in 0..<8 where r != column {
        let factor = rows[r * 9 + column]
        for j in column..<9 { rows[r * 9 + j] -= factor * rows[column * 9 + j] }
      }
    }
    for i in 0..<8 { matrix[i] = rows[i * 9 + 8] }
    matrix[8] = 1
  }
}
