@preconcurrency import CKernels
import CSystem

/// The half-precision kernels in use, chosen like ``Kernels``: nil where this CPU computes no faster in half precision than in
/// float32, and where MSLITE_ISA asks for an instruction set without it (sse, avx2, neon). "reference" has a scalar table with the
/// format of this architecture.
public enum HalfKernels {
  /// The table: valid and unchanged for the life of the process.
  public static var active: HalfKernelPointer? { holder.table.map { UnsafePointer($0) } }

  /// What the arithmetic of a table is called.
  public static func name(_ arithmetic: Int32) -> StaticString {
    arithmetic == Int32(bitPattern: MSHALF_BFLOAT16.rawValue) ? "bfloat16" : "float16"
  }

  private static let holder = Holder(table: choose())

  /// Written once before it is published, then only read.
  private struct Holder: @unchecked Sendable {
    let table: UnsafeMutablePointer<MSHalfKernels>?
  }

  private static func choose() -> UnsafeMutablePointer<MSHalfKernels>? {
    var isReference = false
    if let forced = getenv("MSLITE_ISA") {
      if strcmp(forced, "sse") == 0 || strcmp(forced, "avx2") == 0 || strcmp(forced, "neon") == 0 { return nil }
      isReference = strcmp(forced, "reference") == 0
    }
    if !isReference && mssys_has_half() == 0 { return nil }
    let table = UnsafeMutablePointer<MSHalfKernels>.allocate(capacity: 1)
    memset(table, 0, MemoryLayout<MSHalfKernels>.size)
    if isReference {
      #if arch(x86_64)
      mskernels_half_reference(table, Int32(bitPattern: MSHALF_BFLOAT16.rawValue))
      #else
      mskernels_half_reference(table, Int32(bitPattern: MSHALF_FLOAT16.rawValue))
      #endif
    } else {
      mskernels_half(table)
    }
    return table
  }
}

/// The half-precision table as everybody passes it on.
public typealias HalfKernelPointer = UnsafePointer<MSHalfKernels>
