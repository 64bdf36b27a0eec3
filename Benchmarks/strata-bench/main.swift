import Glibc

/// What the arguments ask for.
enum Command {
    case help
    case list
    case run([Suite], isJSON: Bool)
    case serve(port: Int)

    init(_ arguments: some Sequence<String>) throws(UsageError) {
        var suites: [Suite] = []
        var isJSON = false
        var isServing = false
        for argument in arguments {
            if isServing {
                guard let port = Int(argument) else { throw UsageError(argument: argument) }
                self = .serve(port: port)
                return
            }
            switch argument {
            case "--help", "-h":
                self = .help
                return
            case "--json": isJSON = true
            case "--serve": isServing = true
            case "all": suites = Suite.all
            default:
                guard let suite = Suite.all.first(where: { $0.name == argument }) else {
                    throw UsageError(argument: argument)
                }
                suites.append(suite)
            }
        }
        self = suites.isEmpty ? .list : .run(suites, isJSON: isJSON)
    }
}

/// An argument that means nothing.
struct UsageError: Error {
    let argument: String
}

let usage = """
    Usage: strata-bench [--json] [SUITE… | all]
           strata-bench --serve PORT

    Measures Strata on this machine. Without a suite, lists them. Build it with -c release.

      --json         prints one JSON object per suite, a line each, in the place of a table
      --serve PORT   is the server that the suites of the proxy measure beside it, at 127.0.0.1
      --help         prints this

    """

func printTable(_ suite: Suite, _ measurements: [Measurement]) {
    print("\(suite.name): \(suite.summary)")
    let columns = measurements.first?.values.map(\.column) ?? []
    let rows =
        [[""] + columns]
        + measurements.map { row in
            [row.name] + row.values.map { Measurement.format($0.value) }
        }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    for row in rows {
        let cells = row.indices.map { column in
            let padding = String(repeating: " ", count: widths[column] - row[column].count)
            return column == 0 ? row[column] + padding : padding + row[column]
        }
        print("  " + cells.joined(separator: "  "))
    }
    print()
}

func printJSON(_ suite: Suite, _ measurements: [Measurement]) {
    let rows = measurements.map { row in
        let values = row.values.map { "\"\($0.column)\":\($0.value)" }.joined(separator: ",")
        return "{\"name\":\"\(row.name)\",\(values)}"
    }
    print("{\"suite\":\"\(suite.name)\",\"rows\":[\(rows.joined(separator: ","))]}")
}

func printError(_ message: String) {
    let line = Array("strata-bench: \(message)\n".utf8)
    write(STDERR_FILENO, line, line.count)
}

do {
    switch try Command(CommandLine.arguments.dropFirst()) {
    case .help: print(usage)
    case .list:
        for suite in Suite.all { print("\(suite.name): \(suite.summary)") }
    case .serve(let port): try await BareServer.run(port: port)
    case .run(let suites, let isJSON):
        for suite in suites {
            let measurements = try await suite.run()
            isJSON ? printJSON(suite, measurements) : printTable(suite, measurements)
        }
    }
} catch let error as UsageError {
    printError("there is no suite or option '\(error.argument)'; --help tells what there is")
    exit(2)
} catch let error as Unavailable {
    printError(error.message)
    exit(1)
} catch {
    printError("\(error)")
    exit(1)
}
