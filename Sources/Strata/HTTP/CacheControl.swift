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
    ///
    /// Nearly every directive is a known name by itself or with a number, which is read straight
    /// from the line's bytes; the others are read as the grammar has it.
    package mutating func add(line: String) {
        let bytes = line.utf8.span
        var scanner: FieldScanner?
        var position = 0
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: ",") || bytes[position].isOptionalWhitespace {
                position += 1
            } else if let end = addPlainMember(of: bytes, from: position) {
                position = end
            } else {
                // One for the whole line: it knows which quotes nothing ends.
                var reader = scanner ?? FieldScanner(line)
                reader.move(to: position)
                addMember(from: &reader)
                position = reader.position
                scanner = reader
            }
        }
    }

    /// Takes a member that is a known name, with or without a number; gives where it ends, and nil
    /// with nothing taken where it is anything else.
    private mutating func addPlainMember(of bytes: Span<UInt8>, from start: Int) -> Int? {
        var position = start
        guard let directive = Directive(bytes, at: start, end: &position) else { return nil }
        var seconds: Int?
        if position < bytes.count, bytes[position] == UInt8(ascii: "=") {
            position += 1
            let digits = position
            var number = 0
            while position < bytes.count, bytes[position].isASCIIDigit {
                number = min(number * 10 + Int(bytes[position] &- UInt8(ascii: "0")), 1 << 31)
                position += 1
            }
            guard position > digits else { return nil }
            seconds = number
        }
        while position < bytes.count, bytes[position].isOptionalWhitespace { position += 1 }
        guard position == bytes.count || bytes[position] == UInt8(ascii: ","),
            seconds == nil || !directive.takesFields
        else { return nil }
        add(directive, seconds.map { .seconds($0) } ?? .absent)
        return position
    }

    /// Takes any member.
    private mutating func addMember(from scanner: inout FieldScanner) {
        guard let name = scanner.token() else { return scanner.skipMember() }
        let argument = scanner.directiveArgument()
        let bytes = name.utf8.span
        var end = 0
        if let directive = Directive(bytes, at: 0, end: &end), end == bytes.count {
            add(directive, argument)
        } else if argument != .malformed {
            extensions.append(Extension(name: String(name), argument: argument.text))
        }
    }

    private mutating func add(_ directive: Directive, _ argument: DirectiveArgument) {
        let seconds = argument.number ?? 0
        switch directive {
        case .public: `public` = true
        case .maxAge: maxAge = min(maxAge ?? .max, seconds)
        case .private: `private`.add(argument)
        case .noStore: noStore = true
        case .noCache: noCache.add(argument)
        case .sMaxAge: sMaxAge = min(sMaxAge ?? .max, seconds)
        case .immutable: immutable = true
        case .maxStale: addMaxStale(argument)
        case .minFresh:
            if let seconds = argument.number { minFresh = max(minFresh ?? 0, seconds) }
        case .noTransform: noTransform = true
        case .onlyIfCached: onlyIfCached = true
        case .staleIfError: staleIfError = min(staleIfError ?? .max, seconds)
        case .mustRevalidate: mustRevalidate = true
        case .mustUnderstand: mustUnderstand = true
        case .proxyRevalidate: proxyRevalidate = true
        case .staleWhileRevalidate:
            staleWhileRevalidate = min(staleWhileRevalidate ?? .max, seconds)
        }
    }

    private mutating func addMaxStale(_ argument: DirectiveArgument) {
        let limit: Staleness =
            argument == .absent ? .unlimited : .seconds(argument.number ?? 0)
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

    fileprivate mutating func add(_ argument: DirectiveArgument) {
        guard self != .everything, case .text(let text) = argument else {
            self = .everything
            return
        }
        var names: [HeaderName] = if case .fields(let names) = self { names } else { [] }
        let before = names.count
        var scanner = FieldScanner(text)
        while scanner.nextMember() {
            guard let token = scanner.tokenText(), scanner.isAtMemberEnd(),
                let name = HeaderName(token)
            else {
                self = .everything
                return
            }
            names.append(name)
        }
        self = names.count > before ? .fields(names) : .everything
    }
}

