import Foundation

/// The platform's functions under names that no operator has.
func cosine(_ x: Double) -> Double { cos(x) }
func sine(_ x: Double) -> Double { sin(x) }
