import ConverterCore
import Foundation
import Graph
import System

/// Wraps a model that a device's own tools have compiled: one Custom node of type ThirdPartyModel, whose last input holds the
/// vendor's file and whose other inputs and outputs are described in the config file's section `third_party_model`.
enum ThirdPartyModel {
  private static let section = "third_party_model"

  static func load(_ model: ModelBuilder, _ config: ConfigFile) throws(EngineError) {
    guard config.has(section) else {
      throw EngineError(.inputParameterInvalid, "fmk THIRDPARTY needs a config file with the section [\(section)]")
    }
    let file = try InputFile.open(model.options.modelFile)
    let builder = model.addGraph("subgraph_0_third_party")
    builder.scope = "Custom"
    var inputs = [Tensor]()
    for port in try ports(config, "input") {
      let tensor = builder.input(port.name, port.type, port.dims)
      // Types are the device's business here: nothing is narrowed.
      tensor.type = port.type
      tensor.format = port.format
      inputs.append(tensor)
    }
    let blob = try builder.constant("ThirdPartyModel", .uint8, [file.bytes.count], bytes: file.bytes, owner: file)
    var attributes = [(name: String, bytes: [UInt8])]()
    for pair in entries(config, "extended_parameters") {
      guard let colon = pair.firstIndex(of: ":") else {
        throw EngineError(.inputParameterInvalid, "extended_parameters: \"\(pair)\" is not key:value")
      }
      attributes.append((String(pair[..<colon]), Array(pair[pair.index(after: colon)...].utf8)))
    }
    let described = try ports(config, "output")
    let outputs = builder.append(
      .custom, ["type": "ThirdPartyModel", "attr": .named(attributes)], inputs + [blob], described.count)
    for (tensor, port) in zip(outputs, described) {
      tensor.name = port.name
      tensor.type = port.type
      tensor.format = port.format
      builder.declare(tensor, port.dims)
    }
    builder.graph.outputs = outputs
  }

  private struct Port {
    let name: String
    let type: DataType
    let dims: [Int]
    let format: Format
  }

  private static func entries(_ config: ConfigFile, _ key: String) -> [String] {
    (config.string(section, key) ?? "").split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces) }
  }

  private static func ports(_ config: ConfigFile, _ direction: String) throws(EngineError) -> [Port] {
    let types = entries(config, "\(direction)_dtypes")
    let shapes = entries(config, "\(direction)_shapes")
    let names = entries(config, "\(direction)_names")
    let formats = entries(config, "\(direction)_formats")
    guard !types.isEmpty, types.count == shapes.count else {
      throw EngineError(
        .inputParameterInvalid,
        "[\(section)] needs \(direction)_dtypes and \(direction)_shapes with one entry each per \(direction); found \(types.count) and \(shapes.count)")
    }
    for (key, list) in [("\(direction)_names", names), ("\(direction)_formats", formats)] where !list.isEmpty && list.count != types.count {
      throw EngineError(.inputParameterInvalid, "[\(section)] \(key) has \(list.count) entries for \(types.count) \(direction)s")
    }
    var result = [Port]()
    for i in 0..<types.count {
      guard let type = ElementTypes.named(types[i]) else {
        throw EngineError(.inputParameterInvalid, "[\(section)] \(direction)_dtypes: \"\(types[i])\" is none of \(ElementTypes.names)")
      }
      var dims = [Int]()
      for text in shapes[i].split(separator: ",") {
        guard let d = Int(text.trimmingCharacters(in: .whitespaces)), d >= 0 else {
          throw EngineError(.inputParameterInvalid, "[\(section)] \(direction)_shapes: \"\(shapes[i])\" is not a list of dimensions")
        }
        dims.append(d)
      }
      let format = formats.isEmpty ? "NHWC" : formats[i].uppercased()
      guard format == "NHWC" || format == "NCHW" else {
        throw EngineError(.inputParameterInvalid, "[\(section)] \(direction)_formats: \"\(format)\" is neither NHWC nor NCHW")
      }
      result.append(
        Port(
          name: names.isEmpty ? "\(direction)_\(i)" : names[i], type: type, dims: dims, format: format == "NHWC" ? .nhwc : .nchw))
    }
    return result
  }
}

/// Element types by the names that command line and config file use.
public enum ElementTypes {
  public static let names = "FLOAT, FLOAT32, FLOAT16, FLOAT64, INT8, UINT8, INT16, INT32, INT64, BOOL"

  public static func named(_ name: String) -> DataType? {
    switch name.uppercased() {
    case "FLOAT", "FLOAT32": return .float32
    case "FLOAT16": return .float16
    case "FLOAT64": return .float64
    case "INT8": return .int8
    case "UINT8": return .uint8
    case "INT16": return .int16
    case "INT32": return .int32
    case "INT64": return .int64
    case "BOOL": return .bool
    default: return nil
    }
  }
}
