@preconcurrency import CKernels
import CSystem

/// The table of 8-bit matrix kernels in use, chosen like the float table but by other instructions: a processor has byte dot
/// products or not. MSLITE_ISA: reference, sse, avx2, avx512 (with VNNI where the processor has it, else AVX2's kernels), neon, or
/// neondot.
public enum Int8MatrixKernels {
  /// The table: valid and unchanged for the life of the process.
  public static var active: UnsafePointer<MSInt8MatrixKernels> { UnsafePointer(holder.table) }

  private static let holder = Holder(choose())

  /// Written once before it is published, then only read.
  private struct Holder: @unchecked Sendable {
    let table: UnsafeMutablePointer<MSInt8MatrixKernels>
    init(_ table: UnsafeMutablePointer<MSInt8MatrixKernels>) { self.table = table }
  }

  private static func choose() -> UnsafeMutablePointer<MSInt8MatrixKernels> {
    let best = mssys_best_isa()
    var isReference = false
    var hasDot = mssys_has_byte_dot() != 0, hasAVX2 = best >= MSSYS_ISA_AVX2
    if let forced = getenv("MSLITE_ISA") {
      isReference = strcmp(forced, "reference") == 0
      if strcmp(forced, "sse") == 0 || strcmp(forced, "neon") == 0 { (hasDot, hasAVX2) = (false, false) }
      if strcmp(forced, "avx2") == 0 && hasAVX2 { hasDot = false }
    }
    let table = UnsafeMutablePointer<MSInt8MatrixKernels>.allocate(capacity: 1)
    memset(table, 0, MemoryLayout<MSInt8MatrixKernels>.size)
    fill(table, isReference: isReference, hasDot: hasDot, hasAVX2: hasAVX2)
    return table
  }

  private static func fill(_ table: UnsafeMutablePointer<MSInt8MatrixKernels>, isReference: Bool, hasDot: Bool, hasAVX2: Bool) {
    if isReference { return mskernels_int8_reference(table) }
    #if arch(x86_64)
    if hasDot { return mskernels_int8_vnni(table) }
    if hasAVX2 { return mskernels_int8_avx2(table) }
    #elseif arch(arm64)
    if hasDot { return mskernels_int8_dot(table) }
    #endif
    mskernels_int8_baseline(table)
  }
}
