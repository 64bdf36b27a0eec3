/// What a ``MemorySessions`` keeps, without the lock.
struct SessionTable: Sendable {
    /// A moment on both clocks: lifetimes run on the one that is never set back.
    struct Moment {
        let now: Timestamp
        let uptime: Duration
    }

    /// What stands under a digest.
    enum Entry: Sendable {
        case session(Session)
        case pointer(Pointer)

        var end: Duration {
            switch self {
            case .session(let session): session.end
            case .pointer(let pointer): pointer.end
            }
        }
    }

    /// A session, and until when it lives.
    struct Session: Sendable {
        var stored: StoredSession
        var idle: Duration
        var end: Duration
        var absoluteEnd: Duration
        var byteCount: Int

        mutating func count() {
            byteCount = stored.values.reduce(512) { $0 + 64 + $1.key.utf8.count + $1.value.count }
        }
    }

    /// An old digest, and what it stands for.
    struct Pointer: Sendable {
        let target: SessionDigest
        /// Whether a log-in left it.
        let isClosed: Bool
        let wrappedKey: [UInt8]?
        let end: Duration
    }

    /// Where a digest leads.
    private struct Resolution {
        var session: Session
        /// What the digest that was asked for has as its key.
        var wrappedKey: [UInt8]?
        var isRotated = false
        var isClosed = false
    }

    /// How many rotations within one grace period are followed.
    private static let maximumHops = 8
    private static let pointerBytes = 512

    private let maximumBytes: Int
    private(set) var entries: [SessionDigest: Entry] = [:]
    /// The sessions of each principal, in the order in which they began.
    private var members: [SessionDigest: [SessionDigest]] = [:]
    private(set) var bytes = 0
    /// The count of entries at which the expired ones are next looked for.
    private var nextSweep = 1_024
    /// When they are looked for next where there is no room.
    private var nextFullSweep = Duration.zero

    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    // MARK: - What the store does

    mutating func load(_ digest: SessionDigest, at moment: Moment) -> SessionLookup {
        guard var found = resolve(digest, at: moment) else { return .missing }
        guard !found.isClosed else { return .superseded }
        let session = found.session
        if case .slides(let end) = SessionLifetime.expiry(
            idle: session.idle, end: session.end, absoluteEnd: session.absoluteEnd,
            now: moment.uptime)
        {
            found.session.end = end
            found.session.stored.lastSeen = moment.now
            entries[session.stored.digest] = .session(found.session)
        }
        found.session.stored.wrappedKey = found.wrappedKey
        return .found(found.session.stored)
    }

    mutating func create(
        _ new: NewSession, as digest: SessionDigest, at moment: Moment
    ) throws(StoreError) {
        var session = Session(
            stored: StoredSession(
                digest: digest, created: moment.now, lastSeen: moment.now,
                expires: moment.now + new.lifetime.absolute, principal: new.signIn?.principal,
                wrappedKey: new.wrappedKey, values: new.values),
            idle: new.lifetime.idle, end: .zero, absoluteEnd: .zero, byteCount: 0)
        session.begin(new.lifetime, at: moment)
        session.count()
        try makeRoom(for: session.byteCount, at: moment)
        put(.session(session), under: digest)
        if let signIn = new.signIn { join(digest, signIn, at: moment) }
    }

    mutating func apply(
        _ update: SessionUpdate, to digest: SessionDigest, at moment: Moment
    ) throws(StoreError) -> SessionOutcome {
        guard let found = resolve(digest, at: moment) else { return .missing }
        if found.isClosed, update.rotation?.signIn != nil { return .superseded }
        var session = found.session
        for (name, expected) in update.conditions where session.stored.values[name] != expected {
            return .conflict(
                session.stored.values.filter { update.conditions.keys.contains($0.key) })
        }
        for (name, change) in update.changes { session.stored.values.apply(change, to: name) }
        session.count()
        try makeRoom(for: session.byteCount - found.session.byteCount, at: moment)
        let current = session.stored.digest
        guard let rotation = update.rotation, rotation.signIn != nil || !found.isRotated else {
            put(.session(session), under: current)
            return .applied(rotated: false)
        }
        let pointer = Pointer(
            target: rotation.digest, isClosed: rotation.signIn != nil,
            wrappedKey: session.stored.wrappedKey,
            end: moment.uptime + rotation.grace)
        session.stored.digest = rotation.digest
        session.stored.wrappedKey = rotation.wrappedKey
        if let lifetime = rotation.lifetime {
            session.begin(lifetime, at: moment)
        }
        let former = session.stored.principal
        if let signIn = rotation.signIn { session.stored.principal = signIn.principal }
        put(.pointer(pointer), under: current)
        put(.session(session), under: rotation.digest)
        if let former {
            replace(current, by: rotation.signIn == nil ? rotation.digest : nil, of: former)
        }
        if let signIn = rotation.signIn { join(rotation.digest, signIn, at: moment) }
        return .applied(rotated: true)
    }

