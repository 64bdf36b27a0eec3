import Foundation
import Strata

extension Suite {
    /// What cutting a page out of a list costs, beside decoding the list, slicing it and encoding
    /// the page with Foundation. The page stands at the end of the list, so all of it is read.
    static let slicing = Suite(
        name: "slicing", summary: "the last page of a list in JSON, beside Foundation"
    ) {
        try List.all.map { list in
            let text = list.text
            let bytes = Double(text.count)
            let ours = try bytesPerNanosecond(bytes) {
                var slicer = JSONArraySlicer(
                    offset: list.count - 20, limit: 20, maximumBytes: 1 << 20)
                var outcome: JSONArraySlicer.Outcome?
                // In pieces, as a body comes.
                for start in stride(from: 0, to: text.count, by: 64 * 1024) where outcome == nil {
                    let piece = text[start..<min(text.count, start + 64 * 1024)]
                    outcome = slicer.feed(piece.span.bytes)
                }
                guard outcome ?? slicer.finish() == .page(count: 20, hasMore: false) else {
                    throw Unavailable(message: "the slicer found no page in \(list.name)")
                }
            }
            let data = Data(text)
            let theirs = try bytesPerNanosecond(bytes) {
                let items = try JSONSerialization.jsonObject(with: data) as? [Any] ?? []
                let page = Array(items.dropFirst(list.count - 20).prefix(20))
                guard try JSONSerialization.data(withJSONObject: page).count > 20 else {
                    throw Unavailable(message: "Foundation found no page in \(list.name)")
                }
            }
            return Measurement(
                name: list.name,
                values: [
                    ("GB/s", ours), ("Foundation GB/s", theirs), ("times", ours / theirs),
                ])
        }
    }
}

/// A list to cut, of some 4 MiB.
private struct List {
    let name: String
    let count: Int
    let text: [UInt8]

    init(_ name: String, _ item: (Int) -> String) {
        var text = Array("[".utf8)
        var count = 0
        while text.count < 4 << 20 {
            if count > 0 { text.append(UInt8(ascii: ",")) }
            text += Array(item(count).utf8)
            count += 1
        }
        self.name = name
        self.count = count
        self.text = text + Array("]".utf8)
    }

    static var all: [List] {
        [
            List("products") { id in
                #"{"id":\#(id),"name":"amber kettle no. \#(id)","price":\#(100 + id * 7919 % 90_000),"#
                    + #""tags":["kitchen","sale"],"description":"A kettle of the colour amber, "#
                    + #"with a handle of beech wood. Holds 1.7 litres and switches itself off."}"#
            },
            List("catalogue") { id in
                #"{"id":\#(id),"name":"amber kettle no. \#(id)","price":\#(100 + id * 7919 % 90_000)}"#
            },
            List("indented") { id in
                """

                  {
                    "id": \(id),
                    "name": "amber kettle no. \(id)",
                    "price": \(100 + id * 7919 % 90_000),
                    "inStock": true
                  }
                """
            },
            List("Japanese") { #"{"id":\#($0),"text":"日本語の文章はこのように書かれています。\#($0)番"}"# },
            List("Russian") {
                #"{"id":\#($0),"text":"Съешь же ещё этих мягких французских булок"}"#
            },
            List("numbers") { "\($0 * 7919 % 90_000)" },
            List("small objects") { #"{"id":\#($0)}"# },
            List("escapes") { #""a \"quoted\" line\n of text, \u00e9 \#($0)""# },
        ]
    }
}

/// How many bytes an operation reads in a nanosecond, which are as many gigabytes in a second: the
/// median of nine runs, after one that doesn't count.
private func bytesPerNanosecond(_ bytes: Double, _ operation: () throws -> Void) rethrows -> Double
{
    let time = SystemTime()
    let nanoseconds = try (0...9).map { _ in
        let start = time.uptime
        try operation()
        return (time.uptime - start) / .nanoseconds(1)
    }
    return bytes / median(nanoseconds.dropFirst())
}
