import Graph
import Runtime

/// A measurement with what the plan says of its operators, in the forms that the tool prints.
public struct BenchmarkReport {
  let options: BenchmarkOptions
  let measurement: Measurement
  let plan: PlannedModel?
  /// Why there is no plan.
  let planProblem: String?
  let rows: [Row]

  /// One operator.
  struct Row {
    let name: String
    let kind: String
    let arithmetic: String
    let algorithm: String
    let chain: Int
    /// Microseconds per run of the model, and per call.
    let time: Double
    let callTime: Double
    let calls: Int
    let share: Double
    let output: [Int]
    let cost: NodeCost?

    /// The algorithm, and the chain where it runs band by band with its neighbours.
    var method: String {
      chain == 0 ? algorithm : algorithm.isEmpty ? "bands \(chain)" : "\(algorithm), bands \(chain)"
    }

    /// 10^9 operations per second.
    var gigaflops: Double? { cost.flatMap { $0.flops > 0 && callTime > 0 ? Double($0.flops) / callTime / 1e3 : nil } }
    var gigabytes: Double? { cost.flatMap { callTime > 0 ? Double($0.bytes) / callTime / 1e3 : nil } }
  }

  public init(_ options: BenchmarkOptions, _ measurement: Measurement) {
    self.options = options
    self.measurement = measurement
    var request = ModelRequest(path: options.model)
    request.decryptKey = options.decryptKey
    request.decryptMode = options.decryptMode
    var found: PlannedModel?
    var problem: String?
    do throws(EngineError) {
      found = try PlannedModel.plan(request, options.shapes, named: options.namedShapes, half: options.half)
    } catch { problem = error.message }
    plan = found
    planProblem = problem
    let total = measurement.operators.reduce(0) { $0 + $1.nanoseconds }
    let runs = Double(max(measurement.profiledRuns, 1))
    var next = 0
    rows = measurement.operators.map { op in
      let planned = found?.lookup(op.name, op.kind, from: &next)
      return Row(
        name: op.name, kind: op.kind, arithmetic: op.arithmetic, algorithm: op.algorithm, chain: op.chain, time: op.nanoseconds / runs / 1e3,
        callTime: op.calls > 0 ? op.nanoseconds / Double(op.calls) / 1e3 : 0, calls: op.calls,
        share: total > 0 ? op.nanoseconds / total : 0, output: planned?.output ?? [], cost: planned?.cost)
    }
  }

  /// Sums by operator type, the slowest first.
  var types: [(kind: String, count: Int, calls: Int, time: Double, share: Double, flops: Int)] {
    var sums: [String: (Int, Int, Double, Double, Int)] = [:]
    for row in rows {
      let old = sums[row.kind] ?? (0, 0, 0, 0, 0)
      let (flops, overflow) = old.4.addingReportingOverflow(row.cost?.flops ?? 0)
      sums[row.kind] = (old.0 + 1, old.1 + row.calls, old.2 + row.time, old.3 + row.share, overflow ? Int.max : flops)
    }
    return sums.sorted { ($0.value.2, $1.key) > ($1.value.2, $0.key) }
      .map { ($0.key, $0.value.0, $0.value.1, $0.value.2, $0.value.3, $0.value.4) }
  }

  private func milliseconds(_ nanoseconds: Double) -> String { Units.fixed(nanoseconds / 1e6, 3) }

  /// The report for a terminal, without the lines of progress.
  public func text() -> String {
    let m = measurement
    var out = "Library = \(m.library), \(m.version)\n"
    for input in m.inputs { out += "Input = \(input)\n" }
    out += "PrepareTime = \(milliseconds(m.prepare)) ms\n"
    out += m.goldenText
    if !m.runs.isEmpty {
      out += "Model = \(file), NumThreads = \(options.threads), MinRunTime = \(milliseconds(m.percentile(0))) ms, MaxRuntime = \(milliseconds(m.percentile(1))) ms, AvgRunTime = \(milliseconds(m.mean)) ms\n"
      out += "P50 = \(milliseconds(m.percentile(0.5))) ms, P90 = \(milliseconds(m.percentile(0.9))) ms, P95 = \(milliseconds(m.percentile(0.95))) ms, P99 = \(milliseconds(m.percentile(0.99))) ms, StdDev = \(milliseconds(m.deviation)) ms, Runs = \(m.runs.count)\n"
    }
    out += "PeakMemory = \(Units.bytes(m.residentPeak)) (process), \(Units.bytes(max(0, m.residentPeak - m.residentBefore))) since the library was loaded\n"
    if let memory = plan?.memory {
      out += "Arena = \(Units.bytes(memory.arenaBytes)), outputs \(Units.bytes(memory.outputBytes)), scratch \(Units.bytes(memory.workspaceBytes))\n"
    } else if let planProblem {
      out += "Arena = not known: \(planProblem)\n"
    }
    if !rows.isEmpty { out += "\n" + operatorTable() + "\n" + typeTable() }
    return out
  }

  private var file: String { options.model.split(separator: "/").last.map(String.init) ?? options.model }

