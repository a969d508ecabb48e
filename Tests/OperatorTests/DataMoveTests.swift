import Graph
import Testing

@testable import Operators

/// Concat, split, slices, pads, tiles, transposes and blocks against coordinate arithmetic, for every element size.
struct DataMoveTests {
  @Test(arguments: [[2, 3, 4], [1], [5, 0, 2], [7, 129]]) func concatThenSplitGivesBack(dims: [Int]) throws {
    for axis in -dims.count..<dims.count {
      let a = axis < 0 ? axis + dims.count : axis
      var other = dims
      other[a] += 2
      for (x, y) in zip(numbered(dims), numbered(other, from: 1000)) {
        let joined = try OperatorRun(kind: .concat, attributes: attributes((0, .int(Int64(axis)))))([x, y])[0]
        var wanted = dims
        wanted[a] += other[a]
        #expect(joined.dims == wanted)
        for (i, c) in coordinates(wanted).enumerated() {
          var s = c
          if c[a] >= dims[a] { s[a] -= dims[a] }
          let size = x.type.size
          let (from, own) = c[a] < dims[a] ? (x, dims) : (y, other)
          let p = position(s, own) * size
          #expect(joined.bytes[i * size..<i * size + size] == from.bytes[p..<p + size])
        }
        let parts = try OperatorRun(
          kind: .split,
          attributes: attributes((1, .ints([Int64(dims[a]), -1])), (2, .int(Int64(axis)))))([joined], outputs: 2)
        #expect(parts == [x, y])
      }
    }
  }

  @Test func concatRequantises() throws {
    let p = { (s: Double, z: Int32) in [QuantParam(scale: s, zeroPoint: z, bits: 8, varianceCorrection: 1, meanCorrection: 0)] }
    let run = OperatorRun(
      kind: .concat, attributes: attributes((0, .int(0))), quantParams: [0: p(0.5, 3), 1: p(1, -1), -1: p(1, -1)])
    let y = try run([Value(.int8, [3], [Int8(-128), 4, 127]), Value(.int8, [2], [Int8(-128), 127])])[0]
    // round((q - 3) / 2) - 1, halves away from zero
    #expect(y.elements(Int8.self) == [-67, 0, 61, -128, 127])
  }

