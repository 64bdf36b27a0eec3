/// The directives of `Cache-Control`, of a request or a response (RFC 9111 §5.2), and of fields
/// that share its syntax.
///
/// Names are compared without regard to case, and an argument means the same as a token and as a
/// quoted string. What a peer gets wrong is read so that less is served from the cache:
///
/// - A directive given several times counts with its most restrictive argument. For freshness that
///   is the shortest, which at any age is either what the first occurrence says or stale, as
///   RFC 9111 §4.2.1 asks.
/// - `max-age` and `s-maxage` without a valid number are 0 (RFC 9111 §4.2.1). Where an invalid
///   `stale-…`, `max-stale` or `min-fresh` stands, nothing of the kind is asked or allowed.
/// - `no-cache` and `private` with an argument that is no list of field names count without one.
/// - An argument of a directive that takes none is not looked at.
/// - Numbers above 2³¹ are 2³¹ (RFC 9111 §1.2.2).
package struct CacheControl: Sendable, Hashable, ListBasedField {
    /// `no-cache` or `private`: absent, for the whole response, or for some of its fields
    /// (RFC 9111 §5.2.2.4, §5.2.2.7).
    package enum Restriction: Sendable, Hashable {
        /// The directive isn't there.
        case absent
        /// The directive holds for these fields only.
        case fields([HeaderName])
        /// The directive holds for everything.
        case everything
    }

    /// `max-stale`: how long past its freshness a response may be (RFC 9111 §5.2.1.2).
    package enum Staleness: Sendable, Hashable {
        /// At most so many seconds.
        case seconds(Int)
        /// However long.
        case unlimited
    }

    /// A directive that isn't known here (RFC 9111 §5.2.3).
    package struct Extension: Sendable, Hashable {
        /// The name, as it was spelled.
        package let name: String
        /// The argument without its quotes, or nil.
        package let argument: String?

        /// Makes a directive.
        package init(name: String, argument: String? = nil) {
            self.name = name
            self.argument = argument
        }
    }

    /// `max-age` in seconds: of a response, how long it is fresh; of a request, how old a response
    /// may be (RFC 9111 §5.2.1.1, §5.2.2.1).
    package var maxAge: Int?
    /// `s-maxage` in seconds: how long it is fresh in a shared cache (RFC 9111 §5.2.2.10).
    package var sMaxAge: Int?
    /// `stale-while-revalidate` in seconds (RFC 5861 §3).
    package var staleWhileRevalidate: Int?
    /// `stale-if-error` in seconds, of a request or a response (RFC 5861 §4).
    package var staleIfError: Int?
    /// `min-fresh` in seconds (RFC 9111 §5.2.1.3).
    package var minFresh: Int?
    /// `max-stale` (RFC 9111 §5.2.1.2).
    package var maxStale: Staleness?
    /// `no-cache` (RFC 9111 §5.2.1.4, §5.2.2.4).
    package var noCache = Restriction.absent
    /// `private` (RFC 9111 §5.2.2.7).
    package var `private` = Restriction.absent
    /// `no-store` (RFC 9111 §5.2.1.5, §5.2.2.5).
    package var noStore = false
    /// `public` (RFC 9111 §5.2.2.9).
    package var `public` = false
    /// `must-revalidate` (RFC 9111 §5.2.2.2).
    package var mustRevalidate = false
    /// `proxy-revalidate` (RFC 9111 §5.2.2.8).
    package var proxyRevalidate = false
    /// `must-understand` (RFC 9111 §5.2.2.3).
    package var mustUnderstand = false
    /// `no-transform` (RFC 9111 §5.2.1.6, §5.2.2.6).
    package var noTransform = false
    /// `immutable` (RFC 8246 §2).
    package var immutable = false
    /// `only-if-cached` (RFC 9111 §5.2.1.7).
    package var onlyIfCached = false
    /// The directives that aren't known here, in order, each occurrence by itself.
    package var extensions: [Extension] = []

    /// Makes a field without directives.
    package init() {}

    /// Whether there is no directive.
    package var isEmpty: Bool { self == CacheControl() }

    /// Reads one more line of the field.
    package mutating func add(line: String) {
        var scanner = FieldScanner(line)
        while scanner.nextMember() {
            guard let name = scanner.token() else {
                scanner.skipMember()
                continue
            }
            add(name, scanner.directiveArgument())
        }
    }

    private mutating func add(_ name: Substring, _ argument: FieldScanner.Argument) {
        switch name.utf8.count {
        case 6 where name.equalsIgnoringASCIICase("public"):
            `public` = true
        case 7 where name.equalsIgnoringASCIICase("max-age"):
            maxAge = min(maxAge ?? .max, argument.seconds ?? 0)
        case 7 where name.equalsIgnoringASCIICase("private"):
            `private`.add(argument)
        case 8 where name.equalsIgnoringASCIICase("no-store"):
            noStore = true
        case 8 where name.equalsIgnoringASCIICase("no-cache"):
            noCache.add(argument)
        case 8 where name.equalsIgnoringASCIICase("s-maxage"):
            sMaxAge = min(sMaxAge ?? .max, argument.seconds ?? 0)
        case 9 where name.equalsIgnoringASCIICase("immutable"):
            immutable = true
        case 9 where name.equalsIgnoringASCIICase("max-stale"):
            addMaxStale(argument)
        case 9 where name.equalsIgnoringASCIICase("min-fresh"):
            if let seconds = argument.seconds { minFresh = max(minFresh ?? 0, seconds) }
        case 12 where name.equalsIgnoringASCIICase("no-transform"):
            noTransform = true
        case 14 where name.equalsIgnoringASCIICase("only-if-cached"):
            onlyIfCached = true
        case 14 where name.equalsIgnoringASCIICase("stale-if-error"):
            staleIfError = min(staleIfError ?? .max, argument.seconds ?? 0)
        case 15 where name.equalsIgnoringASCIICase("must-revalidate"):
            mustRevalidate = true
        case 15 where name.equalsIgnoringASCIICase("must-understand"):
            mustUnderstand = true
        case 16 where name.equalsIgnoringASCIICase("proxy-revalidate"):
            proxyRevalidate = true
        case 22 where name.equalsIgnoringASCIICase("stale-while-revalidate"):
            staleWhileRevalidate = min(staleWhileRevalidate ?? .max, argument.seconds ?? 0)
        default:
            switch argument {
            case .absent: extensions.append(Extension(name: String(name)))
            case .text(let text):
                extensions.append(Extension(name: String(name), argument: String(text)))
            case .malformed: break
            }
        }
    }

    private mutating func addMaxStale(_ argument: FieldScanner.Argument) {
        let limit: Staleness =
            if case .absent = argument { .unlimited } else { .seconds(argument.seconds ?? 0) }
        switch (maxStale, limit) {
        case (nil, _), (.unlimited, _): maxStale = limit
        case (.seconds(let old), .seconds(let new)): maxStale = .seconds(min(old, new))
        case (.seconds, .unlimited): break
        }
    }

    /// The directives as one line, those that are known in a fixed order before the others.
    package var fieldValue: String {
        var parts: [String] = []
        func add(_ name: String, _ isThere: Bool) {
            if isThere { parts.append(name) }
        }
        func add(_ name: String, _ seconds: Int?) {
            if let seconds { parts.append("\(name)=\(seconds)") }
        }
        func add(_ name: String, _ restriction: Restriction) {
            switch restriction {
            case .absent: break
            case .everything: parts.append(name)
            case .fields(let fields):
                parts.append(
                    "\(name)=\"\(fields.map(\.spelling).joined(separator: ", "))\"")
            }
        }
        add("public", `public`)
        add("private", `private`)
        add("no-store", noStore)
        add("no-cache", noCache)
        add("max-age", maxAge)
        add("s-maxage", sMaxAge)
        add("stale-while-revalidate", staleWhileRevalidate)
        add("stale-if-error", staleIfError)
        add("must-revalidate", mustRevalidate)
        add("proxy-revalidate", proxyRevalidate)
        add("must-understand", mustUnderstand)
        add("no-transform", noTransform)
        add("immutable", immutable)
        add("min-fresh", minFresh)
        switch maxStale {
        case nil: break
        case .unlimited: parts.append("max-stale")
        case .seconds(let seconds): add("max-stale", seconds)
        }
        add("only-if-cached", onlyIfCached)
        for directive in extensions {
            parts.append(
                directive.name + (directive.argument.map { "=" + $0.httpParameterValue } ?? ""))
        }
        return parts.joined(separator: ", ")
    }
}

