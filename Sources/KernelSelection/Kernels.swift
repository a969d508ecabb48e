@preconcurrency import CKernels
import CSystem

/// The kernel table in use: chosen once, at the first use, from what the CPU reports. The environment variable MSLITE_ISA
/// forces an instruction set (reference, sse, avx2, avx512, neon, or neondot, which differs from neon in the products of bytes); a
/// name that this CPU or build does not have is ignored.
public enum Kernels {
  /// The table: valid and unchanged for the life of the process.
  public static var active: UnsafePointer<MSKernels> { UnsafePointer(holder.table) }

  /// False when the environment variable MSLITE_WINOGRAD is "off": every convolution is computed directly then, whose rounding is
  /// that of plain sums.
  public static let allowsWinograd: Bool = {
    guard let value = getenv("MSLITE_WINOGRAD") else { return true }
    return strcmp(value, "off") != 0
  }()

  private static let holder = Holder(choose())

  /// Written once before it is published, then only read.
  private struct Holder: @unchecked Sendable {
    let table: UnsafeMutablePointer<MSKernels>
    init(_ table: UnsafeMutablePointer<MSKernels>) { self.table = table }
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
    let table = UnsafeMutablePointer<MSKernels>.allocate(capacity: 1)
    memset(table, 0, MemoryLayout<MSKernels>.size)
    fill(table, Int(wanted))
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
