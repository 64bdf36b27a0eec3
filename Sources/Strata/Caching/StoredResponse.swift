import Synchronization

/// A response as the cache keeps it: what is sent again, and what decides whether it may be.
///
/// It is an object, so that a hit hands it on without copying what is in it.
final class StoredResponse: Sendable, Equatable {
    /// What is kept besides the content.
    let head: StoredHead
    /// The content.
    let content: [UInt8]
    /// What is known of the content in codings, where it is kept in memory: a handful at most.
    let siblings: [(coding: String, sibling: EncodedSibling)]

    /// Guarded: by whoever answers with the response; what the last answer that was all of it had.
    /// Nothing in it refers to the response or to the cache, which would then never go.
    private let latest = Mutex<LatestHit?>(nil)

    init(
        head: StoredHead, content: [UInt8],
        siblings: [(coding: String, sibling: EncodedSibling)] = []
    ) {
        self.head = head
        self.content = content
        self.siblings = siblings
    }

    /// What an answer has that is all of the response: the fields stored, its age, and what the
    /// cache did; and beside them the encoded forms. Within a second all such answers have the
    /// same, so it is made once.
    ///
    /// - Parameters:
    ///   - age: in seconds, as ``timeToLive`` is.
    ///   - cache: the name of the cache.
    ///   - siblings: makes the encoded forms.
    func latestHit(
        age: Int, timeToLive: Int, cache: String, siblings: () -> StoredSiblings?
    ) -> (headers: Headers, siblings: StoredSiblings?) {
        latest.withLock { latest in
            if let latest, latest.age == age, latest.timeToLive == timeToLive,
                latest.cache == cache
            {
                return (latest.headers, latest.siblings)
            }
            let made = LatestHit(
                of: head, age: age, timeToLive: timeToLive, cache: cache, siblings: siblings())
            latest = made
            return (made.headers, made.siblings)
        }
    }

    /// How old the response is.
    ///
    /// It asks for no more of the head than it takes: to copy the whole would count up a reference
    /// for each part of it, which costs all threads that answer with it more than all else.
    func age(at now: Timestamp) -> Duration { max(.zero, now - head.born) }

    /// The siblings, where that is the content they are of.
    func siblings(of content: [UInt8]) -> [(coding: String, sibling: EncodedSibling)] {
        self.content.isSameArray(as: content) ? siblings : []
    }

    /// The same response with a sibling beside it, instead of one in the same coding.
    func adding(_ sibling: EncodedSibling, in coding: String) -> StoredResponse {
        StoredResponse(
            head: head, content: content,
            siblings: siblings.filter { $0.coding != coding } + [(coding, sibling)])
    }

    /// The response as the purges since it was filled have left it: as it is, stale, or gone.
    ///
    /// - Parameter current: the generations that the names it was filled under have now.
    func afterPurges(_ current: [Generation]) -> StoredResponse? {
        var staleSince: Timestamp?
        for (named, current) in zip(head.generations, current) {
            guard named.generation.number == current.number else { return nil }
            if let moment = current.staleSince, moment != named.generation.staleSince {
                staleSince = min(staleSince ?? moment, moment)
            }
        }
        guard let staleSince else { return self }
        var head = head
        head.terms.lifetime = min(head.terms.lifetime, max(.zero, staleSince - head.born))
        return StoredResponse(head: head, content: content, siblings: siblings)
    }

    static func == (left: StoredResponse, right: StoredResponse) -> Bool {
        left.head == right.head && left.content == right.content
    }
}

/// What answers from a stored response have in common for a second.
private struct LatestHit: Sendable {
    let age: Int
    let timeToLive: Int
    let cache: String
    let headers: Headers
    let siblings: StoredSiblings?

    init(
        of head: StoredHead, age: Int, timeToLive: Int, cache: String, siblings: StoredSiblings?
    ) {
        var headers = head.headers
        headers.reserveCapacity(headers.count + 2)
        headers[.age] = String(age)
        var status = CacheStatus()
        status.timeToLive = timeToLive
        headers.append(
            Headers.Field(
                name: .cacheStatus, value: status.member(named: cache), isLatin1: false))
        self.age = age
        self.timeToLive = timeToLive
        self.cache = cache
        self.headers = headers
        self.siblings = siblings
    }
}