extension CacheControl.Restriction {
    /// Whether the directive is there without a list of fields.
    package var isEverything: Bool { self == .everything }

    fileprivate mutating func add(_ argument: FieldScanner.Argument) {
        guard self != .everything, case .text(let text) = argument else {
            self = .everything
            return
        }
        var names: [HeaderName] = if case .fields(let names) = self { names } else { [] }
        let before = names.count
        var scanner = FieldScanner(text)
        while scanner.nextMember() {
            guard let token = scanner.token(), scanner.isAtMemberEnd(),
                let name = HeaderName(String(token))
            else {
                self = .everything
                return
            }
            names.append(name)
        }
        self = names.count > before ? .fields(names) : .everything
    }
}

extension FieldScanner {
    fileprivate enum Argument {
        case absent
        case text(Substring)
        case malformed

        var seconds: Int? {
            guard case .text(let text) = self else { return nil }
            return text.deltaSeconds
        }
    }

    /// Takes what follows a directive's name in its member.
    fileprivate mutating func directiveArgument() -> Argument {
        var argument = Argument.absent
        if skip(UInt8(ascii: "=")) {
            argument = tokenOrQuotedString().map { .text($0) } ?? .malformed
        }
        guard isAtMemberEnd() else {
            skipMember()
            return .malformed
        }
        return argument
    }
}
