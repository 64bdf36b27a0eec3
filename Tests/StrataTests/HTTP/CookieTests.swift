import Strata
import Testing

@Suite struct CookieTests {
    @Test(arguments: [
        // RFC 6265bis §4.2.1, §3.1
        (["SID=31d4d96e407aad42; lang=en-US"], "SID|31d4d96e407aad42,lang|en-US"),
        (["a=1;b=2;  c=3"], "a|1,b|2,c|3"),
        (["a=1; a=2; A=3"], "a|1,a|2,A|3"),
        (["a=b=c=="], "a|b=c=="),
        (["a=\"quoted\""], "a|\"quoted\""),
        (["a="], "a|"),
        (["a = 1 ; b\t=\t2"], "a|1,b|2"),
        // RFC 9113 §8.2.3: several lines are one list.
        (["a=1", "b=2"], "a|1,b|2"),
        // What has no name is passed over.
        (["junk; =x; ;; a=1; ;"], "a|1"),
        ([""], ""),
        (["a=1 2,3"], "a|1 2,3"),
    ])
    func `the cookies of a request are read in order`(lines: [String], expected: String) throws {
        let headers = try Headers(lines.map { (.cookie, $0) })
        let cookies = Cookie.all(in: headers)
        #expect(cookies.map { "\($0.name)|\($0.value)" }.joined(separator: ",") == expected)
        for cookie in cookies {
            #expect(Cookie.values(of: cookie.name, in: headers).contains(cookie.value))
        }
    }

    @Test func `values of one name come in order, and names keep their case`() {
        let headers: Headers = [.cookie: "sid=1; SID=2; sid=3", .setCookie: "sid=4"]
        #expect(Cookie.values(of: "sid", in: headers) == ["1", "3"])
    }
}

@Suite struct SetCookieTests {
    static func attributes(
        _ change: (inout SetCookie.Attributes) -> Void = { _ in }
    ) -> SetCookie.Attributes {
        var attributes = SetCookie.Attributes()
        change(&attributes)
        return attributes
    }

    @Test func `every attribute is printed`() throws {
        let attributes = Self.attributes {
            $0.path = "/a"
            $0.domain = "example.com"
            $0.maxAge = 60
            $0.expires = Timestamp(seconds: 784_111_777)
            $0.isSecure = true
            $0.isHTTPOnly = true
            $0.sameSite = .lax
            $0.isPartitioned = true
        }
        #expect(
            try SetCookie(name: "a", value: "b", attributes: attributes).fieldValue
                == "a=b; Path=/a; Domain=example.com; Max-Age=60; "
                + "Expires=Sun, 06 Nov 1994 08:49:37 GMT; Secure; HttpOnly; SameSite=Lax; "
                + "Partitioned")
        #expect(
            try SetCookie(name: "a", value: "", attributes: .init()).fieldValue == "a=")
    }

    @Test(arguments: [
        ("", "v", SetCookie.Invalid.name), ("a b", "v", .name), ("a;", "v", .name),
        ("a=", "v", .name), ("\u{e9}", "v", .name),
        ("a", "v v", .value), ("a", "v;v", .value), ("a", "v,v", .value), ("a", "\"", .value),
        ("a", "v\"v", .value), ("a", "\\", .value), ("a", "\u{e9}", .value), ("a", "\n", .value),
        ("a", String(repeating: "v", count: 4096), .tooLong),
    ])
    func `a name or value outside RFC 6265bis §4.1.1 is refused`(
        name: String, value: String, error: SetCookie.Invalid
    ) {
        #expect(throws: error) {
            try SetCookie(name: name, value: value, attributes: .init())
        }
    }

    @Test(arguments: ["", "v", "\"\"", "\"v\"", "!#$%&'()*+-./0:<=>?@A[]^_`a{|}~"])
    func `any cookie octets are a value`(value: String) throws {
        #expect(
            try SetCookie(name: "a", value: value, attributes: .init()).fieldValue
                == "a=" + value)
    }

    @Test(arguments: [
        // RFC 6265bis §4.1.3, §4.1.2.7; CHIPS §2.1.
        ("__Secure-a", attributes(), SetCookie.Invalid.insecure),
        ("__secure-a", attributes(), .insecure),
        ("__Host-a", attributes { $0.path = "/" }, .insecure),
        ("__Host-a", attributes { $0.isSecure = true }, .hostPrefix),
        ("__Host-a", attributes { ($0.isSecure, $0.path) = (true, "/a") }, .hostPrefix),
        (
            "__host-a",
            attributes { ($0.isSecure, $0.path, $0.domain) = (true, "/", "a.b") }, .hostPrefix
        ),
        ("a", attributes { $0.sameSite = SetCookie.SameSite.none }, .insecure),
        ("a", attributes { $0.isPartitioned = true }, .insecure),
        ("a", attributes { $0.path = "a" }, .path), ("a", attributes { $0.path = "" }, .path),
        ("a", attributes { $0.path = "/;" }, .path), ("a", attributes { $0.path = "/\n" }, .path),
        ("a", attributes { $0.domain = "" }, .domain),
        ("a", attributes { $0.domain = "a b" }, .domain),
        ("a", attributes { $0.path = "/" + String(repeating: "a", count: 1024) }, .tooLong),
    ])
    func `attributes that a client would drop the cookie for are refused`(
        name: String, attributes: SetCookie.Attributes, error: SetCookie.Invalid
    ) {
        #expect(throws: error) {
            try SetCookie(name: name, value: "v", attributes: attributes)
        }
    }

    @Test func `a cookie of this host alone is accepted`() throws {
        let attributes = Self.attributes { ($0.isSecure, $0.path) = (true, "/") }
        #expect(
            try SetCookie(name: "__Host-a", value: "v", attributes: attributes).fieldValue
                == "__Host-a=v; Path=/; Secure")
    }
}