    mutating func end(_ target: SessionTarget, at moment: Moment) -> Bool {
        switch target {
        case .session(let digest):
            guard let session = resolve(digest, at: moment)?.session.stored else { return false }
            remove(session)
        case .member(let digest, let principal):
            guard let session = resolve(digest, at: moment)?.session.stored,
                session.principal == principal
            else { return false }
            remove(session)
        case .everywhere(let digest):
            guard let session = resolve(digest, at: moment)?.session.stored else { return false }
            if let principal = session.principal { removeAll(of: principal) }
            remove(session)
        case .others(let digest):
            guard let session = resolve(digest, at: moment)?.session.stored,
                let principal = session.principal
            else { return false }
            removeAll(of: principal, but: session.digest)
        case .principal(let principal):
            guard members[principal] != nil else { return false }
            removeAll(of: principal)
        }
        return true
    }

    mutating func sessions(of principal: SessionDigest, at moment: Moment) -> [StoredSession] {
        (members[principal] ?? []).compactMap { resolve($0, at: moment)?.session.stored }
    }

    // MARK: - Its steps

    /// The living session that a digest leads to; forgets what has expired on the way.
    private mutating func resolve(_ digest: SessionDigest, at moment: Moment) -> Resolution? {
        var wrappedKey: [UInt8]??
        var isClosed = false
        var next = digest
        for hop in 0...Self.maximumHops {
            guard let entry = entries[next] else { return nil }
            guard entry.end > moment.uptime else {
                drop(next)
                return nil
            }
            switch entry {
            case .pointer(let pointer):
                wrappedKey = wrappedKey ?? .some(pointer.wrappedKey)
                isClosed = isClosed || pointer.isClosed
                next = pointer.target
            case .session(let session):
                return Resolution(
                    session: session, wrappedKey: wrappedKey ?? session.stored.wrappedKey,
                    isRotated: hop > 0, isClosed: isClosed)
            }
        }
        return nil
    }

    private mutating func put(_ entry: Entry, under digest: SessionDigest) {
        bytes += byteCount(of: entry) - (entries[digest].map(byteCount) ?? 0)
        entries[digest] = entry
    }

    private func byteCount(of entry: Entry) -> Int {
        switch entry {
        case .session(let session): session.byteCount
        case .pointer: Self.pointerBytes
        }
    }

    /// Forgets what stands under the digest, and that its principal had it.
    private mutating func drop(_ digest: SessionDigest) {
        guard let entry = entries.removeValue(forKey: digest) else { return }
        bytes -= byteCount(of: entry)
        if case .session(let session) = entry, let principal = session.stored.principal {
            replace(digest, by: nil, of: principal)
        }
    }

    private mutating func remove(_ session: StoredSession) { drop(session.digest) }

    private mutating func removeAll(
        of principal: SessionDigest, but kept: SessionDigest? = nil
    ) {
        for digest in members[principal] ?? [] where digest != kept { drop(digest) }
    }

    private mutating func replace(
        _ old: SessionDigest, by new: SessionDigest?, of principal: SessionDigest
    ) {
        guard var digests = members[principal], let index = digests.firstIndex(of: old) else {
            return
        }
        if let new { digests[index] = new } else { digests.remove(at: index) }
        members[principal] = digests.isEmpty ? nil : digests
    }

    /// Adds a session to its principal's, and ends the oldest ones above the limit.
    private mutating func join(
        _ digest: SessionDigest, _ signIn: SessionSignIn, at moment: Moment
    ) {
        for member in members[signIn.principal] ?? [] {
            if let entry = entries[member], entry.end <= moment.uptime { drop(member) }
        }
        let excess = (members[signIn.principal]?.count ?? 0) + 1 - max(1, signIn.limit)
        for member in (members[signIn.principal] ?? []).prefix(max(0, excess)) { drop(member) }
        members[signIn.principal, default: []].append(digest)
    }

    /// Forgets what has expired: when there is twice as much as was left the last time, so that it
    /// costs each new session the same, and when there is no room, but once a second at most.
    private mutating func makeRoom(for count: Int, at moment: Moment) throws(StoreError) {
        let isFull = count > 0 && bytes + count > maximumBytes
        if entries.count >= nextSweep || isFull && moment.uptime >= nextFullSweep {
            for (digest, entry) in entries where entry.end <= moment.uptime { drop(digest) }
            nextSweep = max(1_024, entries.count * 2)
            nextFullSweep = moment.uptime + .seconds(1)
        }
        guard !isFull || bytes + count <= maximumBytes else {
            throw StoreError(
                .refused, "Sessions fill the memory they may take; raise the store's limit.")
        }
    }
}

extension SessionTable.Session {
    /// Begins a lifetime.
    mutating func begin(_ lifetime: SessionLifetime, at moment: SessionTable.Moment) {
        idle = lifetime.idle
        absoluteEnd = moment.uptime + lifetime.absolute
        end = min(moment.uptime + idle, absoluteEnd)
        stored.created = moment.now
        stored.lastSeen = moment.now
        stored.expires = moment.now + lifetime.absolute
    }
}

extension [String: [UInt8]] {
    /// Makes the change to the value of that name.
    fileprivate mutating func apply(_ change: SessionChange, to name: String) {
        switch change {
        case .set(let bytes): self[name] = bytes
        case .remove: self[name] = nil
        case .add(let amount):
            let text = self[name].map { String(decoding: $0, as: UTF8.self) } ?? "0"
            guard let number = Int64(text), String(number) == text else { return }
            let (sum, overflow) = number.addingReportingOverflow(amount)
            if !overflow { self[name] = Array(String(sum).utf8) }
        }
    }
}
