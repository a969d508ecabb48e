import Graph
import Runtime

extension ModelObject {
  /// Says what a successful call has done otherwise than it was asked to: in the log, and as the thread's last error text.
  func reportNotices(function: StaticString = #function) {
    guard let notices = session?.takeNotices(), !notices.isEmpty else { return }
    var all = ""
    for notice in notices {
      warn(Message(text: notice), function: function)
      all += all.isEmpty ? notice : "; \(notice)"
    }
    fail(.error, Message(text: all), silent: true, function: function)
  }
}
