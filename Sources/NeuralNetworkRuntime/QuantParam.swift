import CInterface
import CNeuralNetworkRuntime

final class QuantParamObject: HandleObject {
  private let lock = Lock()
  private var scales: [Double] = []
  private var zeroPoints: [Int32] = []
  private var bits: [UInt32] = []

  func set(scales: [Double]) {
    lock.lock()
    self.scales = scales
    lock.unlock()
  }
  func set(zeroPoints: [Int32]) {
    lock.lock()
    self.zeroPoints = zeroPoints
    lock.unlock()
  }
  func set(bits: [UInt32]) {
    lock.lock()
    self.bits = bits
    lock.unlock()
  }

  /// One entry per scale.
  func entries() throws(Failure) -> [NNRt_QuantParam] {
    lock.lock()
    defer { lock.unlock() }
    if scales.isEmpty { throw .invalid("the quantisation parameters are empty") }
    if scales.count != zeroPoints.count || scales.count != bits.count {
      throw .invalid("\(scales.count) scales, \(zeroPoints.count) zero points and \(bits.count) bits; expected as many of each")
    }
    return try quantEntries(scales.count, scales, zeroPoints, bits)
  }
}

/// Puts three arrays of `count` values together.
func quantEntries(
  _ count: Int, _ scales: UnsafePointer<Double>, _ zeroPoints: UnsafePointer<Int32>, _ bits: UnsafePointer<UInt32>
) throws(Failure) -> [NNRt_QuantParam] {
  var entries: [NNRt_QuantParam] = []
  entries.reserveCapacity(count)
  for i in 0..<count {
    if bits[i] != 8 { throw .invalid("quantisation parameter \(i) is of \(bits[i]) bits; expected 8") }
    entries.append(NNRt_QuantParam(scale: scales[i], zeroPoint: zeroPoints[i], bits: 8))
  }
  return entries
}

/// Copies what a program gives as an array.
@inline(never)
private func copied<Value>(_ values: UnsafePointer<Value>?, _ count: Int, _ argument: StaticString) throws(Failure) -> [Value] {
  guard let values else { throw .invalid("\(argument) is NULL") }
  if count <= 0 || count > 1 << 24 { throw .invalid("quantCount is \(count); expected 1 to \(1 << 24)") }
  return [Value](UnsafeBufferPointer(start: values, count: count))
}

@c @implementation
public func OH_NNQuantParam_Create() -> OpaquePointer! {
  made { () throws(Failure) in try enter(QuantParamObject(), .quantParam) }
}

@c @implementation
public func OH_NNQuantParam_Destroy(_ quantParams: UnsafeMutablePointer<OpaquePointer?>!) -> OH_NN_ReturnCode {
  status { () throws(Failure) in try leave(quantParams, .quantParam) }
}

@c @implementation
public func OH_NNQuantParam_SetScales(
  _ quantParams: OpaquePointer!, _ scales: UnsafePointer<Double>!, _ quantCount: Int
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let object = try liveQuantParam(quantParams)
    object.set(scales: try copied(scales, quantCount, "scales"))
  }
}

@c @implementation
public func OH_NNQuantParam_SetZeroPoints(
  _ quantParams: OpaquePointer!, _ zeroPoints: UnsafePointer<Int32>!, _ quantCount: Int
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let object = try liveQuantParam(quantParams)
    object.set(zeroPoints: try copied(zeroPoints, quantCount, "zeroPoints"))
  }
}

@c @implementation
public func OH_NNQuantParam_SetNumBits(
  _ quantParams: OpaquePointer!, _ numBits: UnsafePointer<UInt32>!, _ quantCount: Int
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let object = try liveQuantParam(quantParams)
    object.set(bits: try copied(numBits, quantCount, "numBits"))
  }
}
