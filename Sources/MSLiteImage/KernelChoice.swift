@preconcurrency import CImage
import CSystem

/// The kernels for this processor. MSLITE_ISA=sse takes those that every x86-64 processor runs.
enum ImageKernels {
  static var active: MSImageKernels { chosen.table }

  private struct Choice: @unchecked Sendable { let table: MSImageKernels }

  private static let chosen = Choice(table: choose())

  private static func choose() -> MSImageKernels {
    var table = MSImageKernels()
    #if arch(x86_64)
    let isForced = getenv("MSLITE_ISA").map { strcmp($0, "sse") == 0 } ?? false
    if !isForced && mssys_best_isa() >= MSSYS_ISA_AVX2 {
      mskernels_image_avx2(&table)
      return table
    }
    #endif
    mskernels_image_baseline(&table)
    return table
  }
}
