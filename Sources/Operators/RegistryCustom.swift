import Graph

/// The built-in types of Custom nodes.
extension Registry {
  /// The operator's factory, for Custom nodes by their type; nil when the CPU has no such operator.
  @export(interface)
  public static func factory(for node: Node) -> OperatorFactory? {
    if let source = node.source {
      let maker = unsafeDowncast(source, to: OperatorSource.self)
      return { n throws(EngineError) in try maker.make(n) }
    }
    if node.kind == .custom && customFactory(for: node.customType) == nil { return nil }
    return factory(for: node.kind)
  }

  private static func customFactory(for type: String) -> OperatorFactory? {
    if same(type, "ShapeFusion") { return { n throws(EngineError) in try ShapeFusionOperator(n) } }
    if same(type, "ReduceConcatFusion") { return { n throws(EngineError) in try SumConcatOperator(n) } }
    if same(type, "SplitReduceConcatFusion") { return { n throws(EngineError) in try SplitSumOperator(n) } }
    if same(type, "CastGatherReduceFusion") { return { n throws(EngineError) in try GatherSumOperator(n) } }
    if same(type, "CustomGRU") { return { n throws(EngineError) in try CustomGRUOperator(n) } }
    if same(type, "MaskedFill") { return { n throws(EngineError) in try MaskedFillOperator(n) } }
    if same(type, "IsInf") { return { n throws(EngineError) in try IsInfOperator(n) } }
    if same(type, "TensorScatterMax") { return { n throws(EngineError) in try ScatterNdOperator(n) } }
    if same(type, "GridSampler") { return { n throws(EngineError) in try GridSamplerOperator(n) } }
    return nil
  }

  /// Why no operator can stand for a node, where there is more to say than its kind; empty otherwise.
  public static func reason(against node: Node) -> StaticString {
    if node.kind == .genOP { return " (a placeholder of obfuscated models, which only their key can turn into operators)" }
    if node.kind == .attention {
      return " (the converter makes it for GPUs, or for a kernel that releases leave out; convert without the attention fusions)"
    }
    if node.kind != .custom { return "" }
    let type = node.customType
    if same(type, "EncoderLayer") || same(type, "DecoderLayer") || same(type, "UsePastEmbedding") {
      return " (a transformer layer that the converter makes for GPUs only; convert without optimizeTransformer)"
    }
    if same(type, "Conv3D") { return " (the file does not hold its strides, pads and dilations)" }
    if same(type, "GraphKernel") { return " (generated machine code, which is not in the file)" }
    return ""
  }

  static func customFactory(for kind: OperatorKind) -> OperatorFactory? {
    if kind != .custom { return nil }
    return { n throws(EngineError) in
      guard let make = customFactory(for: n.customType) else {
        throw EngineError(.notSupported, "Custom type \"\(n.customType)\"\(reason(against: n)) is not supported")
      }
      return try make(n)
    }
  }
}
