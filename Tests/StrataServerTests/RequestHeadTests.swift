#if Server
    import Strata
    import Testing

    @testable import StrataServer

    /// The rules that a head is held against, each with its section.
    @Suite struct RequestHeadTests {
        private func head(
            _ method: String = "GET", _ target: String = "/", isHTTP10: Bool = false,
            _ headers: Headers = [.host: "example.com"]
        ) throws(Problem) -> RequestHead {
            try RequestHead(
                method: method, target: target, isHTTP10: isHTTP10, headers: headers, peer: nil)
        }

        @Test(
            arguments: [
                // RFC 9112 §3.2.1: origin form.
                ("GET", "/", "http", "example.com", "/", nil),
                ("GET", "/a%2Fb/%41?x=%20&y", "http", "example.com", "/a%2Fb/%41", "x=%20&y"),
                ("GET", "/a?b?c", "http", "example.com", "/a", "b?c"),
                ("GET", "/?", "http", "example.com", "/", ""),
                ("GET", "//a//b", "http", "example.com", "//a//b", nil),
                ("GET", "/ü", "http", "example.com", "/ü", nil),
                // RFC 9112 §3.2.2: absolute form, whose authority counts.
                ("GET", "http://other:81/a?b", "http", "other:81", "/a", "b"),
                ("GET", "HTTP://[::1]:8080", "http", "[::1]:8080", "/", nil),
                ("GET", "http://other?b", "http", "other", "/", "b"),
                ("OPTIONS", "http://other", "http", "other", "*", nil),
                // RFC 9112 §3.2.3 and §3.2.4: authority and asterisk form.
                ("CONNECT", "other:443", "http", "other:443", "", nil),
                ("OPTIONS", "*", "http", "example.com", "*", nil),
            ] as [(String, String, String, String, String, String?)])
        func `a target is taken apart and nothing in it is decoded`(
            method: String, target: String, scheme: String, authority: String, path: String,
            query: String?
        ) throws {
            let request = try head(method, target).request
            #expect(request.method.rawValue == method)
            #expect(request.scheme == scheme)
            #expect(request.authority == authority)
            #expect(request.path == path)
            #expect(request.query == query)
        }

        @Test(arguments: [
            // RFC 9110 §9.1
            ("GE(T", "/"), ("", "/"),
            // RFC 9112 §3.2
            ("GET", ""), ("GET", "a"), ("GET", "*"), ("GET", "/a b"), ("GET", "/a\tb"),
            ("GET", "/a#b"), ("GET", "/\u{7F}"), ("GET", "example.com:80"),
            ("CONNECT", "/"), ("CONNECT", "a@b:1"), ("CONNECT", "a:b"), ("GET", "http://a:b/"),
            // RFC 9110 §4.2
            ("GET", "ftp://a/"), ("GET", "http:///a"), ("GET", "http://u@a/"), ("GET", "http:a"),
        ])
        func `a malformed request line is refused`(method: String, target: String) {
            let problem = #expect(throws: Problem.self) { try head(method, target) }
            #expect(problem?.status == .badRequest)
        }

        @Test(arguments: ["https://example.com/", "HTTPS://[::1]:8443/a?b", "https://example.com"])
        func `a client without TLS does not pass for one with it`(target: String) {
            let problem = #expect(throws: Problem.self) { try head("GET", target) }
            #expect(problem?.status == 421)
        }

        @Test(
            arguments: [
                // RFC 9112 §3.2: one Host, which is a host and a port.
                ([], false, 400), ([(.host, "a"), (.host, "a")], false, 400),
                ([(.host, "a/b")], false, 400), ([(.host, "u@a")], false, 400),
                ([(.host, "a b")], false, 400), ([(.host, "a,b")], false, nil),
                ([(.host, "")], false, nil), ([], true, nil),
                ([(.host, "a:81")], false, nil), ([(.host, "a:")], false, nil),
                ([(.host, "[::1]:81")], false, nil), ([(.host, "[::1]")], false, nil),
                ([(.host, "a:b")], false, 400), ([(.host, "a:1:2")], false, 400),
                ([(.host, "::1")], false, 400), ([(.host, "[::1")], false, 400),
                ([(.host, "a]")], false, 400), ([(.host, "[::1]a")], false, 400),
                // RFC 9110 §8.6, RFC 9112 §6.3: one Content-Length, which is a number.
                ([(.host, "a"), (.contentLength, "1"), (.contentLength, "1")], false, 400),
                ([(.host, "a"), (.contentLength, "1, 1")], false, 400),
                ([(.host, "a"), (.contentLength, "+1")], false, 400),
                ([(.host, "a"), (.contentLength, "")], false, 400),
                ([(.host, "a"), (.contentLength, "0x1")], false, 400),
                ([(.host, "a"), (.contentLength, "99999999999999999999")], false, 413),
                ([(.host, "a"), (.contentLength, "9223372036854775808")], false, 413),
                // RFC 9112 §6.1: chunked, alone, and not in HTTP/1.0.
                ([(.host, "a"), (.transferEncoding, "chunked")], false, nil),
                ([(.host, "a"), (.transferEncoding, "Chunked")], false, nil),
                ([(.host, "a"), (.transferEncoding, "chunked")], true, 400),
                (
                    [(.host, "a"), (.transferEncoding, "chunked"), (.contentLength, "1")], false,
                    400
                ),
                (
                    [(.host, "a"), (.transferEncoding, "gzip"), (.transferEncoding, "chunked")],
                    false,
                    400
                ),
                ([(.host, "a"), (.transferEncoding, "gzip, chunked")], false, 501),
                ([(.host, "a"), (.transferEncoding, "xchunked")], false, 501),
            ] as [([(HeaderName, String)], Bool, Int?)])
        func `fields that decide where a request ends and whom it is for are held to the letter`(
            fields: [(HeaderName, String)], isHTTP10: Bool, refusal: Int?
        ) throws {
            let headers = try Headers(fields)
            do throws(Problem) {
                _ = try head("POST", "/", isHTTP10: isHTTP10, headers)
                #expect(refusal == nil)
            } catch {
                #expect(error.status.code == refusal)
            }
        }

        @Test(
            arguments: [
                ([:] as Headers, RequestHead.Content.none), ([.contentLength: "0"], .none),
                ([.contentLength: "7"], .length(7)), ([.contentLength: "007"], .length(7)),
                ([.contentLength: "9223372036854775807"], .length(.max)),
                ([.transferEncoding: "chunked"], .chunked),
            ] as [(Headers, RequestHead.Content)])
        func `content is delimited as RFC 9112 section 6.3 has it`(
            fields: Headers, content: RequestHead.Content
        ) throws {
            var headers = fields
            headers[.host] = "a"
            #expect(try head("POST", "/", headers).content == content)
        }

        @Test(arguments: [
            ("100-continue", "5", false, true), ("100-Continue", "5", false, true),
            ("100-continue", "0", false, false), ("100-continue", "5", true, false),
            ("something", "5", false, false),
        ])
        func `leave to send is expected only with content and in HTTP 1_1`(
            expectation: String, length: String, isHTTP10: Bool, expects: Bool
        ) throws {
            let headers: Headers = [
                .host: "a", .expect: expectation, .contentLength: length,
            ]
            let head = try head("POST", "/", isHTTP10: isHTTP10, headers)
            #expect(head.expectsContinue == expects)
            // An intermediary forgets it, too (RFC 9110 §10.1.1).
            #expect(head.request.headers.contains(.expect) == !isHTTP10)
        }
    }
#endif
