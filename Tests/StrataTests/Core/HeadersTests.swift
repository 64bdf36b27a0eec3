import Strata
import StrataTesting
import Testing

@Suite struct HeadersTests {
    @Test(arguments: ["a\r", "a\n", "a\r\nX: y", "\u{0}", "a\u{0}b", "\r\n\r\n"])
    func `CR, LF and NUL don't get in`(value: String) {
        var headers = Headers()
        #expect(throws: InvalidFieldValue.self) { try headers.append("X", value) }
        #expect(throws: InvalidFieldValue.self) {
            try headers.append("X", bytes: Array(value.utf8) + [0xFF])
        }
        #expect(throws: InvalidFieldValue.self) { try Headers([("X" as HeaderName, value)]) }
        #expect(headers.isEmpty)
        headers["X"] = value
        for field in ["Y": value] as Headers { headers.append(field) }
        for field in headers {
            #expect(!field.valueBytes.contains { $0 == 13 || $0 == 10 || $0 == 0 })
            #expect(field.valueBytes.count == value.utf8.count)
        }
    }

    @Test func `a field is found until it is gone, whichever way it went`() {
        let names: [HeaderName] = [.age, .etag, "X-Own", .xForwardedHost, .accept]
        let removals: [(inout Headers, HeaderName) -> Void] = [
            { $0.remove($1) }, { $0[$1] = nil },
            { headers, name in headers.removeAll { $0.name == name } },
        ]
        for remove in removals {
            var headers: Headers = [:]
            for name in names {
                #expect(!headers.contains(name) && headers[name] == nil)
                headers[name] = "1"
                headers.append(headers[headers.count - 1])
            }
            for name in names {
                #expect(headers.contains(name) && headers.first(name) == "1")
                #expect(headers.count(of: name) == 2 && headers[name] == "1, 1")
                remove(&headers, name)
                #expect(!headers.contains(name) && headers.first(name) == nil)
                #expect(headers.count(of: name) == 0 && headers.lines(of: name) == [])
            }
            #expect(headers == [:])
        }
    }

    @Test func `any other byte is relayed as it came`() throws {
        var generator = SeededGenerator()
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...20, using: &generator)).map { _ in
                UInt8.random(in: 0x80 ... .max, using: &generator)
                    & (Bool.random(using: &generator) ? 0x7F : .max)
            }.filter { $0 != 13 && $0 != 10 && $0 != 0 }
            var headers = Headers()
            try headers.append("X", bytes: bytes)
            #expect(headers.first?.valueBytes == bytes)
            var copy = Headers()
            copy.append(try #require(headers.first))
            #expect(copy.first?.valueBytes == bytes)
        }
    }

    @Test func `bytes that are UTF-8 read as such, others as ISO 8859-1`() throws {
        var headers = Headers()
        try headers.append("A", bytes: [0xC3, 0xA9])
        try headers.append("B", bytes: [0xE9])
        #expect(headers["A"] == "\u{e9}" && headers["B"] == "\u{e9}")
        #expect(headers.map(\.valueBytes) == [[0xC3, 0xA9], [0xE9]])
    }

    @Test func `lines keep their order, and repeated ones stay apart`() throws {
        var headers = try Headers([
            ("A", "1"), ("B", "2"), ("a", "3"), ("C", ""), ("A", "4"),
        ])
        #expect(headers.map { "\($0.name)=\($0.value)" } == ["A=1", "B=2", "a=3", "C=", "A=4"])
        #expect(headers["A"] == "1, 3, 4")
        #expect(headers["C"] == "")
        #expect(headers["D"] == nil)
        #expect(headers.first("a") == "1")
        #expect(headers.lines(of: "A") == ["1", "3", "4"])
        #expect(headers.count(of: "A") == 3 && headers.count(of: "D") == 0)
        #expect(headers.contains("b") && !headers.contains("D"))

        headers["a"] = "5"
        #expect(headers.map { "\($0.name)=\($0.value)" } == ["a=5", "B=2", "C="])
        headers["D"] = "6"
        headers["B"] = nil
        #expect(headers.map { "\($0.name)=\($0.value)" } == ["a=5", "C=", "D=6"])
        headers.removeAll { $0.value.isEmpty }
        headers.remove("A")
        headers.remove("none")
        #expect(headers.map(\.name) == ["D"])
    }

    @Test func `a literal keeps repeated lines`() {
        let headers: Headers = [.setCookie: "a=1", .vary: "Accept", .setCookie: "b=2"]
        #expect(headers.lines(of: .setCookie) == ["a=1", "b=2"])
    }

    @Test func `lines are the same on the wire when their bytes and their order are`() throws {
        let headers: Headers = ["ETag": "é", "A": "1"]
        #expect(headers.hasSameBytes(as: headers))
        #expect(headers.hasSameBytes(as: ["ETag": "é", "A": "1"]))
        let others: [Headers] = [
            ["Etag": "é", "A": "1"], ["ETag": "e\u{301}", "A": "1"], ["A": "1", "ETag": "é"],
            ["ETag": "é"], ["ETag": "é", "A": "1", "B": "2"], ["ETag": "é", "A": "2"],
        ]
        for other in others { #expect(!headers.hasSameBytes(as: other)) }
        var latin = Headers()
        try latin.append("ETag", bytes: [0xE9])
        #expect(!latin.hasSameBytes(as: ["ETag": "é"]))
    }

    @Test func `what lets its holder act for somebody isn't printed`() {
        let headers: Headers = [
            .authorization: "s3cret", .cookie: "s3cret", .setCookie: "s3cret",
            .proxyAuthorization: "s3cret", .date: "today",
        ]
        #expect(!headers.description.contains("s3cret"))
        #expect(headers.description.contains("Date: today"))
    }

    @Test func `an error names the field and not its value`() {
        let error = #expect(throws: InvalidFieldValue.self) {
            try Headers([("X-Name", "s3cret\n")])
        }
        #expect(error?.description.contains("X-Name") == true)
        #expect(error?.description.contains("s3cret") == false)
    }
}
