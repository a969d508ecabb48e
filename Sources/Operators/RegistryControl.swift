import Graph

extension Registry {
  /// Operators that choose and call subgraphs, keep lists of tensors, or check values.
  static func controlFactory(for kind: OperatorKind) -> OperatorFactory? {
    switch kind {
    case .assert: return { n throws(EngineError) in try AssertOperator(n) }
    case .call: return { n throws(EngineError) in try CallOperator(n) }
    case .partialFusion: return { n throws(EngineError) in try PartialOperator(n) }
    case .switch, .switchLayer: return { n throws(EngineError) in try SwitchOperator(n) }
    case .tensorArray: return { n throws(EngineError) in try TensorArrayOperator(n) }
    case .tensorArrayRead: return { n throws(EngineError) in try TensorArrayReadOperator(n) }
    case .tensorArrayWrite: return { n throws(EngineError) in try TensorArrayWriteOperator(n) }
    case .tensorListFromTensor: return { n throws(EngineError) in try TensorListFromTensorOperator(n) }
    case .tensorListGetItem: return { n throws(EngineError) in try TensorListGetItemOperator(n) }
    case .tensorListReserve: return { n throws(EngineError) in try TensorListReserveOperator(n) }
    case .tensorListSetItem: return { n throws(EngineError) in try TensorListSetItemOperator(n) }
    case .tensorListStack: return { n throws(EngineError) in try TensorListStackOperator(n) }
    default: return nil
    }
  }
}
