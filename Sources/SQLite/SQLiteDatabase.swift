#if Server
    import CSQLite
    public import Strata
    import Synchronization

    /// A database of SQLite: a file, or the memory of this object. All calls into the library stand
    /// in this file.
    ///
    /// A statement runs from its first row to its last under one lock, so that any number of tasks
    /// may share the object. None of them is suspended meanwhile: ask for few rows at a time.
    public final class SQLiteDatabase: Sendable {
        /// What SQLite said.
        public struct Failure: Error, CustomStringConvertible {
            /// What was tried, and why it failed.
            public let description: String
        }

        /// A statement in SQL that is prepared once and run any number of times.
        private final class Statement {
            let handle: OpaquePointer

            init(_ handle: OpaquePointer) { self.handle = handle }

            deinit { sqlite3_finalize(handle) }
        }

        /// The connection, and what was prepared on it.
        private final class Connection {
            let handle: OpaquePointer
            private var statements: [String: Statement] = [:]

            /// How many statements are kept prepared.
            private static let maximumStatements = 64

            init(_ handle: OpaquePointer) { self.handle = handle }

            deinit {
                statements = [:]
                sqlite3_close_v2(handle)
            }

            func failure(_ text: String) -> Failure {
                Failure(description: "\(text): \(String(cString: sqlite3_errmsg(handle)))")
            }

            func statement(_ text: String) throws -> OpaquePointer {
                if let statement = statements[text] { return statement.handle }
                var prepared: OpaquePointer?
                guard sqlite3_prepare_v2(handle, text, -1, &prepared, nil) == SQLITE_OK,
                    let prepared
                else { throw failure(text) }
                if statements.count >= Self.maximumStatements { statements = [:] }
                statements[text] = Statement(prepared)
                return prepared
            }
        }

        /// Guarded: by whoever runs a statement.
        private let connection: Mutex<Connection>

        /// Opens a database, and makes it where there is none.
        ///
        /// - Parameter path: the file; nil for a database in memory, gone with this object.
        public init(path: String? = nil) throws {
            var opened: OpaquePointer?
            let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
            let status = sqlite3_open_v2(path ?? ":memory:", &opened, flags, nil)
            guard status == SQLITE_OK, let opened else {
                sqlite3_close_v2(opened)
                throw Failure(
                    description: "can't open \(path ?? "a database in memory"): "
                        + String(cString: sqlite3_errstr(status)))
            }
            // Another process may hold the file for a moment.
            sqlite3_busy_timeout(opened, 5_000)
            connection = Mutex(Connection(opened))
        }

        /// Runs a statement, and gives its rows.
        ///
        /// - Parameter bindings: the values of its parameters, in the order of their numbers.
        @discardableResult
        public func run(_ text: String, _ bindings: [KeyValue] = []) throws -> [[KeyValue]] {
            try connection.withLock { connection in
                let statement = try connection.statement(text)
                defer {
                    sqlite3_reset(statement)
                    sqlite3_clear_bindings(statement)
                }
                for (index, value) in bindings.enumerated() {
                    guard Self.bind(value, to: statement, at: Int32(index + 1)) == SQLITE_OK else {
                        throw connection.failure(text)
                    }
                }
                let columns = 0..<sqlite3_column_count(statement)
                var rows: [[KeyValue]] = []
                while true {
                    switch sqlite3_step(statement) {
                    case SQLITE_ROW: rows.append(columns.map { Self.value(statement, $0) })
                    case SQLITE_DONE: return rows
                    default: throw connection.failure(text)
                    }
                }
            }
        }

        private static func bind(
            _ value: KeyValue, to statement: OpaquePointer, at place: Int32
        ) -> Int32 {
            // SQLite makes a copy of what is marked so.
            let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
            switch value {
            case .null: return sqlite3_bind_null(statement, place)
            case .integer(let integer): return sqlite3_bind_int64(statement, place, integer)
            case .double(let double): return sqlite3_bind_double(statement, place, double)
            case .text(let text):
                return text.utf8CString.withUnsafeBufferPointer {
                    sqlite3_bind_text(
                        statement, place, $0.baseAddress, Int32(clamping: $0.count - 1), transient)
                }
            case .bytes(let bytes):
                return bytes.withUnsafeBytes {
                    sqlite3_bind_blob(
                        statement, place, $0.baseAddress, Int32(clamping: $0.count), transient)
                }
            }
        }

        private static func value(_ statement: OpaquePointer, _ column: Int32) -> KeyValue {
            switch sqlite3_column_type(statement, column) {
            case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, column))
            case SQLITE_FLOAT: return .double(sqlite3_column_double(statement, column))
            case SQLITE_TEXT, SQLITE_BLOB:
                let isText = sqlite3_column_type(statement, column) == SQLITE_TEXT
                // First the bytes, then their count: the first call may convert them.
                let start = sqlite3_column_blob(statement, column)
                let count = Int(sqlite3_column_bytes(statement, column))
                let bytes = UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count)
                return isText ? .text(String(decoding: bytes, as: UTF8.self)) : .bytes(Array(bytes))
            default: return .null
            }
        }
    }
#endif
