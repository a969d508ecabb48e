/// IEEE binary16 conversion.
///
/// With F16C and on NEON the compiler turns lane-wise conversion into the conversion instructions. SSE2 has none, and the
/// compiler would call a library function per lane, so there the bits are moved by hand.

/// Exact.
@inline(always) func toFloat(_ h: HalfBits) -> Vec {
  #if AVX512 || AVX2 || arch(arm64)
  var v = Vec.zero
  for i in 0..<width { v[i] = Float(Float16(bitPattern: h[i])) }
  return v
  #else
  let wide = IntVec(truncatingIfNeeded: h)
  let magnitude = shiftLeft(and(wide, splat(0x7fff)), 13)
  // The exponents differ by 112; the multiplication also normalises subnormals. Infinity and NaN get the full exponent.
  let scaled = bits(float(bits: magnitude) * splat(0x1p112))
  let special = and(bits(magnitude .>= splat(0x0f80_0000)), splat(0x7f80_0000))
  return float(bits: or(or(scaled, special), shiftLeft(and(wide, splat(0x8000)), 16)))
  #endif
}

/// Rounded to nearest, ties to even; overflow gives infinity; a NaN keeps its leading payload bits and becomes quiet.
@inline(always) func toHalf(_ v: Vec) -> HalfBits {
  #if AVX512 || AVX2 || arch(arm64)
  var h = HalfBits.zero
  for i in 0..<width { h[i] = Float16(v[i]).bitPattern }
  return h
  #else
  let magnitude = and(bits(v), splat(0x7fff_ffff))
  // Normal results: add just under half of the last kept bit (plus that bit: ties to even), move the exponent by 112.
  let odd = and(shiftRight(magnitude, 13), splat(1))
  let normal = shiftRight(magnitude &+ splat(0xfff - 0x3800_0000) &+ odd, 13)
  // Subnormal results: 0.5 has its last bit where the last bit of a subnormal half is, so this addition rounds there.
  let subnormal = bits(float(bits: magnitude) + splat(0.5)) &- splat(0x3f00_0000)
  var h = select(magnitude .< splat(0x3880_0000), subnormal, normal)
  h = select(magnitude .>= splat(0x4780_0000), splat(0x7c00), h)
  let payload = or(and(shiftRight(magnitude, 13), splat(0x3ff)), splat(0x7e00))
  h = select(magnitude .> splat(0x7f80_0000), payload, h)
  return HalfBits(truncatingIfNeeded: or(h, and(shiftRight(bits(v), 16), splat(0x8000))))
  #endif
}

@inline(always) func loadHalves(_ p: UnsafePointer<UInt16>) -> HalfBits {
  UnsafeRawPointer(p).loadUnaligned(as: HalfBits.self)
}

/// `MSKernels.f16_to_f32`.
func widen(_ x: UnsafePointer<UInt16>, _ y: MutableFloats, _ n: Int) {
  var i = 0
  while i &+ width <= n {
    store(toFloat(loadHalves(x + i)), y + i)
    i &+= width
  }
  if i < n {
    var h = HalfBits.zero
    for lane in 0..<(n &- i) { h[lane] = x[i &+ lane] }
    partialStore(toFloat(h), y + i, n &- i)
  }
}

/// `MSKernels.f32_to_f16`.
func narrow(_ x: Floats, _ y: UnsafeMutablePointer<UInt16>, _ n: Int) {
  var i = 0
  while i &+ width <= n {
    UnsafeMutableRawPointer(y + i).storeBytes(of: toHalf(load(x + i)), as: HalfBits.self)
    i &+= width
  }
  if i < n {
    let h = toHalf(partialLoad(x + i, n &- i))
    for lane in 0..<(n &- i) { y[i &+ lane] = h[lane] }
  }
}
