import CImage
import CMindSpore
import CSystem
import Graph

@c @implementation
public func MSLite_ImageSuppressBoxes(
  _ boxes: UnsafePointer<Float>!, _ scores: UnsafePointer<Float>!, _ classes: UnsafePointer<Int32>!, _ count: Int,
  _ score_threshold: Float, _ iou_threshold: Float, _ capacity: Int, _ kept: UnsafeMutablePointer<Int32>!,
  _ kept_count: UnsafeMutablePointer<Int>!
) -> OH_AI_Status {
  call { () throws(EngineError) in
    guard let kept_count else { throw EngineError(.nullPointer, "kept_count is NULL") }
    guard count >= 0, count < 1 << 31 else {
      throw EngineError(.parameterInvalid, "count is \(UInt(bitPattern: count)); expected less than 2^31")
    }
    guard iou_threshold >= 0, iou_threshold <= 1 else { throw EngineError(.parameterInvalid, "iou_threshold is not in 0...1") }
    // Sizes come as signed numbers: those above all others are negative.
    let room = capacity < 0 ? count : min(capacity, count)
    if room == 0 {
      kept_count.pointee = 0
      return
    }
    guard let boxes, let scores, let kept else { throw EngineError(.nullPointer, "boxes, scores or kept is NULL") }

    let order = try Scratch(bytes: count * 4)
    let candidates = order.base.assumingMemoryBound(to: Int32.self)
    var found = 0
    for i in 0..<count where scores[i] > score_threshold {
      candidates[found] = Int32(i)
      found += 1
    }
    var ordered = UnsafeMutableBufferPointer(start: candidates, count: found)
    ordered.sort {
      scores[Int($0)] != scores[Int($1)] ? scores[Int($0)] > scores[Int($1)] : $0 < $1
    }

    let plane = min(room, found)
    let taken = try Scratch(bytes: plane * 24)
    let planes = taken.floats(), takenClasses = (taken.base + plane * 20).assumingMemoryBound(to: Int32.self)
    let kernels = ImageKernels.active
    var keptCount = 0, candidate = 0
    while candidate < found && keptCount < plane {
      let index = Int(candidates[candidate]), box = boxes + 4 * index, kind = classes.map { $0[index] } ?? 0
      candidate += 1
      var edges = (box[0], box[1], box[2], box[3], max(box[2] - box[0], 0) * max(box[3] - box[1], 0))
      let isCovered = withUnsafeBytes(of: &edges) {
        kernels.covers(
          $0.baseAddress?.assumingMemoryBound(to: Float.self), kind, planes, takenClasses, plane, iou_threshold, keptCount)
      }
      if isCovered != 0 { continue }
      planes[keptCount] = edges.0
      planes[plane + keptCount] = edges.1
      planes[2 * plane + keptCount] = edges.2
      planes[3 * plane + keptCount] = edges.3
      planes[4 * plane + keptCount] = edges.4
      takenClasses[keptCount] = kind
      kept[keptCount] = Int32(index)
      keptCount += 1
    }
    kept_count.pointee = keptCount
  }
}
