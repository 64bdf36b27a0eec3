public import Strata

/// What every ``SessionStore`` must do, as a list of checks that any test library can run.
///
/// ```swift
/// @Test(arguments: SessionStoreConformance.checks)
/// func `the store keeps the contract`(check: SessionStoreConformance.Check) async {
///     let time = ManualTime()
///     let failures = await check.failures(of: MyStore(time: time)) { time.advance(by: $0) }
///     #expect(failures.isEmpty)
/// }
/// ```
///
/// Each check uses digests of its own, so a server may be shared between them and with others.
public enum SessionStoreConformance {
    /// Something that the store did wrong.
    public struct Failure: Sendable, CustomStringConvertible {
        /// What was expected and what came instead.
        public let message: String
        /// The line of the suite's source that expected it.
        public let line: UInt

        /// The message and where it comes from.
        public var description: String { "\(message) (SessionStoreConformance, line \(line))" }
    }

    /// One behaviour, and how it is looked for.
    public struct Check: Sendable, CustomStringConvertible {
        /// The behaviour in words.
        public let description: String
        let body: @Sendable (inout Trial) async throws -> Void

        init(_ name: String, _ body: @escaping @Sendable (inout Trial) async throws -> Void) {
            description = name
            self.body = body
        }

        /// Tries it on the store.
        ///
        /// - Parameters:
        ///   - store: the store on trial.
        ///   - letPass: lets so much time pass for the store, less than a second: moves its clock,
        ///     or waits.
        /// - Returns: what the store did wrong; nothing where it did all right.
        public func failures(
            of store: any SessionStore,
            letPass: @escaping @Sendable (Duration) async throws -> Void
        ) async -> [Failure] {
            var trial = Trial(store: store, letPass: letPass)
            do {
                try await body(&trial)
            } catch {
                trial.failures.append(Failure(message: "an error was thrown: \(error)", line: 0))
            }
            return trial.failures
        }
    }

    /// A store on trial, and what it did wrong so far.
    struct Trial {
        let store: any SessionStore
        let letPass: @Sendable (Duration) async throws -> Void
        var failures: [Failure] = []
        /// Keeps the digests of this trial apart from all others.
        let scope = String(UInt64.random(in: .min ... .max), radix: 36)

        /// A digest that only this trial uses.
        func digest(_ name: String) -> SessionDigest {
            SessionDigest(of: Array("\(scope)/\(name)".utf8), kind: "trial")
        }

        /// Notes a failure where the two differ.
        mutating func expect<Value: Equatable>(
            _ actual: Value, is expected: Value, _ what: String, line: UInt = #line
        ) {
            guard actual != expected else { return }
            failures.append(
                Failure(message: "\(what) is \(actual) and not \(expected)", line: line))
        }

        /// Notes a failure where the condition does not hold.
        mutating func expect(_ condition: Bool, _ what: String, line: UInt = #line) {
            if !condition { failures.append(Failure(message: what, line: line)) }
        }

        func create(
            _ name: String, _ values: [String: [UInt8]] = ["a": [1]],
            idle: Duration = .seconds(600),
            absolute: Duration = .seconds(6_000), principal: String? = nil, limit: Int = 100,
            wrappedKey: [UInt8]? = nil
        ) async throws(StoreError) {
            let new = NewSession(
                lifetime: SessionLifetime(idle: idle, absolute: absolute),
                signIn: principal.map { SessionSignIn(principal: digest($0), limit: limit) },
                wrappedKey: wrappedKey, values: values)
            try await store.create(new, as: digest(name))
        }

        /// The session under that name; nil where there is none.
        func session(_ name: String) async throws(StoreError) -> StoredSession? {
            guard case .found(let session) = try await store.load(digest(name)) else { return nil }
            return session
        }

        func lookup(_ name: String) async throws(StoreError) -> SessionLookup {
            try await store.load(digest(name))
        }

        func apply(
            _ changes: [String: SessionChange] = [:], if conditions: [String: [UInt8]?] = [:],
            to name: String, rotation: SessionUpdate.Rotation? = nil
        ) async throws(StoreError) -> SessionOutcome {
            try await store.apply(
                SessionUpdate(changes: changes, conditions: conditions, rotation: rotation),
                to: digest(name))
        }

        /// A rotation, for a log-in where a principal is named.
        func rotation(
            to name: String, grace: Duration = .seconds(60), principal: String? = nil,
            wrappedKey: [UInt8]? = nil
        ) -> SessionUpdate.Rotation {
            SessionUpdate.Rotation(
                to: digest(name), grace: grace, wrappedKey: wrappedKey,
                signIn: principal.map { SessionSignIn(principal: digest($0), limit: 100) },
                lifetime: principal.map { _ in
                    SessionLifetime(idle: .seconds(600), absolute: .seconds(6_000))
                })
        }

        /// The digests of the principal's sessions.
        func sessions(of principal: String) async throws(StoreError) -> [SessionDigest] {
            try await store.sessions(of: digest(principal)).map(\.digest)
        }
    }

    /// All checks.
    public static let checks: [Check] =
        valueChecks + rotationChecks + lifetimeChecks + principalChecks + concurrencyChecks
}
