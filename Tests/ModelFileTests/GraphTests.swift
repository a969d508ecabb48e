import FlatBuffers
import Graph
import ModelFile
import Testing

@Suite struct Graphs {
  @Test func smallestModel() throws {
    let m = try load(file(model()))
    #expect(m.version == "MindSpore Lite 2.2.0")
    #expect(m.graphs.count == 1)
    let g = m.mainGraph
    #expect(g.name == "main")
    #expect(g.inputs.map(\.name) == ["x"])
    #expect(g.outputs.map(\.name) == ["y"])
    #expect(g.nodes.map(\.text) == ["Abs \"abs\""])
    #expect(g.nodes[0].inputs[0] === g.inputs[0])
    #expect(g.nodes[0].outputs[0] === g.outputs[0])
    #expect(g.tensors.map(\.index) == [0, 1])
    #expect(g.inputs[0].type == .float32 && g.inputs[0].format == .nhwc && g.inputs[0].shape.dims == [2])
    #expect(m.embeddedModel == nil)
  }

  @Test func withoutSubgraphsTheFileIsOne() throws {
    let m = try load(file(model().set(8, nil)))
    #expect(m.mainGraph.nodes.count == 1)
    #expect(m.mainGraph.tensors.count == 2)
  }

  @Test func absentVersionAndDefaults() throws {
    // Data type and format have the default 0; unknown dimensions and absent ones are shapes too.
    let m = try load(file(model(adding: [TableBuilder().set(1, .int32(34)), tensor("d", dims: [-1, 3])], version: nil)))
    #expect(m.version == "")
    #expect(m.mainGraph.tensors[2].format == .nchw)
    #expect(m.mainGraph.tensors[2].shape.rank == 0)
    #expect(m.mainGraph.tensors[3].shape.dims == [-1, 3])
  }

  @Test func unnamedOutputsAreCalledByTheirIndex() throws {
    let m = try load(
      file(
        metaGraph(
          tensors: [tensor("x"), tensor("unused"), tensor(nil)], nodes: [node("", kind: 1, inputs: [0], outputs: [2])],
          outputs: [2])))
    #expect(m.mainGraph.outputs.map(\.name) == ["2"])
  }

  @Test func nodesOutOfOrderAreSorted() throws {
    // Listed c, b, a, d; a feeds b and d, b feeds c.
    let nodes = [
      node("c", kind: 1, inputs: [3], outputs: [1]), node("b", kind: 1, inputs: [2], outputs: [3]),
      node("a", kind: 1, inputs: [0], outputs: [2]), node("d", kind: 5, inputs: [2, 2], outputs: [4]),
    ]
    let tensors = [tensor("x"), tensor("y"), tensor("t"), tensor("u"), tensor("v")]
    let m = try load(file(metaGraph(tensors: tensors, nodes: nodes)))
    #expect(m.mainGraph.nodes.map(\.name) == ["a", "b", "c", "d"])
  }

  @Test func aLongChainInReverseOrder() throws {
    let count = 20_000
    var tensors: [TableBuilder] = []
    var nodes: [TableBuilder] = []
    for i in 0...count { tensors.append(tensor("t\(i)")) }
    for i in stride(from: count - 1, through: 0, by: -1) {
      nodes.append(node("n\(i)", kind: 1, inputs: [UInt32(i)], outputs: [UInt32(i + 1)]))
    }
    let m = try load(file(metaGraph(tensors: tensors, nodes: nodes, outputs: [UInt32(count)])))
    #expect(m.mainGraph.nodes.first?.name == "n0")
    #expect(m.mainGraph.nodes.last?.name == "n\(count - 1)")
  }

  @Test func subgraphsHaveTensorsOfTheirOwn() throws {
    let scale = constant("scale", dims: nil, type: 43, data: littleEndian([Float(2).bitPattern]))
    let tensors = [tensor("x"), tensor("y"), scale, tensor("handle"), tensor("a"), tensor("b")]
    let nodes = [
      node("bind", kind: 108, attributes: TableBuilder().set(0, .int64(1)), inputs: [0, 2], outputs: [3]),
      node("call", kind: 190, inputs: [3], outputs: [1]), node("body", kind: 5, inputs: [4, 2], outputs: [5]),
    ]
    let m = try load(
      file(
        metaGraph(
          tensors: tensors, nodes: nodes, outputs: [5],
          subgraphs: [
            subgraph(inputs: [0], outputs: [1], nodes: [0, 1], tensors: [0, 1, 2, 3]),
            subgraph("body", inputs: [4], outputs: [5], nodes: [2], tensors: [4, 5, 2]),
          ])))
    #expect(m.graphs.count == 2)
    #expect(m.graphs[0].nodes[0].attributes.int(0) == 1)
    let one = m.graphs[0].nodes[0].inputs[1]
    let two = m.graphs[1].nodes[0].inputs[1]
    #expect(one !== two)
    #expect(one.data == two.data)
    #expect(one.index == 2 && two.index == 2)
    // The model lists the output of the subgraph that runs last; the value comes out of the main graph under that name.
    #expect(m.mainGraph.outputs[0] === m.graphs[0].nodes[1].outputs[0])
    #expect(m.mainGraph.outputs[0].name == "b")
  }

  @Test func quantTypesAreBroughtToTheCurrentNumbers() throws {
    var nodes: [TableBuilder] = []
    var tensors = [tensor("x"), tensor("y")]
    for q in 0...6 {
      tensors.append(tensor("t\(q)"))
      nodes.append(node("n", kind: 1, inputs: [0], outputs: [q == 0 ? 1 : UInt32(q + 2)], quantType: Int32(q)))
    }
    let m = try load(file(metaGraph(tensors: tensors, nodes: nodes)))
    #expect(m.mainGraph.nodes.map(\.quantType) == [0, 5, 4, 5, 4, 5, 6])
  }

  @Test func modelsInsideOfflineModels() throws {
    let inner = file(model())
    func wrapper(_ type: String, _ content: [UInt8]) -> [UInt8] {
      let foreign = constant("ThirdPartyModel", dims: [Int32(content.count)], type: 37, data: content)
      let attributes = TableBuilder().set(0, .string(type))
      return file(
        metaGraph(
          tensors: [tensor("x"), tensor("y"), foreign],
          nodes: [node("Custom", kind: 191, attributes: attributes, inputs: [0, 2], outputs: [1])]))
    }
    let m = try load(wrapper("ThirdPartyModel", inner))
    #expect(m.mainGraph.nodes[0].attributes.string(0) == "ThirdPartyModel")
    let embedded = try #require(m.embeddedModel)
    #expect(Array(embedded) == inner)
    let second = try ModelReader.read(embedded, owner: nil, copyConstants: true)
    #expect(second.mainGraph.nodes[0].kind == .abs)
    #expect(try load(wrapper("Other", inner)).embeddedModel == nil)
    #expect(try load(wrapper("ThirdPartyModel", Array("IMOD....IMOD".utf8))).embeddedModel == nil)
  }
}
