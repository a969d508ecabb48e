import FlatBuffers
import Graph
import ModelFile
import Testing

@Suite struct Refusals {
  private func text(_ root: TableBuilder) -> String { withoutOffsets(refusal(file(root))) }
  private func text(adding tensors: [TableBuilder], nodes: [TableBuilder] = []) -> String {
    text(model(adding: tensors, nodes: nodes))
  }

  private static let otherFile =
    "not a model file: expected the identifier MSL2 at byte 4, or the tables of a file of release 1.0"

  @Test func notAModel() {
    #expect(refusal([]) == "not a model file: byte 0: expected at least the 8 bytes of root offset and identifier")
    #expect(refusal([1]) == "not a model file: byte 0: expected at least the 8 bytes of root offset and identifier")
    #expect(refusal([UInt8](repeating: 65, count: 100)) == Self.otherFile)
    #expect(
      withoutOffsets(refusal([255, 255, 0, 0] + Array("MSL2".utf8)))
        == "not a readable model: byte N: expected an offset that leads forward and inside the buffer")
  }

  @Test func protection() {
    for (magic, name) in [(0xD8, "AES-GCM"), (0xD9, "AES-CBC"), (0xDA, "SM4-CBC")] as [(UInt8, String)] {
      #expect(
        refusal([magic, 0x5E, 0x3A, 0x7F] + [UInt8](repeating: 1, count: 60))
          == "the model file is encrypted (\(name)); give its key with MSLite_ModelSetDecryptionKey before the build")
    }
    let obfuscated = "the model is obfuscated, which this engine cannot undo; use the model as it was before that step"
    let encrypted = "the model is encrypted, which this engine cannot undo; use the model as it was before that step"
    #expect(text(model().set(10, .bytes([1, 2, 3], alignment: 4))) == obfuscated)
    #expect(text(model().set(11, .bytes([1, 2, 3], alignment: 4))) == obfuscated)
    #expect(text(model().set(10, .bool(true))) == encrypted)
    #expect(text(model().set(12, .bytes([1], alignment: 4))) == encrypted)
    #expect(text(model().set(9, .bool(true)).set(10, .bool(true))) == encrypted)
    #expect(text(model().set(9, .bool(true)).set(10, .bool(false))) == "accepted")
    #expect(
      text(adding: [], nodes: [node("hidden", kind: 194, inputs: [0], outputs: [])])
        == "node 1 GenOP \"hidden\" at byte N: GenOP stands for an operator that obfuscation has hidden; use the model as it was before that step"
    )
  }

  @Test func rootTable() {
    #expect(text(model().set(3, nil)) == "the model has no inputs")
    #expect(text(model().set(3, .uint32s([]))) == "the model has no inputs")
    #expect(text(model().set(4, nil)) == "the model has no outputs")
    #expect(text(model().set(6, nil)) == "byte N: expected a model with a list of nodes")
    #expect(text(model().set(7, nil)) == "byte N: expected a model with a list of tensors")
    #expect(text(model().set(8, .tables([]))) == "the model has an empty list of subgraphs")
    #expect(text(model().set(3, .uint32s([9]))) == "the model's inputs: there is no tensor 9; the model has 2")
    #expect(text(model().set(4, .uint32s([.max]))) == "the model's outputs: there is no tensor 4294967295; the model has 2")
    #expect(text(model().set(4, .uint32s([0]))) == "the model's inputs are its outputs")
    #expect(
      text(model(adding: [tensor("z")]).set(3, .uint32s([2])))
        == "the model's input, tensor 2 \"z\" at byte N, is an input of no subgraph")
    #expect(
      text(model(adding: [tensor("z")]).set(4, .uint32s([2])))
        == "the model's output, tensor 2 \"z\" at byte N, is an output of no subgraph")
  }

  @Test func subgraphs() {
    func with(_ s: TableBuilder) -> String { text(model(adding: [tensor("z")]).set(8, .tables([s]))) }
    func main(_ inputs: [UInt32] = [0], _ outputs: [UInt32] = [1], _ nodes: [UInt32] = [0], _ tensors: [UInt32] = [0, 1])
      -> TableBuilder
    { subgraph(inputs: inputs, outputs: outputs, nodes: nodes, tensors: tensors) }
    #expect(with(main()) == "accepted")
    #expect(with(main().set(0, nil)) == "subgraph 0: byte N: expected a subgraph with a name")
    #expect(with(main().set(1, nil)) == "subgraph 0: byte N: expected a subgraph with a list of inputs")
    #expect(with(main().set(2, nil)) == "subgraph 0: byte N: expected a subgraph with a list of outputs")
    #expect(with(main().set(4, nil)) == "subgraph 0: byte N: expected a subgraph with a list of tensors")
    #expect(with(main([])) == "the main graph has no inputs")
    #expect(with(main([0], [])) == "the main graph has no outputs")
    #expect(with(main([0], [1, 1])) == "the model has one output and its main graph 2")
    #expect(with(main([0, 7])) == "subgraph 0, inputs: there is no tensor 7; the model has 3")
    #expect(with(main([0], [1], [5])) == "subgraph 0 \"main\": there is no node 5; the model has 1")
    #expect(with(main([0], [1], [0, 0])) == "subgraph 0 \"main\": node Abs \"abs\" is listed twice")
    #expect(with(main([0], [1], [0], [0, 1, 3])) == "subgraph 0 \"main\": there is no tensor 3; the model has 3")
    #expect(with(main([0], [1], [])) == "subgraph 0 \"main\": nothing produces output \"y\" float32 [2]")
    #expect(
      text(model().set(3, .uint32s([0, 0])).set(8, .tables([main([0, 0])])))
        == "subgraph 0 \"main\": tensor \"x\" float32 [2] is listed as an input twice")
  }

  @Test func nodes() {
    func with(_ n: TableBuilder, _ tensors: [TableBuilder] = [tensor("z")]) -> String { text(adding: tensors, nodes: [n]) }
    let place = "subgraph 0 \"main\", node Abs \"n\""
    #expect(with(node("n", kind: 1, inputs: [0], outputs: [2])) == "accepted")
    #expect(with(node("n", kind: 1, inputs: [0], outputs: [2]).set(2, nil)) == "node 1: byte N: expected a node with a primitive")
    #expect(
      with(node("n", kind: 0, inputs: [0], outputs: [2])) == "node 1: byte N: expected a primitive of a kind other than NONE")
    for q in [-1, 7] as [Int32] {
      #expect(
        with(node("n", kind: 1, inputs: [0], outputs: [2], quantType: q))
          == "node 1 Abs \"n\" at byte N: quantisation type \(q) is none of 0...6")
    }
    #expect(
      with(node("n", kind: 1, inputs: [8], outputs: [2]))
        == "node 1 Abs \"n\" at byte N, inputs: there is no tensor 8; the model has 3")
    #expect(
      with(node("n", kind: 1, inputs: [0], outputs: [8]))
        == "node 1 Abs \"n\" at byte N, outputs: there is no tensor 8; the model has 3")
    #expect(
      with(node("n", kind: 1, inputs: [0], outputs: [2, 2])) == "\(place): tensor \"z\" float32 [2] is listed as an output twice")
    #expect(
      with(node("n", kind: 1, inputs: [0], outputs: [1]))
        == "\(place): its output \"y\" float32 [2] is also the output of Abs \"abs\"")
    #expect(
      with(node("n", kind: 1, inputs: [1], outputs: [0])) == "\(place): its output \"x\" float32 [2] is an input of the graph")
    #expect(
      with(node("n", kind: 1, inputs: [0], outputs: [2]), [constant("z", dims: [1], type: 32, data: [1])])
        == "\(place): its output \"z\" int8 [1] is a constant")
    #expect(
      with(node("n", kind: 1, inputs: [2], outputs: [3]), [tensor("z"), tensor("w")])
        == "\(place): nothing produces its input \"z\" float32 [2], which is neither constant nor an input of the graph")
    #expect(
      with(node("n", kind: 5, inputs: [0, 2], outputs: [2])) == "subgraph 0 \"main\": node AddFusion \"n\" depends on its own output")
    let circle = text(
      adding: [tensor("z"), tensor("w")],
      nodes: [node("a", kind: 1, inputs: [2], outputs: [3]), node("b", kind: 1, inputs: [3], outputs: [2])])
    #expect(circle == "subgraph 0 \"main\": node Abs \"a\" depends on its own output")
    for (target, expected) in [
      (5, "there is no subgraph 5; the model has 1"), (-1, "there is no subgraph -1; the model has 1"),
      (0, "calls the subgraph it is in"),
    ] as [(Int64, String)] {
      #expect(
        with(node("p", kind: 108, attributes: TableBuilder().set(0, .int64(target)), inputs: [0], outputs: [2]))
          == "subgraph 0 \"main\", node PartialFusion \"p\": \(expected)")
    }
  }

  @Test func tensors() {
    func with(_ t: TableBuilder) -> String { text(adding: [t]) }
    let place = "tensor 2 \"c\" at byte N: "
    for type in [0, -3, 59, 1000] as [Int32] {
      #expect(with(tensor("c", type: type)) == place + "data type \(type) is none of 1...58")
    }
    #expect(with(tensor("c", type: 45)) == "accepted")  // unknown to the engine, but only a node that uses it minds
    for format in [-1, 14, 19] as [Int32] {
      #expect(with(tensor("c", format: format)) == place + "format \(format) is none of 0...13 and 15...18")
    }
    #expect(with(tensor("c", dims: [-2])) == place + "dimension -2; expected a size, or -1 for one that is not known yet")
    #expect(with(tensor("c", data: [1, 2, 3, 4, 5, 6, 7, 8])) == place + "node type 2 is a variable, but it has data")
    #expect(
      with(constant("c", dims: [2, 3], type: 43, data: [1, 2, 3])) == place + "3 bytes of data; float32 [2, 3] needs 24")
    #expect(with(constant("c", dims: nil, type: 43, data: [1, 2, 3])) == place + "3 bytes of data; float32 [] needs 4")
    for d in [0, -1] as [Int32] {
      #expect(
        with(constant("c", dims: [d], type: 43, data: [1])) == place + "a constant with data but with dimensions [\(d)]")
    }
    let product = place + "its dimensions multiply to more than 2147483647 elements"
    #expect(with(constant("c", dims: [65536, 65536], type: 32, data: [1])) == product)
    #expect(with(constant("c", dims: [Int32](repeating: .max, count: 8), type: 32, data: [1])) == product)
    #expect(with(constant("c", dims: [.max], type: 44, data: [1])) == place + "1 bytes of data; float64 [2147483647] needs 17179869176")
    #expect(
      with(constant("c", dims: [Int32](repeating: 1, count: 9), type: 32, data: [1]))
        == place + "9 dimensions; at most 8 are supported")
    #expect(with(tensor("c", dims: [Int32](repeating: 1, count: 9))) == "accepted")
    #expect(with(tensor("c", dims: [Int32](repeating: .max, count: 8))) == "accepted")
    #expect(
      with(constant("c", dims: [1], type: 45, data: [1, 2]))
        == place + "a constant of data type 45; stored numbers and strings are supported")
    #expect(
      with(constant("c", dims: [1, 1, 1, 4], type: 43, data: [UInt8](repeating: 0, count: 16)).set(3, .int32(13)))
        == place + "a constant in a format (13) that pads channels; expected a plain one")
  }

  @Test func inputs() {
    func with(_ input: TableBuilder) -> String {
      text(metaGraph(tensors: [input, tensor("y")], nodes: [node("abs", kind: 1, inputs: [0], outputs: [1])]))
    }
    let place = "tensor 0 \"x\" at byte N: "
    #expect(with(tensor("x", nodeType: 0)) == "accepted")  // as in files of 1.2 and older
    #expect(with(tensor("x", type: 12)) == "accepted")
    #expect(with(tensor("x", dims: [-1, 4])) == "accepted")
    #expect(with(tensor("x", type: 13)) == place + "a graph input of data type 13; numbers and strings are supported")
    #expect(
      with(constant("x", dims: [1], type: 32, data: [1])) == place + "an input of the graph must not have data")
    #expect(
      with(tensor("x", dims: [65536, 65536, -1])) == place + "its dimensions multiply to more than 2147483647 elements")
    #expect(
      with(tensor("x", dims: [Int32](repeating: 1, count: 9))) == place + "9 dimensions; at most 8 are supported")
  }

  @Test func tensorLists() {
    func list(_ words: [Int32], nodeType: Int32 = 0) -> TableBuilder {
      tensor("c", dims: [1], type: 17, nodeType: nodeType, data: littleEndian(words))
    }
    let broken = "tensor 2 \"c\" at byte N: a tensor list whose description ends too early or has a wrong rank"
    #expect(text(adding: [list([43, 0, -1])]) == "accepted")
    #expect(text(adding: [list([43, 2, -1, 3, 2, 1, 3, 0], nodeType: 2)]) == "accepted")
    for words in [[43], [43, 0], [43, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0], [43, -1, 0], [43, 0, 2, 0], [43, 0, 1, 3, 1]] as [[Int32]] {
      #expect(text(adding: [list(words)]) == broken)
    }
    #expect(
      text(adding: [tensor("c", type: 17)]) == "tensor 2 \"c\" at byte N: a tensor list without the data that describes it")
    #expect(
      text(adding: [list([43, 0, -1]), tensor("z")], nodes: [node("n", kind: 1, inputs: [2], outputs: [3])])
        == "subgraph 0 \"main\", node Abs \"n\": input \"c\" tensor list [1] is a tensor list, which this operator does not take")
  }

  /// Many tensors that share one payload: copying it for each would fill the memory with a small file.
  @Test func sharedPayloadsAreNotCopiedForEach() throws {
    let payload = [UInt8](repeating: 1, count: 100_000)
    let count = 200
    let root = model(
      adding: (0..<count).map { i in
        // Placeholders for all but the first; their offsets are changed to lead to its payload.
        constant("c", dims: [i == 0 ? 100_000 : 1], type: 32, data: i == 0 ? payload : [7])
      })
    var bytes = file(root)
    #expect(refusal(bytes) == "accepted")
    let list = try patchTensors(&bytes, from: 2, count: count)
    #expect(list == count)
    do {
      _ = try load(bytes, copyConstants: true)
      Issue.record("accepted")
    } catch { #expect(error.message.hasSuffix("expected data that is not shared many times over")) }
  }

  /// Makes all entries of allTensors from `first` on lead to the table of entry `first`.
  private func patchTensors(_ bytes: inout [UInt8], from first: Int, count: Int) throws -> Int {
    func word(_ at: Int) -> Int { (0..<4).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) } }
    let root = word(0)
    let vtable = root - word(root)
    let field = root + Int(bytes[vtable + 4 + 2 * 7]) + Int(bytes[vtable + 5 + 2 * 7]) << 8
    let vector = field + word(field)
    let target = vector + 4 + 4 * first + word(vector + 4 + 4 * first)
    for i in first..<word(vector) {
      let at = vector + 4 + 4 * i
      for k in 0..<4 { bytes[at + k] = UInt8(truncatingIfNeeded: (target - at) >> (8 * k)) }
    }
    return word(vector) - first
  }
}
