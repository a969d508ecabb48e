import ConverterCore
import ConverterPasses
import Graph
import Testing

@Suite struct PassFusionTests {
  @Test func geluOfErf() throws {
    for form in 0..<3 {
      let kinds = try PassBench(framework: .tfLite).kinds { g in
        let x = g.input("x", .float32, [2, 5, 8])
        let u = form == 1 ? try g.add1(.mulFusion, [:], [x, g.scalar(0.70710678)]) : try g.add1(.divFusion, [:], [x, g.scalar(1.4142135)])
        let gate = try g.add1(.addFusion, [:], [g.add1(.erf, [:], [u]), g.scalar(1)])
        switch form {
        case 0: return [try g.add1(.mulFusion, [:], [g.add1(.mulFusion, [:], [x, gate]), g.scalar(0.5)])]
        case 1: return [try g.add1(.mulFusion, [:], [g.add1(.mulFusion, [:], [g.scalar(0.5), x]), gate])]
        default: return [try g.add1(.mulFusion, [:], [x, g.add1(.mulFusion, [:], [gate, g.scalar(0.5)])])]
        }
      }
      #expect(kinds == ["Activation"])
    }
  }

  @Test func geluOfTanh() throws {
    for usesPower in [true, false] {
      let kinds = try PassBench(framework: .tfLite).kinds { g in
        let x = g.input("x", .float32, [2, 5, 8])
        let cube =
          usesPower
          ? try g.add1(.powFusion, ["scale": 1.0, "shift": 0.0], [x, g.scalar(3)])
          : try g.add1(.mulFusion, [:], [g.add1(.mulFusion, [:], [x, x]), x])
        let inner = try g.add1(.addFusion, [:], [x, g.add1(.mulFusion, [:], [cube, g.scalar(0.044715)])])
        let t = try g.activation(g.add1(.mulFusion, [:], [inner, g.scalar(0.7978846)]), 10)
        return [try g.add1(.mulFusion, [:], [g.add1(.mulFusion, [:], [x, g.scalar(0.5)]), g.add1(.addFusion, [:], [t, g.scalar(1)])])]
      }
      #expect(kinds == ["Activation"])
    }
  }

  @Test func aCurveThatIsNoGeluStays() throws {
    let kinds = try PassBench(framework: .tfLite).kinds { g in
      let x = g.input("x", .float32, [2, 5])
      let gate = try g.add1(.addFusion, [:], [g.add1(.erf, [:], [g.add1(.mulFusion, [:], [x, g.scalar(0.5)])]), g.scalar(1)])
      return [try g.add1(.mulFusion, [:], [g.add1(.mulFusion, [:], [x, gate]), g.scalar(0.5)])]
    }
    #expect(kinds.contains("Erf"))
  }

  @Test func layerNorm() throws {
    for form in 0..<3 {
      let kinds = try PassBench(framework: .tfLite).kinds(tolerance: 1e-4) { g in
        let x = g.input("x", .float32, [2, 5, 8])
        let axes = g.constant(ints: [-1])
        func mean(_ t: Tensor) throws -> Tensor { try g.add1(.reduceFusion, ["keep_dims": true, "mode": 0], [t, axes]) }
        let m = try mean(x)
        if form == 2 {
          let v = try mean(g.add1(.squaredDifference, [:], [x, m]))
          let r = try g.add1(.mulFusion, [:], [g.add1(.rsqrt, [:], [g.add1(.addFusion, [:], [v, g.scalar(0.01)])]), g.weights([8])])
          let shift = try g.add1(.subFusion, [:], [g.weights([8], seed: 9), g.add1(.mulFusion, [:], [m, r])])
          return [try g.add1(.addFusion, [:], [g.add1(.mulFusion, [:], [x, r]), shift])]
        }
        let d = try g.add1(.subFusion, [:], [x, m])
        let square = form == 0 ? try g.add1(.powFusion, ["scale": 1.0, "shift": 0.0], [d, g.scalar(2)]) : try g.add1(.mulFusion, [:], [d, d])
        let root = try g.add1(.sqrt, [:], [g.add1(.addFusion, [:], [mean(square), g.scalar(0.01)])])
        let y = try g.add1(.divFusion, [:], [d, root])
        if form == 1 { return [y] }
        return [try g.add1(.addFusion, [:], [g.add1(.mulFusion, [:], [y, g.weights([8])]), g.weights([8], seed: 9)])]
      }
      #expect(kinds == ["LayerNormFusion"])
    }
  }

