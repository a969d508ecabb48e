import ConverterCore
import Graph
import Testing

@testable import Quantization

@Suite struct QuantSettingsTests {
  private func text(_ config: String) -> String {
    do throws(EngineError) {
      _ = try QuantizationSettings.read(try ConfigFile.parse(config, name: "c"), Report())
      return ""
    } catch { return error.message }
  }

  @Test func everythingWrongIsSaidAtOnce() {
    let said = text("[common_quant_param]\nquant_type=FULL_QUANT\nbit_num=17\nmin_quant_weight_size=-1\n[full_quant_param]\nactivation_quant_method=X\n")
    for part in ["bit_num=17", "0 to 16", "min_quant_weight_size=-1", "activation_quant_method=X", "MAX_MIN, KL", "data_preprocess_param"] {
      #expect(said.contains(part), "\(said)")
    }
  }

  @Test func combinationsThatMakeNoSense() {
    #expect(text("[common_quant_param]\nquant_type=DYNAMIC_QUANT\nbit_num=4\n").contains("8 bits"))
    #expect(text("[common_quant_param]\nbit_num=4\n").contains("quant_type"))
    #expect(text("[dynamic_quant_param]\nquant_strategy=ACWL\n").contains("ALWC"))
    let data = "[common_quant_param]\nquant_type=FULL_QUANT\n[data_preprocess_param]\ncalibrate_path=x:/d\ncalibrate_size=1\n"
    #expect(text(data + "input_type=BIN\nresize_width=3\nresize_height=3\n").contains("IMAGE"))
    #expect(text(data + "input_type=IMAGE\nresize_width=3\n").contains("together"))
    #expect(text(data + "input_type=IMAGE\nnormalize_mean=[1,2]\n").contains("2 values"))
    #expect(text(data + "input_type=IMAGE\nresize_width=3\nresize_height=3\ncenter_crop_width=4\ncenter_crop_height=3\n").contains("larger"))
  }

  /// Numbers worked out by hand from the rule: [-1, 3] in 255 steps, 0 on a step.
  @Test func parametersOfARange() {
    let p = QuantizedRange(minimum: -1, maximum: 3).parameters(bits: 8, symmetric: false)
    #expect(abs(p.scale - 4.0 / 255) < 1e-8)
    #expect(p.zeroPoint == -64)
    #expect(p.quantized(0, -128, 127) == -64)
    #expect(p.quantized(9, -128, 127) == 127)
    let s = QuantizedRange(minimum: -1, maximum: 3).parameters(bits: 8, symmetric: true)
    #expect(abs(s.scale - 6.0 / 254) < 1e-8 && s.zeroPoint == 0)
  }

  @Test func outliersAreCutOff() throws {
    let values = (0..<100_000).map { i in i == 7 ? Float(1000) : Float(i % 200) / 100 - 1 }
    func range(_ method: String) throws -> QuantizedRange {
      let config = "[full_quant_param]\nactivation_quant_method=\(method)\n"
      let settings = try QuantizationSettings.read(ConfigFile.parse(config, name: "c"), Report())
      var collector = ActivationRange(settings)
      values.withUnsafeBufferPointer {
        collector.observe($0)
        if ActivationRange.needsSecondPass(settings) { collector.count($0) }
      }
      return collector.range
    }
    #expect(try range("MAX_MIN").maximum == 1000)
    #expect(try range("REMOVAL_OUTLIER").maximum < 2)
    #expect(try range("KL").maximum < 200)
  }

  @Test func arraysOfNumPy() throws {
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }"
    var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8)
    for v in [1.5, -2.0] { withUnsafeBytes(of: v) { bytes += $0 } }
    let input = Tensor(name: "x", type: .float32, shape: Shape([-1, 2]))
    let value = try bytes.withUnsafeBytes { try ArrayFile.read($0, for: input) }
    #expect(value.shape == [1, 2])
    #expect(value.bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 4, as: Float.self) } == -2)
    for n in 0..<bytes.count { #expect(throws: EngineError.self) { try bytes[..<n].withUnsafeBytes { try ArrayFile.read($0, for: input) } } }
  }
}
