import CKernels

// Loops over single elements. Kernels are compiled without automatic vectorisation, so they stay scalar; what they gain is that nothing
// is checked and the operation is chosen once (Magika: 0.80 of the time).

/// `MSKernels.compare_f32`.
func compareFloats(
  _ op: Int32, _ a: UnsafeRawPointer, _ aStep: Int, _ b: UnsafeRawPointer, _ bStep: Int, _ y: UnsafeMutablePointer<UInt8>, _ n: Int
) {
  compare(op, a.assumingMemoryBound(to: Float.self), aStep, b.assumingMemoryBound(to: Float.self), bStep, y, n)
}

/// `MSKernels.compare_i32`.
func compareInt32s(
  _ op: Int32, _ a: UnsafeRawPointer, _ aStep: Int, _ b: UnsafeRawPointer, _ bStep: Int, _ y: UnsafeMutablePointer<UInt8>, _ n: Int
) {
  compare(op, a.assumingMemoryBound(to: Int32.self), aStep, b.assumingMemoryBound(to: Int32.self), bStep, y, n)
}

@inline(always) private func compare<T: Comparable>(
  _ op: Int32, _ a: UnsafePointer<T>, _ aStep: Int, _ b: UnsafePointer<T>, _ bStep: Int, _ y: UnsafeMutablePointer<UInt8>, _ n: Int
) {
  if n <= 0 { return }
  switch MSCompare(rawValue: UInt32(bitPattern: op)) {
  case MS_COMPARE_LESS: each(a, aStep, b, bStep, y, n) { $0 < $1 ? 1 : 0 }
  case MS_COMPARE_LESS_EQUAL: each(a, aStep, b, bStep, y, n) { $0 <= $1 ? 1 : 0 }
  case MS_COMPARE_NOT_EQUAL: each(a, aStep, b, bStep, y, n) { $0 != $1 ? 1 : 0 }
  default: each(a, aStep, b, bStep, y, n) { $0 == $1 ? 1 : 0 }
  }
}

/// Steps are 0 or 1, and not both 0 for more than one element.
@inline(always) private func each<T>(
  _ a: UnsafePointer<T>, _ aStep: Int, _ b: UnsafePointer<T>, _ bStep: Int, _ y: UnsafeMutablePointer<UInt8>, _ n: Int,
  _ f: (T, T) -> UInt8
) {
  var i = 0
  if aStep == 0 {
    let value = a[0]
    while i < n {
      y[i] = f(value, b[i])
      i &+= 1
    }
  } else if bStep == 0 {
    let value = b[0]
    while i < n {
      y[i] = f(a[i], value)
      i &+= 1
    }
  } else {
    while i < n {
      y[i] = f(a[i], b[i])
      i &+= 1
    }
  }
}

/// `MSKernels.u8_to_f32`.
func widen(_ x: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>, _ n: Int) { widened(x, y, n) }

/// `MSKernels.i8_to_f32`.
func widen(_ x: UnsafePointer<Int8>, _ y: UnsafeMutablePointer<Float>, _ n: Int) { widened(x, y, n) }

/// `MSKernels.i32_to_f32`.
func widen(_ x: UnsafePointer<Int32>, _ y: UnsafeMutablePointer<Float>, _ n: Int) { widened(x, y, n) }

@inline(always) private func widened<T: BinaryInteger>(_ x: UnsafePointer<T>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  var i = 0
  while i < n {
    y[i] = Float(x[i])
    i &+= 1
  }
}