  @Test func normOfImagesIsAnInstanceNorm() throws {
    let kinds = try PassBench().kinds(tolerance: 1e-4) { g in
      let x = g.input("x", .float32, [1, 3, 6, 8])
      let a = try g.convolution(x, 3, 4)
      let axes = g.constant(ints: [2, 3])
      func mean(_ t: Tensor) throws -> Tensor { try g.add1(.reduceFusion, ["keep_dims": true, "mode": 0], [t, axes]) }
      let d = try g.add1(.subFusion, [:], [a, mean(a)])
      let root = try g.add1(.sqrt, [:], [g.add1(.addFusion, [:], [mean(g.add1(.square, [:], [d])), g.scalar(0.01)])])
      let y = try g.add1(.mulFusion, [:], [g.add1(.divFusion, [:], [d, root]), g.weights([4, 1, 1])])
      return [try g.convolution(g.add1(.addFusion, [:], [y, g.weights([4, 1, 1], seed: 3)]), 4, 2)]
    }
    #expect(kinds == ["Conv2DFusion", "InstanceNorm", "Conv2DFusion", "Transpose"])
  }

  @Test func leakyAndPerChannelSlopes() throws {
    for perChannel in [false, true] {
      let kinds = try PassBench(framework: .tfLite).kinds { g in
        let x = g.input("x", .float32, [1, 4, 4, 6])
        let slope = perChannel ? g.weights([6]) : g.scalar(-0.2)
        let mirrored = try g.activation(g.add1(.neg, [:], [x]), 1)
        return [try g.add1(.addFusion, [:], [g.activation(x, 1), g.add1(.mulFusion, [:], [slope, mirrored])])]
      }
      #expect(kinds == [perChannel ? "PReLUFusion" : "Activation"])
    }
    let kinds = try PassBench(framework: .tfLite).kinds { g in
      let x = g.input("x", .float32, [3, 7])
      return [try g.add1(.maximum, [:], [x, g.add1(.mulFusion, [:], [x, g.scalar(0.1)])])]
    }
    #expect(kinds == ["Activation"])
  }

  @Test func productsAndWhatSurroundsThem() throws {
    let kinds = try PassBench(framework: .tfLite).kinds { g in
      let x = g.input("x", .float32, [2, 5, 8])
      let y = try g.add1(.matMulFusion, [:], [g.reshape(x, [10, 8]), g.weights([8, 6])])
      let z = try g.add1(.addFusion, ["activation_type": 1], [g.reshape(y, [2, 5, 6]), g.weights([6])])
      return [try g.add1(.matMulFusion, [:], [z, g.transpose(z, [0, 2, 1])])]
    }
    #expect(kinds == ["MatMulFusion", "MatMulFusion"])
  }

  @Test func redundantNodes() throws {
    let kinds = try PassBench(framework: .tfLite).kinds { g in
      let x = g.input("x", .float32, [2, 6])
      let a = try g.reshape(g.reshape(x, [3, 4]), [2, 6])
      let b = try g.add1(.mulFusion, [:], [a, g.scalar(1)])
      let c = try g.add1(.concat, ["axis": 1], [b])
      let d = try g.add1(.concat, ["axis": 1], [g.add1(.concat, ["axis": 1], [c, g.add1(.abs, [:], [x])]), g.add1(.abs, [:], [c])])
      return [try g.add1(.mulFusion, [:], [g.add1(.divFusion, [:], [d, g.scalar(2)]), g.scalar(3)])]
    }
    #expect(kinds == ["Abs", "Concat", "MulFusion"])
  }

  @Test func fusionsCanBeLeftOut() throws {
    var options = PassOptions()
    options.disabledFusions = ["ConvActivationFusion"]
    let kinds = try PassBench(options: options).kinds { g in
      [try g.activation(g.convolution(g.input("x", .float32, [1, 3, 6, 8]), 3, 4), 1)]
    }
    #expect(kinds.contains("Activation"))
  }
}