  private func operatorTable() -> String {
    var table = TextTable([
      ("opName", .left), ("opType", .left), ("avg(ms)", .right), ("percent", .right), ("calledTimes", .right), ("opTotalTime", .right),
      ("GFLOP/s", .right), ("output", .left), ("arithmetic", .left), ("algorithm", .left),
    ])
    for (op, row) in zip(measurement.operators, rows) {
      table.add([
        row.name, row.kind, Units.fixed(row.callTime / 1e3, 4), Units.fixed(row.share, 5), "\(row.calls)",
        Units.fixed(op.nanoseconds / 1e6, 3), row.gigaflops.map { Units.fixed($0, 1) } ?? "", Units.shape(row.output), row.arithmetic,
        row.method,
      ])
    }
    return table.text(indent: 0)
  }

  private func typeTable() -> String {
    var table = TextTable([
      ("opType", .left), ("nodes", .right), ("avg(ms)", .right), ("percent", .right), ("calledTimes", .right), ("GFLOP/s", .right),
    ])
    for t in types {
      table.add([
        t.kind, "\(t.count)", Units.fixed(t.time / 1e3, 4), Units.fixed(t.share, 5), "\(t.calls)",
        t.flops > 0 && t.time > 0 ? Units.fixed(Double(t.flops) / t.time / 1e3, 1) : "",
      ])
    }
    return table.text(indent: 0)
  }

  /// The report for programs. Times in milliseconds.
  public func json() -> JSON {
    let m = measurement
    func ms(_ v: Double) -> JSON { .double(v / 1e6) }
    var members: [(String, JSON)] = [
      ("model", .string(options.model)), ("library", .string(m.library)), ("version", .string(m.version)), ("threads", .int(options.threads)),
      ("float16", .bool(options.half)), ("inputs", .strings(m.inputs)), ("prepare", ms(m.prepare)),
    ]
    if !m.runs.isEmpty {
      members.append(
        ("runs", .object([
          ("count", .int(m.runs.count)), ("min", ms(m.percentile(0))), ("mean", ms(m.mean)), ("max", ms(m.percentile(1))),
          ("p50", ms(m.percentile(0.5))), ("p90", ms(m.percentile(0.9))), ("p95", ms(m.percentile(0.95))), ("p99", ms(m.percentile(0.99))),
          ("deviation", ms(m.deviation)), ("all", .array(m.runs.map { ms($0) })),
        ])))
    }
    members.append(("memory", memoryJSON()))
    if options.golden != nil { members.append(("meetsGolden", .bool(m.meetsGolden))) }
    if !rows.isEmpty {
      members.append(
        ("operators", .array(rows.map { row in
          .object([
            ("name", .string(row.name)), ("type", .string(row.kind)), ("time", .double(row.callTime / 1e3)), ("share", .double(row.share)),
            ("calls", .int(row.calls)), ("arithmetic", .string(row.arithmetic)), ("algorithm", .string(row.algorithm)), ("chain", .int(row.chain)), ("output", .ints(row.output)),
            ("macs", row.cost.map { .int($0.macs) } ?? .null), ("flops", row.cost.map { .int($0.flops) } ?? .null),
            ("bytes", row.cost.map { .int($0.bytes) } ?? .null),
          ])
        })))
      members.append(
        ("types", .array(types.map {
          .object([("type", .string($0.kind)), ("nodes", .int($0.count)), ("calls", .int($0.calls)), ("time", .double($0.time / 1e3)), ("share", .double($0.share))])
        })))
    }
    return .object(members)
  }

  private func memoryJSON() -> JSON {
    var members: [(String, JSON)] = [
      ("residentPeakBytes", .int(measurement.residentPeak)),
      ("residentGrowthBytes", .int(max(0, measurement.residentPeak - measurement.residentBefore))),
    ]
    if let memory = plan?.memory {
      members += [("arenaBytes", .int(memory.arenaBytes)), ("outputBytes", .int(memory.outputBytes)), ("scratchBytes", .int(memory.workspaceBytes))]
    }
    return .object(members)
  }

  /// Chrome trace events (Perfetto, chrome://tracing) of one run.
  public func trace() -> JSON {
    var events: [JSON] = [
      .object([("name", .string("process_name")), ("ph", .string("M")), ("pid", .int(1)), ("args", .object([("name", .string("mslite"))]))]),
      .object([
        ("name", .string("thread_name")), ("ph", .string("M")), ("pid", .int(1)), ("tid", .int(1)),
        ("args", .object([("name", .string("operators"))])),
      ]),
      .object([
        ("name", .string(file)), ("cat", .string("run")), ("ph", .string("X")), ("ts", .double(0)), ("dur", .double(measurement.timelineEnd / 1e3)),
        ("pid", .int(1)), ("tid", .int(1)), ("args", .object([("threads", .int(options.threads)), ("library", .string(measurement.version))])),
      ]),
    ]
    var next = 0
    for span in measurement.timeline {
      var arguments: [(String, JSON)] = [("name", .string(span.name))]
      if let planned = plan?.lookup(span.name, span.kind, from: &next) {
        arguments.append(("output", .string(Units.shape(planned.output))))
        if let cost = planned.cost { arguments += [("flops", .int(cost.flops)), ("bytes", .int(cost.bytes))] }
      }
      events.append(
        .object([
          ("name", .string(span.kind)), ("cat", .string("operator")), ("ph", .string("X")), ("ts", .double(span.start / 1e3)),
          ("dur", .double((span.end - span.start) / 1e3)), ("pid", .int(1)), ("tid", .int(1)), ("args", .object(arguments)),
        ]))
    }
    return .object([("displayTimeUnit", .string("ms")), ("traceEvents", .array(events))])
  }
}
