import ConverterCore
import ConverterPasses
import Graph
import Testing

@Suite struct PassLayoutTests {
  @Test func transposesDisappearBetweenConvolutions() throws {
    let kinds = try PassBench().kinds { g in
      let x = g.input("x", .float32, [1, 3, 6, 8])
      let a = try g.convolution(x, 3, 4)
      let b = try g.add1(.mulFusion, [:], [a, g.weights([1, 4, 1, 1])])
      let c = try g.add1(.concat, ["axis": 1], [b, g.activation(b, 2)])
      let s = try g.add(.split, ["axis": -3, "output_num": 2, "size_splits": [5, 3]], [c], outputs: 2)
      let p = try g.add1(.padFusion, ["padding_mode": 0], [s[0], g.constant(ints: [0, 0, 1, 0, 0, 2, 1, 1], dims: [4, 2])])
      return [try g.convolution(p, 6, 2)]
    }
    #expect(kinds.filter { $0 == "Transpose" }.count == 1)
  }

  @Test func slicesReductionsAndAxesFollow() throws {
    let kinds = try PassBench().kinds { g in
      let x = g.input("x", .float32, [1, 3, 6, 8])
      let a = try g.convolution(x, 3, 4)
      let b = try g.add1(
        .stridedSlice, [:], [a, g.constant(ints: [1, 0]), g.constant(ints: [5, 3]), g.constant(ints: [2, 1]), g.constant(ints: [2, 1])])
      let c = try g.add1(.sliceFusion, ["axes": [3]], [b, g.constant(ints: [2]), g.constant(ints: [5])])
      let d = try g.add1(.softmax, ["axis": [1]], [c])
      let mean = try g.add1(.reduceFusion, ["keep_dims": true, "mode": 0], [d, g.constant(ints: [2, 3])])
      let e = try g.add1(.addFusion, [:], [d, mean])
      let f = try g.add1(.reduceFusion, ["keep_dims": false, "mode": 4], [e, g.constant(ints: [2, 3])])
      return [f]
    }
    #expect(!kinds.contains("Transpose"))
  }

  @Test func flattenBeforeAProductPermutesItsWeights() throws {
    let kinds = try PassBench().kinds { g in
      let x = g.input("x", .float32, [2, 3, 4, 5])
      let a = try g.convolution(x, 3, 4)
      let flat = try g.add1(.flatten, ["axis": 1], [a])
      return [try g.add1(.matMulFusion, [:], [flat, g.weights([80, 7])]), try g.add1(.matMulFusion, ["transpose_b": true], [flat, g.weights([6, 80], seed: 8)])]
    }
    #expect(kinds.sorted() == ["Conv2DFusion", "Flatten", "FullConnection", "FullConnection"])
  }

  @Test func openDimensions() throws {
    var bench = PassBench()
    bench.runShapes = [[2, 10, 6, 3]]
    let kinds = try bench.kinds { g in
      let x = g.input("x", .float32, [-1, 3, -1, -1])
      let a = try g.convolution(x, 3, 4)
      let b = try g.add1(.addFusion, ["activation_type": 0], [a, g.weights([4, 1, 1])])
      let c = try g.convolution(g.activation(b, 10), 4, 4)
      let pooled = try g.add1(.reduceFusion, ["keep_dims": true, "mode": 0], [c, g.constant(ints: [2, 3])])
      return [try g.add1(.squeeze, ["axis": [2, 3]], [pooled])]
    }
    #expect(!kinds.contains("Transpose"))
  }

  @Test func anyPermutationAndRank() throws {
    let kinds = try PassBench().kinds { g in
      let x = g.input("x", .float32, [2, 3, 5])
      let a = try g.transpose(x, [1, 2, 0])
      let b = try g.add1(.addFusion, [:], [a, g.weights([3, 1, 2])])
      let c = try g.add1(.reduceFusion, ["keep_dims": true, "mode": 4], [b, g.constant(ints: [1])])
      return [try g.transpose(g.add1(.mulFusion, [:], [b, c]), [2, 0, 1])]
    }
    #expect(!kinds.contains("Transpose"))
  }

  @Test func aTensorThatIsReadInBothOrdersKeepsOneTranspose() throws {
    let kinds = try PassBench().kinds { g in
      let x = g.input("x", .float32, [1, 3, 6, 8])
      let a = try g.convolution(x, 3, 4)
      let b = try g.activation(a, 2)
      return [b, try g.convolution(b, 4, 3)]
    }
    #expect(kinds.filter { $0 == "Transpose" }.count == 2)
  }

  @Test func layoutOfInputsAndOutputs() throws {
    for (input, output) in [(Format.nchw, Format.nchw), (.nhwc, .nhwc)] {
      var options = PassOptions()
      (options.inputFormat, options.outputFormat) = (input, output)
      let kinds = try PassBench(options: options).kinds { g in
        [try g.convolution(g.input("x", .float32, [1, 3, 6, 8]), 3, 4)]
      }
      #expect(kinds.filter { $0 == "Transpose" }.count == (input == .nhwc ? 0 : 2))
    }
  }

  @Test func shapesOfPermutedTensorsAreThoseOfTheSource() throws {
    var bench = PassBench()
    bench.runShapes = [[2, 6, 8, 3]]
    try bench.kinds { g in
      let x = g.input("x", .float32, [-1, 3, 6, -1])
      let a = try g.convolution(x, 3, 4)
      let b = try g.activation(a, 2)
      let shape = try g.add1(.cast, [:], [g.add1(.shape, [:], [b]), g.constant(ints: [43], dims: [])])
      return [try g.convolution(b, 4, 3), shape]
    }
  }
}
