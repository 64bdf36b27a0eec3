/// The directives that count for this cache: those of the first targeted field that is there and
/// can be read, else those of `Cache-Control` (RFC 9213 §2.2).
struct EffectiveDirectives {
    let control: CacheControl
    let isTargeted: Bool

    init(_ headers: borrowing Headers, targetFields: [HeaderName]) {
        for name in targetFields where headers.contains(name) {
            let value = headers.lines(of: name).joined(separator: ", ")
            guard let control = CacheControl(targeted: value) else { continue }
            self.control = control
            isTargeted = true
            return
        }
        control = CacheControl(headers, .cacheControl)
        isTargeted = false
    }
}

extension CacheControl {
    /// Reads a targeted field, which is a dictionary (RFC 9213 §2.1); nil where it is none, or is
    /// empty: it then counts as if it weren't there. A directive whose value is of another type
    /// than it should be counts as if it weren't there, too.
    init?(targeted value: String) {
        guard let members = StructuredField.Dictionary(value)?.members.entries, !members.isEmpty
        else { return nil }
        self.init()
        for (key, member) in members {
            guard let value = member.item?.value else { continue }
            switch (key, value) {
            case ("max-age", .integer(let seconds)): maxAge = max(0, seconds)
            case ("s-maxage", .integer(let seconds)): sMaxAge = max(0, seconds)
            case ("stale-while-revalidate", .integer(let seconds)):
                staleWhileRevalidate = max(0, seconds)
            case ("stale-if-error", .integer(let seconds)): staleIfError = max(0, seconds)
            case ("no-cache", .boolean(true)): noCache = .everything
            case ("private", .boolean(true)): `private` = .everything
            case ("no-store", .boolean(let flag)): noStore = flag
            case ("public", .boolean(let flag)): `public` = flag
            case ("must-revalidate", .boolean(let flag)): mustRevalidate = flag
            case ("proxy-revalidate", .boolean(let flag)): proxyRevalidate = flag
            case ("must-understand", .boolean(let flag)): mustUnderstand = flag
            default: break
            }
        }
    }
}
