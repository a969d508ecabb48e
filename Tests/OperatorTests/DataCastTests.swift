import Foundation
import Graph
import Testing

@testable import Operators

/// Conversions between number types.
struct DataCastTests {
  private func cast(_ x: Value, _ type: DataType) throws -> Value {
    try OperatorRun(kind: .cast)([x, .scalar(type.rawValue)])[0]
  }

  @Test func floatsToIntegersSaturate() throws {
    let x = Value.floats([8], [-1.9, 2.9, 300, -5, .nan, .infinity, -.infinity, 3e9])
    #expect(try cast(x, .int32).ints == [-1, 2, 300, -5, 0, .max, .min, .max])
    #expect(try cast(x, .uint8).elements(UInt8.self) == [0, 2, 255, 0, 0, 255, 0, 255])
    #expect(try cast(x, .int64).elements(Int64.self) == [-1, 2, 300, -5, 0, .max, .min, 3_000_000_000])
    #expect(try cast(x, .int16).elements(Int16.self) == [-1, 2, 300, -5, 0, .max, .min, .max])
    #expect(try cast(x, .bool).elements(UInt8.self) == [1, 1, 1, 1, 1, 1, 1, 1])
  }

  @Test func integersToFloats() throws {
    #expect(try cast(.ints([-7, .max]), .float32).floats == [-7, Float(Int32.max)])
    #expect(try cast(.longs([2], [1 << 40, -3]), .float32).floats == [Float(1 << 40), -3])
    #expect(try cast(.bools([2], [true, false]), .float32).floats == [1, 0])
    #expect(try cast(.bools([2], [true, false]), .int32).ints == [1, 0])
    #expect(try cast(Value(.uint8, [1], [UInt8(200)]), .float32).floats == [200])
    #expect(try cast(.longs([1], [1 << 32 + 5]), .int32).ints == [5])
    #expect(try cast(.ints([0, -1]), .bool).elements(UInt8.self) == [0, 1])
  }

  @Test func halves() throws {
    // Every binary16 value goes to float and back unchanged (NaN stays NaN).
    for h in UInt16.min...UInt16.max {
      let f = floatFromHalf(h)
      if f.isNaN { #expect(h & 0x7fff > 0x7c00 && halfBits(f) & 0x7fff > 0x7c00) } else { #expect(halfBits(f) == h) }
    }
    // 1 + 2^-11 lies between two values and rounds to the even one; so does 65520, to infinity.
    for (f, h) in [
      (1 + 0x1p-11, 0x3c00), (1 + 0x1.8p-10, 0x3c02), (65520, 0x7c00), (65519, 0x7bff), (0x1p-25, 0), (0x1.8p-24, 2),
      (-0.0, 0x8000),
    ] as [(Float, UInt16)] {
      #expect(halfBits(f) == h)
    }
    #expect(try cast(Value(.float16, [2], [UInt16(0x3c00), 0xc000]), .float32).floats == [1, -2])
    #expect(try cast(.floats([2], [1, -2]), .float16).elements(UInt16.self) == [0x3c00, 0xc000])
    #expect(try cast(Value(.float16, [1], [UInt16(0x4248)]), .int32).ints == [3])
  }

  @Test func sameTypeIsAView() throws {
    #expect(try OperatorRun(kind: .cast, inPlace: true)([.floats([2], [1, 2]), .scalar(43)])[0].floats == [1, 2])
    #expect(OperatorRun(kind: .cast).refusal([.floats([1], [1]), .scalar(12)]).contains("which is no number type"))
    #expect(OperatorRun(kind: .cast).refusal([.floats([1], [1]), .scalar(99)]).contains("cannot convert to type 99"))
  }

  private func params(_ list: (Double, Int32)...) -> [QuantParam] {
    list.map { QuantParam(scale: $0.0, zeroPoint: $0.1, bits: 8, varianceCorrection: 1, meanCorrection: 0) }
  }

  @Test func quantises() throws {
    func run(_ type: DataType, _ q: [Int: [QuantParam]], axis: Int64 = 0) -> OperatorRun {
      OperatorRun(
        kind: .quantDTypeCast, attributes: attributes((1, .int(Int64(type.rawValue))), (2, .int(axis))), quantParams: q)
    }
    let x = Value.floats([7], [0, 0.25, -0.25, 100, -100, .infinity, .nan])
    #expect(try run(.int8, [-1: params((0.5, -1))])([x])[0].elements(Int8.self) == [-1, 0, -2, 127, -128, 127, -128])
    #expect(
      try run(.uint8, [-1: params((0.5, 10))])([.floats([4], [0, 0.25, -9, -.infinity])])[0].elements(UInt8.self) == [
        10, 11, 0, 0,
      ])
    #expect(try run(.float32, [0: params((0.5, -1))])([Value(.int8, [2], [Int8(3), -128])])[0].floats == [2, -63.5])
    #expect(try run(.float32, [0: params((2, 128))])([Value(.uint8, [2], [UInt8(128), 0])])[0].floats == [0, -256])
    #expect(
      try run(.uint8, [0: params((1, 0))])([Value(.int8, [3], [Int8(-128), 0, 127])])[0].elements(UInt8.self) == [0, 128, 255])
    #expect(
      try run(.int8, [0: params((1, 0))])([Value(.uint8, [3], [UInt8(0), 128, 255])])[0].elements(Int8.self) == [-128, 0, 127])
    #expect(
      try run(.int8, [0: params((1, 0)), -1: params((2, 1))])([Value(.int8, [3], [Int8(3), -3, 127])])[0].elements(Int8.self)
        == [3, -1, 65])
    let channels = run(.float32, [0: params((1, 0), (10, 1))], axis: 1)
    #expect(try channels([Value(.int8, [2, 2, 2], (0..<8).map { Int8($0) })])[0].floats == [0, 1, 10, 20, 4, 5, 50, 60])
    #expect(run(.int8, [:]).refusal([x]).contains("has quantization parameters"))
    #expect(run(.int32, [:]).refusal([x]).contains("are accepted"))
  }
}
