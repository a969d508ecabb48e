import FlatBuffers
import Graph

/// A table of the file, or the absence of one: every field then has its default. What is malformed is an error of the file that
/// names the table and the byte.
struct Record {
  private let table: Table?
  private let place: String

  init(_ table: Table?, _ place: String) {
    self.table = table
    self.place = place
  }

  /// The root table of a buffer.
  static func root(_ buffer: FlatBuffer) throws(EngineError) -> Record {
    do throws(FlatBufferError) { return Record(try buffer.root(), "model") } catch { throw malformed("model", error) }
  }

  static func malformed(_ place: String, _ error: FlatBufferError) -> EngineError {
    EngineError(.graphFileError, "\(place): \(error.text)")
  }

  var isPresent: Bool { table != nil }

  private func read<T>(_ body: (Table) throws(FlatBufferError) -> T?) throws(EngineError) -> T? {
    guard let table else { return nil }
    do throws(FlatBufferError) { return try body(table) } catch { throw Record.malformed(place, error) }
  }

  func int(_ id: Int, _ fallback: Int = 0) throws(EngineError) -> Int {
    try read { (t) throws(FlatBufferError) in try t.int32(id).map { Int($0) } } ?? fallback
  }
  func int64(_ id: Int) throws(EngineError) -> Int64 { try read { (t) throws(FlatBufferError) in try t.int64(id) } ?? 0 }
  func byte(_ id: Int) throws(EngineError) -> Int { try read { (t) throws(FlatBufferError) in try t.int8(id).map { Int($0) } } ?? 0 }
  func unsignedByte(_ id: Int) throws(EngineError) -> Int {
    try read { (t) throws(FlatBufferError) in try t.uint8(id).map { Int($0) } } ?? 0
  }
  func bool(_ id: Int, _ fallback: Bool = false) throws(EngineError) -> Bool {
    try read { (t) throws(FlatBufferError) in try t.bool(id) } ?? fallback
  }
  func float(_ id: Int, _ fallback: Float = 0) throws(EngineError) -> Float {
    try read { (t) throws(FlatBufferError) in try t.float32(id) } ?? fallback
  }
  func string(_ id: Int) throws(EngineError) -> String { try read { (t) throws(FlatBufferError) in try t.string(id) } ?? "" }
  /// nil when the vector is absent.
  func ints(_ id: Int) throws(EngineError) -> [Int]? {
    try read { (t) throws(FlatBufferError) in try t.int32s(id).map { $0.map { Int($0) } } }
  }
  func int64s(_ id: Int) throws(EngineError) -> [Int64]? { try read { (t) throws(FlatBufferError) in try t.int64s(id) } }
  func floats(_ id: Int) throws(EngineError) -> [Float]? { try read { (t) throws(FlatBufferError) in try t.float32s(id) } }
  func bytes(_ id: Int) throws(EngineError) -> UnsafeRawBufferPointer? {
    try read { (t) throws(FlatBufferError) in try t.bytes(id)?.content }
  }
  /// A vector of numbers of one byte: its place in the file, and how many there are.
  func place(_ id: Int) throws(EngineError) -> (offset: Int, count: Int)? {
    try read { (t) throws(FlatBufferError) in try t.bytes(id).map { ($0.offset, $0.content.count) } }
  }

  /// A child table, absent or not. `name` stands in errors.
  func record(_ id: Int, _ name: String) throws(EngineError) -> Record {
    Record(try read { (t) throws(FlatBufferError) in try t.table(id) }, "\(place), \(name)")
  }

  /// A vector of tables; empty when absent.
  func records(_ id: Int, _ name: String) throws(EngineError) -> Records {
    Records(vector: try read { (t) throws(FlatBufferError) in try t.tables(id) }, place: "\(place), \(name)")
  }
}

/// A vector of tables, each opened when it is asked for.
struct Records {
  fileprivate let vector: TableVector?
  fileprivate let place: String

  var count: Int { vector?.count ?? 0 }

  func record(_ index: Int) throws(EngineError) -> Record {
    guard let vector else { throw EngineError(.graphFileError, "\(place): there is no entry \(index)") }
    do throws(FlatBufferError) {
      return Record(try vector.table(index), "\(place) \(index)")
    } catch { throw Record.malformed("\(place) \(index)", error) }
  }
}
