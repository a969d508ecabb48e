func covers(
  _ box: Floats?, _ boxClass: Int32, _ others: Floats?, _ classes: UnsafePointer<Int32>?, _ plane: Int, _ threshold: Float, _ count: Int
) -> Int32 {
  let box = box.unsafelyUnwrapped, left = others.unsafelyUnwrapped, classes = classes.unsafelyUnwrapped
  let top = left + plane, right = top + plane, bottom = right + plane, areas = bottom + plane
  let area = box[4]
  var found: Int32 = 0
  for i in 0..<count {
    let width = larger(smaller(box[2], right[i]) - larger(box[0], left[i]), 0)
    let height = larger(smaller(box[3], bottom[i]) - larger(box[1], top[i]), 0)
    let common = width * height
    let isCovered = common > threshold * (area + areas[i] - common) && classes[i] == boxClass
    found |= isCovered ? 1 : 0
  }
  return found
}

@inline(always) private func smaller(_ a: Float, _ b: Float) -> Float { a < b ? a : b }
@inline(always) private func larger(_ a: Float, _ b: Float) -> Float { a > b ? a : b }

func blend(_ mask: Bytes?, _ color: Floats?, _ opacity: Float, _ channels: Int32, _ out: MutableBytes?, _ count: Int) {
  let mask = mask.unsafelyUnwrapped, color = color.unsafelyUnwrapped, out = out.unsafelyUnwrapped, channels = Int(channels)
  for x in 0..<count where mask[x] != 0 {
    let share = opacity * Float(Int32(mask[x])) / 255, p = out + x &* channels
    for c in 0..<channels {
      let old = Float(Int32(p[c]))
      p[c] = byte(old + (color[c] - old) * share)
    }
  }
}

func blend(_ mask: Bytes?, _ color: Floats?, _ opacity: Float, _ channels: Int32, _ out: MutableFloats?, _ count: Int) {
  let mask = mask.unsafelyUnwrapped, color = color.unsafelyUnwrapped, out = out.unsafelyUnwrapped, channels = Int(channels)
  for x in 0..<count where mask[x] != 0 {
    let share = opacity * Float(Int32(mask[x])) / 255, p = out + x &* channels
    for c in 0..<channels { p[c] += (color[c] - p[c]) * share }
  }
}
