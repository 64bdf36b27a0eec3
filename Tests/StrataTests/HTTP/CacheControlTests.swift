import Strata
import Testing

@Suite struct CacheControlTests {
    @Test(arguments: [
        // Each directive of RFC 9111 §5.2 by itself, printed as it is known.
        (["max-age=3600"], "max-age=3600"),
        (["max-age=0"], "max-age=0"),
        (["s-maxage=10"], "s-maxage=10"),
        (["no-cache"], "no-cache"),
        (["no-store"], "no-store"),
        (["private"], "private"),
        (["public"], "public"),
        (["must-revalidate"], "must-revalidate"),
        (["proxy-revalidate"], "proxy-revalidate"),
        (["must-understand"], "must-understand"),
        (["no-transform"], "no-transform"),
        (["immutable"], "immutable"),
        (["stale-while-revalidate=30"], "stale-while-revalidate=30"),
        (["stale-if-error=86400"], "stale-if-error=86400"),
        (["only-if-cached"], "only-if-cached"),
        (["min-fresh=5"], "min-fresh=5"),
        (["max-stale"], "max-stale"),
        (["max-stale=7"], "max-stale=7"),
        (["no-cache=\"Set-Cookie\""], "no-cache=\"Set-Cookie\""),
        (["private=\"A, B\""], "private=\"A, B\""),
        (["community=\"UCI\""], "community=UCI"),
        // §5.2: names are case-insensitive.
        (["MaX-aGe=60, NO-STORE, Private=\"a\""], "private=\"a\", no-store, max-age=60"),
        // §5.2: an argument may be quoted where it need not be, and not where it ought to be.
        (["max-age=\"3600\""], "max-age=3600"),
        (["max-age=\"36\\00\""], "max-age=3600"),
        (["no-cache=Set-Cookie"], "no-cache=\"Set-Cookie\""),
        // A field may be named by a number.
        (["no-cache=5"], "no-cache=\"5\""),
        (["private=7"], "private=\"7\""),
        // §5.2.1.3: nothing is asked where the number is missing.
        (["min-fresh="], ""),
        // §1.2.2: what is too large counts as 2^31.
        (["max-age=2147483647"], "max-age=2147483647"),
        (["max-age=2147483649"], "max-age=2147483648"),
        (["max-age=99999999999999999999999999999999"], "max-age=2147483648"),
        (["max-age=003600"], "max-age=3600"),
        // RFC 9110 §5.3, §5.6.1.2: several lines, empty members.
        (["public", ", max-age=5,,", ""], "public, max-age=5"),
        (["max-age=5,public"], "public, max-age=5"),
        // §4.2.1: the most restrictive of several counts.
        (["max-age=60, max-age=30"], "max-age=30"),
        (["max-age=30", "max-age=60"], "max-age=30"),
        (["s-maxage=30, s-maxage=x"], "s-maxage=0"),
        (["min-fresh=3, min-fresh=9"], "min-fresh=9"),
        (["max-stale, max-stale=9"], "max-stale=9"),
        (["max-stale=9, max-stale"], "max-stale=9"),
        (["max-stale=9, max-stale=3"], "max-stale=3"),
        (["no-cache, no-cache=a"], "no-cache"),
        (["no-cache=a, no-cache"], "no-cache"),
        (["no-cache=a, no-cache=\"b,c\""], "no-cache=\"a, b, c\""),
        // §4.2.1: invalid freshness is stale.
        (["max-age"], "max-age=0"),
        (["max-age="], "max-age=0"),
        (["max-age=-1"], "max-age=0"),
        (["max-age=1.0"], "max-age=0"),
        (["max-age=a1"], "max-age=0"),
        (["max-age=1a"], "max-age=0"),
        (["max-age='60'"], "max-age=0"),
        (["max-age=\"60"], "max-age=0"),
        (["max-age=\"\""], "max-age=0"),
        (["max-age=\" 60\""], "max-age=0"),
        (["max-age= 60"], "max-age=0"),
        (["max-age =60"], "max-age=0"),
        (["max-age=60 s, public"], "public, max-age=0"),
        (["max-age:60"], "max-age=0"),
        (["stale-while-revalidate=x"], "stale-while-revalidate=0"),
        (["max-stale=x"], "max-stale=0"),
        (["min-fresh=x"], ""),
        (["no-cache=\"\""], "no-cache"),
        (["no-cache=\"a b\""], "no-cache"),
        (["private=\"a"], "private"),
        (["private=/"], "private"),
        // An argument that isn't asked for, or junk behind the name, takes nothing away.
        (["no-store=\"x\", public=1"], "public, no-store"),
        (["no-store foo"], "no-store"),
        // A quoted string hides what is in it.
        (["x=\"max-age=1, no-store\", max-age=9"], "max-age=9, x=\"max-age=1, no-store\""),
        (["x=\"a\\\", no-store\", max-age=9"], "max-age=9, x=\"a\\\", no-store\""),
        // A quote that begins no quoted string hides nothing.
        (["x=\"a, no-store"], "no-store"),
        (["\"max-age=1\", /, @max-age=1, public"], "public"),
        (["foo, bar=1, Foo=2"], "foo, bar=1, Foo=2"),
    ])
    func `directives are read as RFC 9111 §5.2 has them`(lines: [String], expected: String) {
        let field = CacheControl(lines: lines)
        #expect(field.fieldValue == expected)
        #expect(CacheControl(field.fieldValue) == field)
        #expect(field.isEmpty == expected.isEmpty)
    }

    @Test func `directives are read from their own field only`() {
        let headers: Headers = [
            .cacheControl: "max-age=60", .cdnCacheControl: "no-store", .cacheControl: "public",
        ]
        let field = CacheControl(headers, .cacheControl)
        #expect(field.maxAge == 60 && field.public && !field.noStore)
        #expect(CacheControl([.date: "x"], .cacheControl).isEmpty)
    }

    @Test func `fields of a qualified directive are field names`() {
        let field = CacheControl("no-cache=\"set-cookie, X-A\"")
        #expect(field.noCache == .fields([.setCookie, "x-a"]))
        #expect(!field.noCache.isEverything)
    }
}
