import Strata
import Testing

/// One parser, texts that it knows well, and what must hold for any text at all.
struct Grammar: Sendable, CustomTestStringConvertible {
    let name: String
    let examples: [String]
    /// Parses the text, and says what is wrong with the outcome.
    let fault: @Sendable (String) -> String?

    var testDescription: String { name }

    /// A grammar where parsing what was printed must give what was printed.
    static func roundTrip<Value: Equatable & SendableMetatype>(
        _ name: String, _ examples: [String], parse: @escaping @Sendable (String) -> Value?,
        print: @escaping @Sendable (Value) -> String
    ) -> Grammar {
        Grammar(name: name, examples: examples) { text in
            guard let value = parse(text) else { return nil }
            let printed = print(value)
            guard let again = parse(printed) else { return "can't read its own \(printed)" }
            return again == value ? nil : "\(value) became \(again) through \(printed)"
        }
    }
}

extension Grammar {
    static let all = negotiation + identity + structure + location

    private static let negotiation: [Grammar] = [
        roundTrip(
            "QualityList",
            ["gzip, deflate;q=0.5, *;q=0", "en-GB;q=1.000,de;Q=0.001", "identity; q=0", ""],
            parse: { QualityList($0).members }, print: { QualityList(members: $0).fieldValue }),
        roundTrip(
            "EntityTag", ["\"abc\"", "W/\"\"", "\"a,b\\\""],
            parse: { EntityTag($0) }, print: { $0.fieldValue }),
        roundTrip(
            "EntityTagList", ["*", "\"a\", W/\"b,c\" ,, \"\"", "\"a\" \"b\", c"],
            parse: { EntityTagList($0).tags },
            print: { $0.map(\.fieldValue).joined(separator: ",") }),
        roundTrip(
            "CacheControl",
            [
                "max-age=60, public, S-MaxAge=\"30\"", "no-cache=\"Set-Cookie, X\", private",
                "max-stale, min-fresh=5, only-if-cached, no-transform, x=\"a\\\"b\", y",
                "stale-while-revalidate=30, stale-if-error=99999999999999999999, immutable",
            ],
            parse: { CacheControl($0) }, print: { $0.fieldValue }),
        roundTrip(
            "SearchVariance",
            [
                "params", "key-order, params=(\"a\" \"b%20c\")", "params, except=(\"x+y\")",
                "key-order",
            ],
            parse: { SearchVariance($0) }, print: { $0.fieldValue }),
        roundTrip(
            "VaryField", ["Accept-Encoding, Cookie", "*", "a,,A ,b c"],
            parse: { VaryField($0) }, print: { $0.fieldValue }),
        Grammar(
            name: "VaryField, a wildcard",
            examples: ["Accept-Encoding, Cookie", "*", "a,,*a ,b c"], fault: wildcardFault),
        roundTrip(
            "HTTPDate",
            [
                "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                "Sun Nov  6 08:49:37 1994", "Tue, 29 Feb 2028 23:59:60 GMT",
            ],
            parse: date, print: { $0.httpDate }),
        roundTrip(
            "MediaType",
            [
                "text/html; charset=utf-8", "Application/Problem+JSON ;; A=\"b\\\"c\";d=\"\"",
                "a/b; x; y=z",
            ],
            parse: { MediaType($0) }, print: { $0.fieldValue }),
    ]

    private static let identity: [Grammar] = [
        roundTrip(
            "Cookie", ["a=b; c=\"d\"; a=e", "=x; y; ; z==", "sid = 1 ;t=;"],
            parse: { Cookie.all(in: [.cookie: $0]) },
            print: { $0.map { $0.name + "=" + $0.value }.joined(separator: "; ") }),
        roundTrip(
            "QueryString", ["a=1&b=%20+&a=%zz&&c", "=&=", "%61=%C3%A9&\u{e9}=x"],
            parse: { QueryString($0) }, print: { $0.text ?? "" }),
        Grammar(
            name: "QueryString, edited", examples: ["a=1&b=2&a=3", "&&a&%61=1", "x"],
            fault: queryFault),
    ]

