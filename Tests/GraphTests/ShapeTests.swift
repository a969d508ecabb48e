import Graph
import Testing

@Suite struct ShapeTests {
  @Test func countsAreChecked() {
    #expect(Shape([]).checkedCount == 1)
    #expect(Shape([2, 0, 3]).checkedCount == 0)
    #expect(Shape([2, -1]).checkedCount == nil)
    #expect(Shape([1 << 31, 1 << 31]).checkedCount == nil)
    #expect(Shape([Int.max, 2]).checkedCount == nil)
  }

  @Test func stridesAndAxes() {
    #expect(Shape([2, 3, 4]).strides == [12, 4, 1])
    #expect(Shape([2, 3]).axis(-1) == 1)
    #expect(Shape([2, 3]).axis(2) == nil)
    #expect(Shape([2, 3]).axis(-3) == nil)
    #expect(Shape([2, 3]).text == "[2, 3]")
  }

  @Test func knownIntegersOfEveryType() {
    let t = Tensor(name: "t", type: .int64, shape: Shape([2]))
    #expect(t.knownIntegers() == nil)
    var values: [Int64] = [-5, 1 << 40]
    values.withUnsafeMutableBytes { bytes in
      t.setConstant(bytes.baseAddress!, owner: nil)
      #expect(t.knownIntegers() == [-5, 1 << 40])
    }
    t.releaseConstant()
    #expect(t.knownIntegers() == nil)
  }

  @Test func attributesSaturate() {
    var a = Attributes()
    a[0] = .int(Int64.max)
    a[1] = .ints([Int64.min, 3])
    #expect(a.int(0) == Int(Int32.max))
    #expect(a.ints(1) == [Int(Int32.min), 3])
    #expect(a.int(7, 9) == 9)
    a[0] = nil
    #expect(a.int(0, 4) == 4)
  }
}
