/// What one request knows about its session, and what it is about to change; no I/O.
struct SessionState: Sendable {
    /// What the session is built on.
    enum Base: Sendable, Hashable {
        /// Nobody has asked yet.
        case unread
        /// There is none.
        case none
        /// It has gone on under another id by a log-in: this request has none, and must not get
        /// another, whose cookie could take the place of the one from the log-in.
        case superseded(SessionDigest)
        /// The store is down, and the request goes on without.
        case unavailable
        /// This one.
        case stored(StoredSession, SessionVault)
    }

    /// How the session goes on under another id.
    enum Rotation: Sendable, Hashable {
        case plain
        case signIn(principal: String, isRemembered: Bool)
    }

    /// What is to be done when the response goes out.
    enum Save: Sendable, Hashable {
        /// Nothing.
        case nothing
        /// A session begins.
        case create
        /// The changes go to the session.
        case update
        /// The changes have no session to go to.
        case discard
    }

    var base = Base.unread
    /// What becomes of each value; bytes are as the handler knows them, not as they are kept.
    private(set) var changes: [String: SessionChange] = [:]
    var rotation: Rotation?
    /// Whether the client brought an id that the session has given up meanwhile.
    var isRotated = false
    /// Whether anybody has asked for anything.
    var isTouched = false
    /// Whether the response was given, so that nothing can change any more.
    var isClosed = false
    /// Whether the cookie that came is to be removed.
    var endsCookie = false

    /// Decides what is to be done when the response goes out.
    var save: Save {
        let hasContent = changes.values.contains { $0 != .remove }
        switch base {
        case .unread: return .nothing
        case .none: return hasContent || isSigningIn ? .create : .nothing
        case .superseded: return isSigningIn ? .create : changes.isEmpty ? .nothing : .discard
        case .unavailable: return changes.isEmpty ? .nothing : .discard
        case .stored: return changes.isEmpty && rotation == nil ? .nothing : .update
        }
    }

    private var isSigningIn: Bool { if case .signIn = rotation { true } else { false } }

    /// The value of that name as this request sees it; nil where there is none, or what is kept
    /// can't be opened.
    func value(of name: String) -> [UInt8]? {
        switch changes[name] {
        case .set(let bytes): bytes
        case .remove: nil
        case .add(let amount):
            Array(String((number(storedValue(of: name)) ?? 0) &+ amount).utf8)
        case nil: storedValue(of: name)
        }
    }

    /// All values as this request sees them.
    var values: [String: [UInt8]] {
        var names = Set(changes.keys)
        if case .stored(let session, _) = base { names.formUnion(session.values.keys) }
        return names.reduce(into: [:]) { values, name in values[name] = value(of: name) }
    }

    private func storedValue(of name: String) -> [UInt8]? {
        guard case .stored(let session, let vault) = base, let kept = session.values[name] else {
            return nil
        }
        return vault.open(kept, name: name)
    }

    private func number(_ bytes: [UInt8]?) -> Int64? {
        bytes.flatMap { Int64(String(decoding: $0, as: UTF8.self)) }
    }

    /// Sets a value, or removes it.
    mutating func set(_ bytes: [UInt8]?, for name: String) {
        changes[name] = bytes.map { .set($0) } ?? .remove
    }

    /// Adds to a number.
    ///
    /// - Returns: the sum as this request sees it; nil where there is no 64-bit number or sum, and
    ///   nothing changes.
    mutating func add(_ amount: Int64, to name: String) -> Int64? {
        let current = value(of: name)
        guard let number = current == nil ? 0 : number(current) else { return nil }
        let (sum, overflow) = number.addingReportingOverflow(amount)
        guard !overflow else { return nil }
        switch changes[name] {
        case nil: changes[name] = .add(amount)
        case .add(let earlier):
            let (total, overflow) = earlier.addingReportingOverflow(amount)
            guard !overflow else { return nil }
            changes[name] = .add(total)
        case .set, .remove: changes[name] = .set(Array(String(sum).utf8))
        }
        return sum
    }

    /// Forgets the session and everything that was to become of it.
    mutating func end() {
        base = .none
        changes = [:]
        rotation = nil
    }

    /// How much the session holds once a value of so many bytes is under that name.
    func size(with name: String, of count: Int) -> (values: Int, bytes: Int) {
        var sizes: [String: Int] = [:]
        if case .stored(let session, _) = base { sizes = session.values.mapValues(\.count) }
        for (name, change) in changes {
            switch change {
            case .set(let bytes): sizes[name] = bytes.count
            case .remove: sizes[name] = nil
            case .add: sizes[name] = 20
            }
        }
        sizes[name] = count
        return (sizes.count, sizes.reduce(0) { $0 + $1.key.utf8.count + $1.value })
    }
}

/// The names that values go by in a store: the handler's are marked, so that they never meet those
/// of the library.
enum SessionValueName {
    static let principal = "principal"
    static let userAgent = "agent"
    static let address = "address"
    static let isRemembered = "remembered"

    static func value(_ key: String) -> String { "=" + key }
    static func flash(_ key: String) -> String { "!" + key }
}