    private static let structure: [Grammar] = [
        roundTrip(
            "StructuredField.Item",
            ["a;b=1;c", "\"x\\\"\"", ":aGk=:;d=%\"%c3%bc\"", "-1.5;e=@-1;f=?0", "(a)"],
            parse: { StructuredField.Item($0) }, print: { $0.fieldValue ?? "unprintable" }),
        roundTrip(
            "StructuredField.List",
            ["a, (b;x c);y, \"d\"", "(), 1.25", "a;b;c;d;e;f;g;h;i;j;k;l;m;n;o;p;q;r;s=1;t"],
            parse: { StructuredField.List($0) }, print: { $0.fieldValue ?? "unprintable" }),
        roundTrip(
            "StructuredField.Dictionary", ["a=1, b;x=2, c=(1 2);d", "a, a=?0"],
            parse: { StructuredField.Dictionary($0) }, print: { $0.fieldValue ?? "unprintable" }),
        roundTrip(
            "ByteRangeSet", ["bytes=0-499, -5, 9500-", "bytes=0-99999999999999999999"],
            parse: { ByteRangeSet($0) }, print: { $0.fieldValue }),
        Grammar(
            name: "ByteRangeSet, resolved", examples: ["bytes=0-9,20-29,-5,3-", "bytes=500-"],
            fault: resolutionFault),
        roundTrip(
            "ContentRange", ["bytes 0-9/10", "bytes */5", "bytes 1-2/*"],
            parse: { ContentRange($0) }, print: { $0.fieldValue }),
        roundTrip(
            "LinkField",
            ["<a,b>; rel=\"next\", </c>;rel=x;title*=UTF-8''%c3%a9", "<a>; x = y ;; z, junk, <b>"],
            parse: { LinkField($0).fieldValue }, print: { $0 }),
        roundTrip(
            "Forwarded", ["for=\"[::1]:80\";proto=http, by=_x", "for=1.2.3.4 ; host=a, junk"],
            parse: { Forwarded($0).fieldValue }, print: { $0 }),
        roundTrip(
            "Forwarded.Node", ["[::1]:80", "192.0.2.1:_p", "unknown", "_x"],
            parse: { Forwarded.Node($0) }, print: { $0.text }),
        roundTrip(
            "RetryAfter", ["120", "Sun, 06 Nov 1994 08:49:37 GMT"],
            parse: retryAfter, print: { $0.fieldValue }),
        roundTrip(
            "TokenList", ["close, X-A", "a b,, c"],
            parse: { TokenList($0).tokens }, print: { $0.joined(separator: ", ") }),
    ]

    private static let location: [Grammar] = [
        roundTrip(
            "URIReference", ["http://u@a:80/b/../c?d#e", "//a", "../b/./%7e", "x:y"],
            parse: { URIReference($0) }, print: { $0.text }),
        Grammar(
            name: "URIReference, resolved", examples: ["../b/./c", "//a/..", "x:./../y/..", "?q"],
            fault: uriFault),
        Grammar(
            name: "SetCookie", examples: ["abc", "\"a\"", "/", "__Host-x", "example.com"],
            fault: setCookieFault),
    ]
}

// MARK: - What must hold beyond reading back what was printed

private func queryFault(_ text: String) -> String? {
    var query = QueryString(text)
    query.replace("a", with: "\u{e9} &=+%")
    guard query.all("a") == ["\u{e9} &=+%"] else { return "replaced: \(query)" }
    query.remove("a")
    guard query.first("a") == nil else { return "removed: \(query)" }
    let sorted = query.sorted
    return sorted.sorted == sorted ? nil : "sorted: \(sorted)"
}

private func wildcardFault(_ text: String) -> String? {
    let headers: Headers = [.vary: text]
    let isWildcard = VaryField(headers, .vary).isWildcard
    return VaryField.isWildcard(headers) == isWildcard ? nil : "told otherwise"
}

private func resolutionFault(_ text: String) -> String? {
    guard case .ranges(let ranges)? = ByteRangeSet(text)?.resolve(length: 1000) else { return nil }
    var end = -1
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
        guard range.lowerBound > end, !range.isEmpty, range.upperBound <= 1000 else {
            return "\(ranges)"
        }
        end = range.upperBound
    }
    return nil
}

private func uriFault(_ text: String) -> String? {
    let uri = URIReference(text).resolved(against: URIReference("http://a/b/c/d?e"))
    let normalized = uri.normalized
    guard normalized.normalized == normalized else {
        return "\(normalized) became \(normalized.normalized)"
    }
    guard uri.origin == normalized.origin else { return "\(uri) became \(normalized)" }
    guard URIReference(uri.text).normalized == normalized else { return "\(uri) reads otherwise" }
    return uri.hasSameOrigin(as: uri) == (uri.origin != nil) ? nil : "\(uri) isn't its own origin"
}

private func setCookieFault(_ text: String) -> String? {
    var attributes = SetCookie.Attributes()
    attributes.path = text
    attributes.isSecure = true
    let cookie =
        (try? SetCookie(name: "n", value: text, attributes: .init()))
        ?? (try? SetCookie(name: text, value: "", attributes: attributes))
    let hasOthers = cookie?.fieldValue.utf8.contains { $0 < 0x20 || $0 >= 0x7F } ?? false
    return hasOthers ? "more than printable ASCII" : nil
}

private let now = Timestamp(seconds: 1_750_000_000)

/// A date within the ends of time, which alone are printed as they were read.
private func date(_ text: String) -> Timestamp? {
    let date = Timestamp(httpDate: text, now: now)
    return date?.nanoseconds == .max || date?.nanoseconds == .min ? nil : date
}

private func retryAfter(_ text: String) -> RetryAfter? {
    let value = RetryAfter(text, now: now)
    if case .date(let date) = value, date.nanoseconds == .max || date.nanoseconds == .min {
        return nil
    }
    return value
}
