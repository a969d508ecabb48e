import Foundation

func logarithm10(_ value: Double) -> Double { log10(value) }
func logarithm2(_ value: Double) -> Double { log2(value) }