  @Test func splitsEqually() throws {
    let x = numbered([4, 6])[0]
    let y = try OperatorRun(kind: .split, attributes: attributes((0, .int(3)), (2, .int(1))))([x], outputs: 3)
    for k in 0..<3 { #expect(y[k] == gathered(x, [4, 2]) { [$0[0], $0[1] + 2 * k] }) }
    #expect(OperatorRun(kind: .split, attributes: attributes((2, .int(1)))).refusal([x], outputs: 4).contains("4 equal parts"))
  }

  @Test func stacksAndUnstacks() throws {
    for axis in [0, 1, 2, -1, -3] {
      let (x, y) = (numbered([3, 5])[3], numbered([3, 5], from: 90)[3])
      let z = try OperatorRun(kind: .stack, attributes: attributes((0, .int(Int64(axis)))))([x, y])[0]
      var dims = [3, 5]
      dims.insert(2, at: axis < 0 ? axis + 3 : axis)
      #expect(z.dims == dims)
      #expect(try OperatorRun(kind: .unstack, attributes: attributes((0, .int(Int64(axis)))))([z], outputs: 2) == [x, y])
    }
  }

  @Test func slices() throws {
    for x in numbered([5, 4, 3]) {
      let y = try OperatorRun(kind: .sliceFusion)([x, .ints([1, 0, 2]), .ints([3, -1, 1])])[0]
      #expect(y == gathered(x, [3, 4, 1]) { [$0[0] + 1, $0[1], $0[2] + 2] })
      let z = try OperatorRun(kind: .sliceFusion, attributes: attributes((0, .ints([-1]))))([x, .ints([1]), .ints([2])])[0]
      #expect(z == gathered(x, [5, 4, 2]) { [$0[0], $0[1], $0[2] + 1] })
      let c = try OperatorRun(kind: .crop, attributes: attributes((0, .int(1)), (1, .ints([1]))))([x, numbered([5, 2, 2])[0]])[
        0]
      #expect(c == gathered(x, [5, 2, 2]) { [$0[0], $0[1] + 1, $0[2] + 1] })
    }
    #expect(OperatorRun(kind: .sliceFusion).refusal([numbered([2])[0], .ints([1]), .ints([2])]).contains("lie outside axis 0"))
    #expect(OperatorRun(kind: .sliceFusion, known: [1]).refusal([numbered([2])[0], .ints([1]), .ints([2])]) == "deferred")
  }

  /// begin, end, strides of one axis with the original's rules, as the list of entries taken.
  private func entries(_ begin: Int, _ end: Int, _ stride: Int) -> [Int] {
    Array(Swift.stride(from: begin, to: end, by: stride))
  }

  @Test func stridedSlices() throws {
    for x in numbered([6, 7]) {
      let y = try OperatorRun(kind: .stridedSlice)([x, .ints([4, 1]), .ints([0, 7]), .ints([-2, 3])])[0]
      let (rows, columns) = (entries(4, 0, -2), entries(1, 7, 3))
      #expect(y == gathered(x, [rows.count, columns.count]) { [rows[$0[0]], columns[$0[1]]] })
      // Axis 1 only, clamped, down to the first entry.
      let z = try OperatorRun(kind: .stridedSlice)([x, .ints([-1]), .ints([Int32.min]), .ints([1]), .ints([-1])])[0]
      #expect(z == gathered(x, [6, 7]) { [$0[0], 6 - $0[1]] })
    }
  }

  @Test func stridedSliceMasks() throws {
    let x = numbered([3, 4, 5])[0]
    let shrink = OperatorRun(kind: .stridedSlice, attributes: attributes((0, .int(2)), (1, .int(2)), (4, .int(1))))
    #expect(
      try shrink([x, .ints([-1, 9, 1]), .ints([0, 9, 4]), .ints([1, 2, 1])])[0]
        == gathered(x, [2, 3]) { [2, $0[0] * 2, $0[1] + 1] })
    let new = OperatorRun(kind: .stridedSlice, attributes: attributes((3, .int(2))))
    #expect(
      try new([x, .ints([1, 0, 1]), .ints([3, 0, 2]), .ints([1, 1, 1])])[0]
        == gathered(x, [2, 1, 1, 5]) { [$0[0] + 1, $0[2] + 1, $0[3]] })
    let ellipsis = OperatorRun(kind: .stridedSlice, attributes: attributes((2, .int(1))))
    #expect(
      try ellipsis([x, .ints([1, 1]), .ints([2, 2]), .ints([1, 1])])[0] == gathered(x, [3, 1, 5]) { [$0[0], 1, $0[2]] })
    // A begin mask means entry 0 also for negative strides: nothing before the end, as in the original.
    let masked = OperatorRun(kind: .stridedSlice, attributes: attributes((0, .int(1))))
    #expect(try masked([x, .ints([2]), .ints([2]), .ints([-1])])[0].dims == [0, 4, 5])
    #expect(masked.refusal([x, .ints([0]), .ints([9]), .ints([1])]).contains("lie outside the 3 entries of axis 0"))
    #expect(masked.refusal([x, .ints([0]), .ints([1]), .ints([0])]).contains("stride 0 is 0"))
  }

  /// The original's short cut: exactly one dimension changes, so the reversed axis comes out forward.
  @Test func stridedSliceShortCut() throws {
    let x = numbered([3, 2, 3])[0]
    let y = try OperatorRun(kind: .stridedSlice)([x, .ints([1, -1, 0]), .ints([2, -3, 3]), .ints([1, -1, 1])])[0]
    #expect(y == gathered(x, [1, 2, 3]) { [$0[0] + 1, $0[1], $0[2]] })
  }

  @Test(arguments: [
    ([2, 3], [1, 0]), ([17, 33], [1, 0]), ([3, 17, 33], [0, 2, 1]), ([2, 3, 4, 5], [0, 3, 1, 2]),
    ([2, 3, 4, 5], [3, 2, 1, 0]),
    ([2, 3, 4, 5], [0, 2, 1, 3]), ([9, 8, 7, 6], [2, 0, 3, 1]), ([1, 5, 1, 6], [2, 1, 0, 3]),
    ([2, 1, 2, 3, 2, 1, 2, 3], [7, 5, 3, 1, 0, 2, 4, 6]),
    ([0, 3], [1, 0]), ([300, 211], [1, 0]), ([4, 100, 90], [2, 0, 1]),
  ]) func transposes(dims: [Int], permutation: [Int]) throws {
    for x in numbered(dims) {
      let y = try OperatorRun(kind: .transpose)([x, .ints(permutation.map { Int32($0) })])[0]
      #expect(
        y
          == gathered(x, permutation.map { dims[$0] }) { c in
            var s = c
            for (i, p) in permutation.enumerated() { s[p] = c[i] }
            return s
          })
    }
  }

  @Test func transposeOddities() throws {
    let x = numbered([2, 3, 4])[0]
    #expect(try OperatorRun(kind: .transpose)([x, .ints([])])[0].dims == [4, 3, 2])
    #expect(
      try OperatorRun(kind: .transpose)([x, .ints([0, 3, 1, 2])])[0] == gathered(x, [2, 4, 3]) { [$0[0], $0[2], $0[1]] })
    #expect(try OperatorRun(kind: .transpose)([x, .ints([1, 0])])[0] == x)
    #expect(OperatorRun(kind: .transpose).refusal([x, .ints([0, 0, 1])]) == "[0, 0, 1] is not a permutation")
    let y = try OperatorRun(kind: .formatTranspose, attributes: attributes((0, .int(0)), (1, .int(1))))([
      numbered([2, 3, 4, 5])[1]
    ])[0]
    #expect(y == gathered(numbered([2, 3, 4, 5])[1], [2, 4, 5, 3]) { [$0[0], $0[3], $0[1], $0[2]] })
    // Only axes of 1 move: the bytes stay, in the same place if the planner likes.
    #expect(
      try OperatorRun(kind: .transpose, inPlace: true)([numbered([1, 4, 3])[0], .ints([1, 0, 2])])[0].bytes
        == numbered([4, 1, 3])[0].bytes)
  }

  @Test func tilesAndBroadcasts() throws {
    for x in numbered([2, 1, 3]) {
      let y = try OperatorRun(kind: .tileFusion)([x, .ints([3, 2, 2])])[0]
      #expect(y == gathered(x, [6, 2, 6]) { [$0[0] % 2, 0, $0[2] % 3] })
      let z = try OperatorRun(kind: .tileFusion, attributes: attributes((0, .ints([1]))))([x, .ints([4])])[0]
      #expect(z == gathered(x, [2, 4, 3]) { [$0[0], 0, $0[2]] })
      let b = try OperatorRun(kind: .broadcastTo)([x, .ints([4, 2, 5, 3])])[0]
      #expect(b == gathered(x, [4, 2, 5, 3]) { [$0[1], 0, $0[3]] })
      let keep = try OperatorRun(kind: .broadcastTo, attributes: attributes((0, .ints([2, 5, 1]))))([x])[0]
      #expect(keep.dims == [2, 5, 3])
    }
    #expect(try OperatorRun(kind: .tileFusion)([numbered([2])[0], .ints([0])])[0].dims == [0])
    #expect(OperatorRun(kind: .broadcastTo).refusal([numbered([2])[0], .ints([3])]).contains("cannot broadcast"))
  }

  @Test func pads() throws {
    for x in numbered([3, 4]) {
      let y = try OperatorRun(kind: .padFusion)([x, .ints([2, 2], [1, 2, 0, 3])])[0]
      #expect(y == gathered(x, [6, 7]) { (1..<4).contains($0[0]) && $0[1] < 4 ? [$0[0] - 1, $0[1]] : nil })
      for (mode, skip) in [(1, 1), (2, 0)] {
        let m = try OperatorRun(kind: .padFusion, attributes: attributes((1, .int(Int64(mode)))))([
          x, .ints([2, 2], [2, 1, 3, 2]),
        ])[0]
        func mirror(_ k: Int, _ before: Int, _ n: Int) -> Int {
          let p = k - before
          let q = p < 0 ? -p - 1 + skip : p >= n ? 2 * n - 1 - skip - p : p
          return max(0, min(q, n - 1))
        }
        #expect(m == gathered(x, [6, 9]) { [mirror($0[0], 2, 3), mirror($0[1], 3, 4)] })
      }
    }
    // Known rows of the released original: symmetric and reflect by 2.
    let row = Value.floats([4], [1, 2, 3, 4])
    #expect(
      try OperatorRun(kind: .padFusion, attributes: attributes((1, .int(2))))([row, .ints([2, 2])])[0].floats == [
        2, 1, 1, 2, 3, 4, 4, 3,
      ])
    #expect(
      try OperatorRun(kind: .padFusion, attributes: attributes((1, .int(1))))([row, .ints([2, 2])])[0].floats == [
        3, 2, 1, 2, 3, 4, 3, 2,
      ])
    let value = try OperatorRun(kind: .padFusion)([row, .ints([1, 0]), .floats([1], [7])])[0]
    #expect(value.floats == [7, 1, 2, 3, 4])
    let q = [QuantParam(scale: 0.5, zeroPoint: 3, bits: 8, varianceCorrection: 1, meanCorrection: 0)]
    let int8 = OperatorRun(kind: .padFusion, attributes: attributes((2, .float(-1))), quantParams: [0: q])
    #expect(try int8([Value(.int8, [1], [Int8(9)]), .ints([1, 1])])[0].elements(Int8.self) == [1, 9, 1])
    #expect(OperatorRun(kind: .padFusion).refusal([row, .ints([1])]).contains("has 1 paddings"))
    #expect(OperatorRun(kind: .padFusion).refusal([row, .ints([1, -1])]).contains("must not be negative"))
  }

  @Test func reverses() throws {
    for x in numbered([3, 4, 2]) {
      let y = try OperatorRun(kind: .reverseV2, attributes: attributes((0, .ints([0, -1]))))([x])[0]
      #expect(y == gathered(x, [3, 4, 2]) { [2 - $0[0], $0[1], 1 - $0[2]] })
      #expect(try OperatorRun(kind: .reverseV2)([x, .ints([0, -1])])[0] == y)
      let lengths = [2, 0, 4]
      let z = try OperatorRun(kind: .reverseSequence, attributes: attributes((0, .int(1)), (1, .int(0))))([
        x, .longs([3], lengths.map { Int64($0) }),
      ])[0]
      #expect(z == gathered(x, [3, 4, 2]) { [$0[0], $0[1] < lengths[$0[0]] ? lengths[$0[0]] - 1 - $0[1] : $0[1], $0[2]] })
      let w = try OperatorRun(kind: .reverseSequence, attributes: attributes((0, .int(0)), (1, .int(1))))([
        x, .ints([3, 0, 1, 2]),
      ])[0]
      let l = [3, 0, 1, 2]
      #expect(w == gathered(x, [3, 4, 2]) { [$0[0] < l[$0[1]] ? l[$0[1]] - 1 - $0[0] : $0[0], $0[1], $0[2]] })
    }
    let bad = OperatorRun(kind: .reverseSequence, attributes: attributes((0, .int(1)))).refusal([
      numbered([1, 2])[0], .ints([3]),
    ])
    #expect(bad == "length 0 is 3; the axis has 2 entries")
  }

  @Test func blocksOfTheImage() throws {
    for x in numbered([2, 5, 4, 3]) {
      let run = OperatorRun(kind: .spaceToBatch, attributes: attributes((0, .ints([3, 2])), (1, .ints2D([[1, 0], [1, 1]]))))
      let y = try run([x])[0]
      let wanted = gathered(x, [12, 2, 3, 3]) { c in
        let (block, n) = (c[0] / 2, c[0] % 2)
        let (h, w) = (c[1] * 3 + block / 2 - 1, c[2] * 2 + block % 2 - 1)
        return (0..<5).contains(h) && (0..<4).contains(w) ? [n, h, w, c[3]] : nil
      }
      #expect(y == wanted)
      let back = OperatorRun(kind: .batchToSpaceND, known: [1, 2])
      #expect(try back([y, .ints([3, 2]), .ints([2, 2], [1, 0, 1, 1])])[0] == x)
    }
    for x in numbered([2, 4, 6, 3]) {
      let y = try OperatorRun(kind: .spaceToDepth, attributes: attributes((0, .int(2))))([x])[0]
      #expect(
        y
          == gathered(x, [2, 2, 3, 12]) { c in
            let (h, w): (Int, Int) = (c[1] * 2 + c[3] / 6, c[2] * 2 + c[3] / 3 % 2)
            return [c[0], h, w, c[3] % 3]
          })
      #expect(try OperatorRun(kind: .depthToSpace, attributes: attributes((0, .int(2))))([y])[0] == x)
      let crd = OperatorRun(kind: .depthToSpace, attributes: attributes((0, .int(2)), (2, .string("CRD"))))
      #expect(
        try crd([y])[0]
          == gathered(y, [2, 4, 6, 3]) { c in
            let channel: Int = c[3] * 4 + c[1] % 2 * 2 + c[2] % 2
            return [c[0], c[1] / 2, c[2] / 2, channel]
          })
    }
    #expect(
      OperatorRun(kind: .batchToSpace, attributes: attributes((0, .ints([2, 2])), (1, .ints2D([[0, 0], [0, 0]])))).refusal(
        numbered([3, 1, 1, 1])
      ).contains("1 or 3"))
  }

  /// Large enough for the threads to share: one block, many blocks, rows of a transposition.
  @Test func largeCopies() throws {
    let x = numbered([3, 400, 301])[0]
    let y = try OperatorRun(kind: .stack)([x, x])[0]
    #expect(y.bytes == x.bytes + x.bytes)
    let cut = try OperatorRun(kind: .sliceFusion)([x, .ints([0, 1, 1]), .ints([3, 399, 300])])[0]
    var wanted: [Float] = []
    for n in 0..<3 {
      for r in 1..<400 {
        for c in 1..<301 { wanted.append(Float((n * 400 + r) * 301 + c)) }
      }
    }
    #expect(cut.floats == wanted)
  }
}
