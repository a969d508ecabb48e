@preconcurrency import CKernels
import CSystem

/// The kernel table in use: chosen once, at the first use, from what the CPU reports. The environment variable MSLITE_ISA
/// forces an instruction set (reference, sse, avx2, avx512, neon, or neondot, which differs from neon in the products of bytes); a
/// name that this CPU or build does not have is ignored.
public enum Kernels {
  /// The table: valid and unchanged for the life of the process.
  public static var active: UnsafePointer<MSKernels> { UnsafePointer(holder.table.unsafelyUnwrapped) }

  /// False when the environment variable MSLITE_WINOGRAD is "off": every convolution is computed directly then, whose rounding is
  /// that of plain sums.
  public static let allowsWinograd: Bool = {
    guard let value = getenv("MSLITE_WINOGRAD") else { return true }
    return strcmp(value, "off") != 0
  }()

  /// `kernels`, or those with shorter vectors where `columns` fill at most half of a vector: every lane costs the same, used or not.
  /// The results are the same bits.
  public static func narrowed(_ kernels: KernelPointer, columns: Int) -> KernelPointer {
    guard columns * 2 <= Int(kernels.pointee.vector_width), kernels == active, let narrow = narrowHolder.table else { return kernels }
    return UnsafePointer(narrow)
  }

  private static let holder = Holder(table: choose())

  /// AVX2's kernels beside AVX-512's.
  private static let narrowHolder: Holder = {
    #if arch(x86_64)
    if active.pointee.vector_width == 16 {
      let table = empty()
      mskernels_avx2(table)
      return Holder(table: table)
    }
    #endif
    return Holder(table: nil)
  }()

  /// Written once before it is published, then only read.
  private struct Holder: @unchecked Sendable {
    let table: UnsafeMutablePointer<MSKernels>?
  }

  private static func choose() -> UnsafeMutablePointer<MSKernels> {
    let best = mssys_best_isa()
    var wanted = best
    if let forced = getenv("MSLITE_ISA") {
      if strcmp(forced, "reference") == 0 { wanted = -1 }
      if strcmp(forced, "sse") == 0 || strcmp(forced, "neon") == 0 { wanted = Int32(MSSYS_ISA_BASELINE) }
      if strcmp(forced, "avx2") == 0 && best >= MSSYS_ISA_AVX2 { wanted = Int32(MSSYS_ISA_AVX2) }
      if strcmp(forced, "avx512") == 0 && best >= MSSYS_ISA_AVX512 { wanted = Int32(MSSYS_ISA_AVX512) }
    }
    let table = empty()
    fill(table, Int(wanted))
    return table
  }

  private static func empty() -> UnsafeMutablePointer<MSKernels> {
    let table = UnsafeMutablePointer<MSKernels>.allocate(capacity: 1)
    memset(table, 0, MemoryLayout<MSKernels>.size)
    return table
  }

  private static func fill(_ table: UnsafeMutablePointer<MSKernels>, _ isa: Int) {
    #if arch(x86_64)
    if isa == Int(MSSYS_ISA_AVX512) { return mskernels_avx512(table) }
    if isa == Int(MSSYS_ISA_AVX2) { return mskernels_avx2(table) }
    #endif
    if isa < 0 { return mskernels_reference(table) }
    mskernels_baseline(table)
  }
}

/// The kernel table as everybody passes it on.
public typealias KernelPointer = UnsafePointer<MSKernels>
