/// Sorts nodes so that each comes after the producers of its inputs.
public enum TopologicalOrder {
  private enum State {
    case unseen, open, done
  }

  /// `producers[i]` are the positions of the nodes that node i needs. A list that is sorted stays as it is; otherwise missing
  /// producers are moved in front of the first node that needs them. nil: the nodes depend on each other in a circle, and `stuck`
  /// is one of them.
  public static func order(_ producers: [[Int]], stuck: inout Int) -> [Int]? {
    var order = [Int]()
    order.reserveCapacity(producers.count)
    var states = [State](repeating: .unseen, count: producers.count)
    // Depth first with a stack of its own: a chain of nodes in reverse order must not exhaust the thread's.
    var path: [(node: Int, next: Int)] = []
    for first in 0..<producers.count where states[first] == .unseen {
      states[first] = .open
      path.append((first, 0))
      while let (node, next) = path.last {
        if next == producers[node].count {
          states[node] = .done
          order.append(node)
          path.removeLast()
          continue
        }
        path[path.count - 1].next += 1
        let producer = producers[node][next]
        switch states[producer] {
        case .done: break
        case .unseen:
          states[producer] = .open
          path.append((producer, 0))
        case .open:
          stuck = producer
          return nil
        }
      }
    }
    return order
  }
}