/// The names that are known here.
private enum Directive {
    case `public`, maxAge, `private`, noStore, noCache, sMaxAge, immutable, maxStale, minFresh
    case noTransform, onlyIfCached, staleIfError, mustRevalidate, mustUnderstand, proxyRevalidate
    case staleWhileRevalidate

    /// Whether its argument names fields, of which a number may be one.
    var takesFields: Bool { self == .private || self == .noCache }

    /// The directive whose name stands there, whatever the case of its letters.
    ///
    /// - Parameter end: where the name ends.
    init?(_ bytes: Span<UInt8>, at start: Int, end: inout Int) {
        let raw = bytes.bytes
        // Four bytes at a time, the last of which may have been looked at before.
        @inline(__always) func stands(_ name: StaticString) -> Bool {
            let count = name.utf8CodeUnitCount
            guard bytes.count - start >= count else { return false }
            let known = UnsafeRawPointer(name.utf8Start)
            var offset = 0
            while offset < count {
                let place = min(offset, count - 4)
                let wanted = known.loadUnaligned(fromByteOffset: place, as: UInt32.self)
                // Letters, which are those with the bit 0x40, are equal whatever their case.
                let caseBits = (wanted & 0x4040_4040) >> 1
                let found = raw.unsafeLoadUnaligned(fromByteOffset: start + place, as: UInt32.self)
                guard found | caseBits == wanted else { return false }
                offset += 4
            }
            end = start + count
            return end == bytes.count || !bytes[end].isTokenCharacter
        }
        switch bytes[start] | 0x20 {
        case UInt8(ascii: "p") where stands("public"): self = .public
        case UInt8(ascii: "m") where stands("max-age"): self = .maxAge
        case UInt8(ascii: "p") where stands("private"): self = .private
        case UInt8(ascii: "n") where stands("no-store"): self = .noStore
        case UInt8(ascii: "n") where stands("no-cache"): self = .noCache
        case UInt8(ascii: "s") where stands("s-maxage"): self = .sMaxAge
        case UInt8(ascii: "i") where stands("immutable"): self = .immutable
        case UInt8(ascii: "m") where stands("max-stale"): self = .maxStale
        case UInt8(ascii: "m") where stands("min-fresh"): self = .minFresh
        case UInt8(ascii: "n") where stands("no-transform"): self = .noTransform
        case UInt8(ascii: "o") where stands("only-if-cached"): self = .onlyIfCached
        case UInt8(ascii: "s") where stands("stale-if-error"): self = .staleIfError
        case UInt8(ascii: "m") where stands("must-revalidate"): self = .mustRevalidate
        case UInt8(ascii: "m") where stands("must-understand"): self = .mustUnderstand
        case UInt8(ascii: "p") where stands("proxy-revalidate"): self = .proxyRevalidate
        case UInt8(ascii: "s") where stands("stale-while-revalidate"):
            self = .staleWhileRevalidate
        default: return nil
        }
    }
}

/// What stands behind a directive's name.
private enum DirectiveArgument: Equatable {
    case absent
    case seconds(Int)
    case text(Substring)
    case malformed

    /// The number that it is, where it is one.
    var number: Int? {
        switch self {
        case .seconds(let seconds): seconds
        case .text(let text): text.deltaSeconds
        case .absent, .malformed: nil
        }
    }

    /// The text that it is, as an extension's argument.
    var text: String? {
        if case .text(let text) = self { String(text) } else { nil }
    }
}

extension FieldScanner {
    /// Takes what follows a directive's name in its member.
    fileprivate mutating func directiveArgument() -> DirectiveArgument {
        var argument = DirectiveArgument.absent
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
