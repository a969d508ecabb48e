import CSystem
import Graph

/// One box of elements on its way from an input to an output.
public struct Move {
  public let input: Int, output: Int
  let copy: StridedCopy

  /// The run of bytes that the move is when it is one run in both tensors.
  public var wholeRun: StridedCopy.Run? { copy.wholeRun }
  /// The rows of the output that the move writes, one from each row of the input, when that is what it does.
  public var spreadRows: StridedCopy.Rows? { copy.spreadRows }
}

/// An operator that only moves boxes of elements: `prepare` of a subclass fills ``moves``, ``run(_:)`` carries them out.
public class MoveOperator: Operator {
  /// A planner takes those out whose input or output it has placed where the move would copy it to or from.
  public final var moves: [Move] = []
  /// What elements of output 0 hold that no move writes (the element's bits); nil when the moves write all of them.
  public final internal(set) var background: UInt64? = nil

  override public func run(_ context: ExecutionContext) throws(EngineError) {
    if isView && inputs[0].data == outputs[0].data { return }
    if let background {
      fillElements(context, outputs[0].data, outputs[0].count, elementSize: outputs[0].type.size, bits: background)
    }
    for move in moves {
      move.copy.run(context, from: inputs[move.input].data, to: outputs[move.output].data)
    }
  }
}

/// An operator whose output 0 has the bytes of input 0.
class ViewOperator: Operator {
  override var isView: Bool { true }

  override public func run(_ context: ExecutionContext) throws(EngineError) {
    if let source = inputs[0].data, let target = outputs[0].data, source != target {
      copyBytes(context, source, target, outputs[0].byteCount)
    }
    runOthers(context)
  }

  /// Writes the outputs after the first.
  func runOthers(_ context: ExecutionContext) {}
}
