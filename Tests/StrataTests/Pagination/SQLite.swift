import Glibc

@testable import Strata

/// The machine's SQLite, where there is one: found when the tests run, so that building them
/// needs nothing.
final class SQLite {
    struct Failure: Error, CustomStringConvertible { let description: String }

    private typealias Pointer = UnsafeMutableRawPointer
    private typealias Open =
        @convention(c) (UnsafePointer<CChar>, UnsafeMutablePointer<Pointer?>) -> Int32
    private typealias Prepare =
        @convention(c) (
            Pointer, UnsafePointer<CChar>, Int32, UnsafeMutablePointer<Pointer?>, Pointer?
        ) -> Int32
    private typealias BindInteger = @convention(c) (Pointer, Int32, Int64) -> Int32
    private typealias BindDouble = @convention(c) (Pointer, Int32, Double) -> Int32
    private typealias BindText =
        @convention(c) (
            Pointer, Int32, UnsafePointer<CChar>, Int32, Int
        ) -> Int32
    private typealias Act = @convention(c) (Pointer) -> Int32
    private typealias ColumnType = @convention(c) (Pointer, Int32) -> Int32
    private typealias ColumnInteger = @convention(c) (Pointer, Int32) -> Int64

    private static nonisolated(unsafe) let library = dlopen("libsqlite3.so.0", RTLD_NOW)

    static var isThere: Bool { library != nil }

    private static func function<Function>(_ name: String, _: Function.Type) throws -> Function {
        guard let symbol = dlsym(library, name) else { throw Failure(description: "no \(name)") }
        return unsafeBitCast(symbol, to: Function.self)
    }

    private let database: Pointer
    private let prepare: Prepare
    private let step: Act
    private let finalize: Act
    private let close: Act
    private let bindInteger: BindInteger
    private let bindDouble: BindDouble
    private let bindText: BindText
    private let columnType: ColumnType
    private let columnInteger: ColumnInteger

    init() throws {
        var opened: Pointer?
        let open = try Self.function("sqlite3_open", Open.self)
        guard open(":memory:", &opened) == 0, let opened else {
            throw Failure(description: "can't open a database")
        }
        database = opened
        prepare = try Self.function("sqlite3_prepare_v2", Prepare.self)
        step = try Self.function("sqlite3_step", Act.self)
        finalize = try Self.function("sqlite3_finalize", Act.self)
        close = try Self.function("sqlite3_close", Act.self)
        bindInteger = try Self.function("sqlite3_bind_int64", BindInteger.self)
        bindDouble = try Self.function("sqlite3_bind_double", BindDouble.self)
        bindText = try Self.function("sqlite3_bind_text", BindText.self)
        columnType = try Self.function("sqlite3_column_type", ColumnType.self)
        columnInteger = try Self.function("sqlite3_column_int64", ColumnInteger.self)
    }

    deinit { _ = close(database) }

    /// Runs a statement, and gives its rows of so many columns of integers or NULL.
    @discardableResult
    func run(_ text: String, _ values: [KeyValue] = [], columns: Int32 = 0) throws -> [[Int64?]] {
        var prepared: Pointer?
        guard prepare(database, text, -1, &prepared, nil) == 0, let statement = prepared else {
            throw Failure(description: "SQLite refuses \(text)")
        }
        defer { _ = finalize(statement) }
        for (index, value) in values.enumerated() {
            let place = Int32(index + 1)
            switch value {
            case .integer(let integer): _ = bindInteger(statement, place, integer)
            case .double(let double): _ = bindDouble(statement, place, double)
            // -1: SQLite is to make a copy.
            case .text(let text): _ = bindText(statement, place, text, -1, -1)
            case .null, .bytes: break
            }
        }
        var rows: [[Int64?]] = []
        while true {
            switch step(statement) {
            case 100:
                rows.append(
                    (0..<columns).map {
                        columnType(statement, $0) == 5 ? nil : columnInteger(statement, $0)
                    })
            case 101: return rows
            case let code: throw Failure(description: "SQLite fails with \(code) at \(text)")
            }
        }
    }
}
