import StrataTesting
import Synchronization

@testable import Strata

/// A store that counts what it is asked, and fails on demand.
final class ProbeSessions: SessionStore {
    struct State {
        var calls: [String] = []
        var fault: StoreError.Code?
    }

    let inner: any SessionStore
    /// Guards the calls and the fault.
    private let state = Mutex(State())

    init(_ inner: any SessionStore) { self.inner = inner }

    var calls: [String] { state.withLock(\.calls) }
    func forgetCalls() { state.withLock { $0.calls = [] } }
    func fail(_ code: StoreError.Code?) { state.withLock { $0.fault = code } }

    private func note(_ call: String) throws(StoreError) {
        let fault = state.withLock { state in
            state.calls.append(call)
            return state.fault
        }
        if let fault { throw StoreError(fault, "an injected fault") }
    }

    func load(_ session: SessionDigest) async throws(StoreError) -> SessionLookup {
        try note("load")
        return try await inner.load(session)
    }

    func create(_ session: NewSession, as digest: SessionDigest) async throws(StoreError) {
        try note("create")
        try await inner.create(session, as: digest)
    }

    func apply(
        _ update: SessionUpdate, to session: SessionDigest
    ) async throws(StoreError) -> SessionOutcome {
        try note("apply")
        return try await inner.apply(update, to: session)
    }

    func end(_ target: SessionTarget) async throws(StoreError) -> Bool {
        try note("end")
        return try await inner.end(target)
    }

    func sessions(of principal: SessionDigest) async throws(StoreError) -> [StoredSession] {
        try note("sessions")
        return try await inner.sessions(of: principal)
    }
}

/// A service with sessions, and what it stands on.
struct Service {
    let time = ManualTime()
    let store: ProbeSessions
    let sessions: Sessions
    let heard = Heard()

    init(
        keys: [SessionKey] = [Service.key], store: ProbeSessions? = nil,
        _ configure: (inout Sessions.Configuration) -> Void = { _ in }
    ) {
        var configuration = Sessions.Configuration()
        configure(&configuration)
        self.store = store ?? ProbeSessions(MemorySessions(time: time))
        let heard = heard
        sessions = Sessions(
            store: self.store, keys: keys, configuration: configuration, time: time,
            events: Events { event in if let event = event as? SessionEvent { heard.add(event) } })
    }

    static let key = SessionKey.random()

    /// A client that talks to it.
    var client: Client { Client(sessions) }
}

/// The events that were heard.
final class Heard: Sendable {
    /// Guards the list.
    private let list = Mutex<[SessionEvent]>([])
    var events: [SessionEvent] { list.withLock { $0 } }
    func add(_ event: SessionEvent) { list.withLock { $0.append(event) } }
}

/// A client that keeps the cookies it is sent.
final class Client: Sendable {
    private let sessions: Sessions
    /// Guards the cookies.
    private let jar: Mutex<[String: String]>

    init(_ sessions: Sessions, cookies: [String: String] = [:]) {
        self.sessions = sessions
        jar = Mutex(cookies)
    }

    var cookies: [String: String] { jar.withLock { $0 } }

    /// Another client with the same cookies.
    var copy: Client { Client(sessions, cookies: cookies) }

    func plant(_ value: String?, _ name: String = "__Host-session") {
        jar.withLock { $0[name] = value }
    }

    var request: Request {
        var request = Request(.get, "/")
        let line = cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
        if !line.isEmpty { request.headers[.cookie] = line }
        return request
    }

    /// Sends a request that is answered by the closure.
    @discardableResult
    func send(
        _ request: Request? = nil,
        _ handler: @escaping @Sendable (Session) async throws -> Void
    ) async throws -> Response {
        try await respond(request ?? self.request) { request in
            try await handler(request.session)
            return .text("done")
        }
    }

    func respond(_ request: Request, _ handler: @escaping Handler) async throws -> Response {
        let app = wrap(handler) { sessions }
        let response = try await app(request)
        for line in response.headers.lines(of: .setCookie) {
            let pair = line.prefix { $0 != ";" }.split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let isRemoved = line.contains("Max-Age=0")
            jar.withLock { $0[String(pair[0])] = isRemoved ? nil : String(pair[1]) }
        }
        return response
    }
}