/// A stored response without its content.
package struct StoredHead: Sendable, Hashable {
    /// The status.
    var status: Status
    /// The header fields that are sent again: none that belong to a connection (RFC 9111 §3.1),
    /// and no `Age`.
    var headers: Headers
    /// The moment at which the response's age was zero (RFC 9111 §4.2.3).
    var born: Timestamp
    /// The moment at which the content was stored.
    var made: Timestamp
    /// How it may be used again.
    var terms: ReuseTerms
    /// The request's fields that `Vary` names, normalised; nil where there was no such field.
    var selection: [SelectingField]
    /// The generations that it was filled under, of everything it can be purged by.
    var generations: [NamedGeneration]

    /// When the fill began; known only in the process that filled it.
    var beginning = FillBeginning()

    /// How long the handler took, with a stream to its end where its readers kept it from nothing.
    var cost = Duration.zero

    /// Which bytes the content is, where it isn't the whole.
    var part: StoredPart?
    /// What the handler wants of its compression.
    var compression = ResponseCompression.automatic

    /// How old the response is (RFC 9111 §4.2.3).
    func age(at now: Timestamp) -> Duration { max(.zero, now - born) }

    /// When the handler was asked; earlier by so much as a stream took.
    var asked: Timestamp { made - cost }

    /// Of a response that is a stream, which has ended.
    func ended(at now: Timestamp) -> StoredHead {
        var head = self
        head.cost += max(.zero, now - made)
        return head
    }

    /// How long the response stays fresh; negative once it is stale.
    func timeToLive(at now: Timestamp) -> Duration { terms.lifetime - age(at: now) }
}

extension StoredHead {
    /// Makes the head of a response that is fresh for so long since it was born, and of which
    /// nothing else is known.
    package init(_ response: Response, born: Timestamp, lifetime: Duration) {
        self.init(
            status: response.status, headers: response.headers, born: born, made: born,
            terms: ReuseTerms(lifetime: lifetime), selection: [], generations: [])
    }
}

/// The moment at which a fill began, in nanoseconds of the machine's uptime. It says something about
/// how a response came to be here and nothing about the response, so all of them are equal.
struct FillBeginning: Sendable, Hashable {
    var uptime: Int64?

    static func == (left: FillBeginning, right: FillBeginning) -> Bool { true }
    func hash(into hasher: inout Hasher) {}
}

/// How a stored response may be used again, as the response and the rules said.
package struct ReuseTerms: Sendable, Hashable {
    /// How long after its birth it is fresh (RFC 9111 §4.2.1).
    var lifetime: Duration
    /// How long after that it may be served while a new one is fetched (RFC 5861 §3).
    var staleWhileRevalidate: Duration = .zero
    /// How long after that it may be served when there is an error (RFC 5861 §4).
    var staleIfError: Duration = .zero
    /// Whether it must be validated before each use (`no-cache`, RFC 9111 §5.2.2.4).
    var requiresValidation = false
    /// Whether it must never be served stale (`must-revalidate`, `proxy-revalidate`, `s-maxage`;
    /// RFC 9111 §4.2.4).
    var forbidsStale = false
}

/// One of the request's fields that selected a response (RFC 9111 §4.1).
package struct SelectingField: Sendable, Hashable {
    package var name: HeaderName
    package var value: String?
}

/// A name that can be purged, and its generation.
struct NamedGeneration: Sendable, Hashable {
    var name: String
    var generation: Generation
}

/// The field names that responses of one URI vary by: where its variants are to be looked for.
struct VariantIndex: Sendable, Hashable {
    /// Part of the variants' keys; a new index begins with new keys, so that nothing that an
    /// earlier one led to is found again.
    var epoch: UInt64
    /// The sets of names, the latest first.
    var nameSets: [[HeaderName]]
    /// The variants, the latest first: to bound their number, and to ask the handler which of
    /// them is still right.
    var variants: [Variant]

    struct Variant: Sendable, Hashable {
        var key: String
        var etag: String?
        /// The request's fields that selected it, normalised.
        var fields: [SelectingField] = []
        /// The one language of its content, in lower case.
        var language: String?
        /// The one coding of its content, in lower case; `identity` for none.
        var coding: String?
    }
}

/// What is stored under a key.
enum CacheRecord: Sendable, Equatable {
    /// A response.
    case response(StoredResponse)
    /// The responses vary: where they are.
    case variants(VariantIndex)
    /// The last response could not be stored: don't let requests wait for each other.
    case uncacheable
    /// Which differences between queries don't matter to responses of a path, the latest first.
    case searches([SearchVariance])
    /// What became of a response's content in a coding.
    case encoded(EncodedSibling)
}

extension CacheRecord: FilledValue {
    /// When the handler was asked for the response's content.
    package var filled: Timestamp? {
        guard case .response(let response) = self else { return nil }
        return response.head.asked
    }

    package var generationNames: [String] {
        guard case .response(let response) = self else { return [] }
        return response.head.generations.map(\.name)
    }
}
