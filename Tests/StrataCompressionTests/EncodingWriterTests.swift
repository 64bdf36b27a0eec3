import CZlib
import Strata
import StrataTesting
import Synchronization
import Testing

@testable import StrataCompression

@Suite struct `Streams` {
    struct Failure: Error, Equatable {}

    static func coder(
        _ coding: ContentCoding = .gzip, time: any TimeSource = SystemTime(),
        flushDelay: Duration = .milliseconds(3), level: Int = 6
    ) -> Coder {
        var configuration = Compression.Configuration()
        configuration.level = level
        configuration.flushDelay = flushDelay
        return Coder(coding, configuration, time)
    }

    @Test(arguments: ContentCoding.allCases, [1, 6])
    func `pieces cut at any boundary make the same content`(
        coding: ContentCoding, level: Int
    ) async throws {
        let text = Array(longText.utf8.prefix(300))
        let coder = Self.coder(coding, level: level)
        for cut in 0...text.count {
            for isEventStream in [false, true] {
                let body = BodyStream { writer in
                    try await writer.write(text[..<cut])
                    try await writer.write(text[cut...])
                }
                let encoded = coder.encoded(.stream(body), isEventStream: isEventStream)
                let bytes = try await Body.stream(encoded).collect(upTo: 1 << 16)
                #expect(try decoded(bytes, coding) == Inflated(bytes: text, isWhole: true))
            }
        }
    }

    @Test(arguments: ContentCoding.allCases, 1...9)
    func `small pieces of a stream lose at most a tenth of what is saved`(
        coding: ContentCoding, level: Int
    ) async throws {
        // Time stands still, so that no pause of this machine's flushes anything.
        let coder = Self.coder(coding, time: ManualTime(), level: level)
        let text = (0..<4_000).reduce(into: "") { $0 += "\($1 * 7_919): all is well\n" }
        let content = Array(text.utf8)
        func length(inPiecesOf size: Int) async throws -> Int {
            let body = BodyStream { writer in
                for place in stride(from: 0, to: content.count, by: size) {
                    try await writer.write(content[place..<min(place + size, content.count)])
                }
            }
            let encoded = coder.encoded(.stream(body), isEventStream: false)
            return try await Body.stream(encoded).collect(upTo: content.count).count
        }
        let (whole, small) = (
            try await length(inPiecesOf: content.count), try await length(inPiecesOf: 64)
        )
        #expect(small * 9 <= whole * 10)
    }

    @Test(arguments: ContentCoding.allCases, [1, 2, 6, 9])
    func `content of any length comes back whole, in one piece or in many`(
        coding: ContentCoding, level: Int
    ) async throws {
        var generator = SeededGenerator()
        let coder = Self.coder(coding, level: level)
        for length in [0, 1, 15, 1000, 40_000, 300_000] {
            // Half of it repeats.
            let half = (0..<length / 2).map { _ in
                UInt8.random(in: .min ... .max, using: &generator)
            }
            let content = half + half
            if let buffered = try coder.encoded(content, upTo: length + 1000) {
                #expect(try decoded(buffered, coding) == Inflated(bytes: content, isWhole: true))
            }
            let body = BodyStream { writer in
                var place = 0
                while place < content.count {
                    let end = min(content.count, place + 7000)
                    try await writer.write(content[place..<end])
                    place = end
                }
            }
            for isEventStream in [false, true] {
                let streamed = Body.stream(
                    coder.encoded(.stream(body), isEventStream: isEventStream))
                let bytes = try await streamed.collect(upTo: 1 << 20)
                #expect(try decoded(bytes, coding) == Inflated(bytes: content, isWhole: true))
            }
            if length > 10 { #expect(try coder.encoded(content, upTo: 10) == nil) }
        }
    }

    @Test(arguments: ContentCoding.allCases, [1, 6])
    func `each flush lets a decoder read what was written`(
        coding: ContentCoding, level: Int
    ) async throws {
        let writer = RecordingWriter()
        let body = BodyStream { producer in
            for count in 1...20 {
                try await producer.write("data: \(count)\n\n")
                let text = (1...count).map { "data: \($0)\n\n" }.joined()
                #expect(try decoded(writer.bytes, coding).text == text)
            }
        }
        let coder = Self.coder(coding, level: level)
        try await coder.encoded(.stream(body), isEventStream: true).produce(writer)
        #expect(try decoded(writer.bytes, coding).isWhole)
    }

    @Test func `an empty stream is whole`() async throws {
        for body in [Body.stream(BodyStream { _ in }), .bytes([])] {
            let encoded = Body.stream(Self.coder().encoded(body, isEventStream: false))
            let bytes = try await encoded.collect(upTo: 100)
            #expect(Inflated(bytes) == Inflated(bytes: [], isWhole: true))
        }
    }

    @Test func `a compressor that served one content serves the next`() async throws {
        let coder = Self.coder()
        for round in 0..<5 {
            let body = BodyStream { writer in
                try await writer.write(longText)
                if round % 2 == 0 { throw Failure() }
            }
            let encoded = Body.stream(coder.encoded(.stream(body), isEventStream: false))
            if round % 2 == 0 {
                await #expect(throws: Failure.self) { try await encoded.collect(upTo: 5000) }
            } else {
                #expect(Inflated(try await encoded.collect(upTo: 5000)).text == longText)
            }
        }
    }

    @Test func `a search that ends sooner costs little, and ends as soon each time`()
        throws
    {
        var generator = SeededGenerator()
        let words = "blue lamp table garden kettle chair day wood a of".split(separator: " ")
        let text = (0..<2_000).reduce(into: "") { text, number in
            let name = (0..<8).map { _ in words.randomElement(using: &generator) ?? "" }
            text += "{\"id\":\(number),\"tag\":\"\(generator.next())\",\"name\":\"\(name)\"},"
        }
        let content = Array(text.utf8)
        let encoder = try ZlibEncoder(.gzip, level: 6)
        var lengths: [Int] = []
        for _ in 0..<3 {
            let encoded = try #require(encoder.encode(content, upTo: content.count))
            #expect(try decoded(encoded, .gzip).bytes == content)
            lengths.append(encoded.count)
            #expect(encoder.reset())
        }
        var own = [UInt8](repeating: 0, count: content.count)
        var ownLength = UInt(own.count)
        #expect(compress2(&own, &ownLength, content, UInt(content.count), 6) == Z_OK)
        // The frame of gzip is 12 bytes longer.
        #expect(lengths[0] > Int(ownLength) + 12)
        #expect(lengths[0] * 100 < Int(ownLength) * 102)
        #expect(lengths == Array(repeating: lengths[0], count: 3))
    }

    @Test func `an error midway leaves the content without its end`() async throws {
        let writer = RecordingWriter()
        let body = BodyStream { writer in
            for _ in 0..<100 { try await writer.write(longText) }
            throw Failure()
        }
        let encoded = Self.coder().encoded(.stream(body), isEventStream: true)
        await #expect(throws: Failure.self) { try await encoded.produce(writer) }
        let inflated = Inflated(writer.bytes)
        #expect(!inflated.isWhole)
        #expect(inflated.text == String(repeating: longText, count: 100))
    }

    @Test func `a peer that is gone ends the producer`() async throws {
        let writer = RecordingWriter { throw Failure() }
        let written = Mutex(0)
        let body = BodyStream { writer in
            var generator = SystemRandomNumberGenerator()
            while true {
                let noise = (0..<1024).map { _ in UInt8.random(in: .min ... .max, using: &generator)
                }
                try await writer.write(noise)
                written.withLock { $0 += 1 }
            }
        }
        let encoded = Self.coder().encoded(.stream(body), isEventStream: false)
        await #expect(throws: Failure.self) { try await encoded.produce(writer) }
        #expect(written.withLock { $0 } < 64)
    }

    @Test(arguments: [0, 1, 20, 4000]) func `a stream of the wrong length is not ended`(
        promised: Int
    ) async throws {
        let body = BodyStream(length: promised) { try await $0.write("12345") }
        let writer = RecordingWriter()
        let encoded = Self.coder().encoded(.stream(body), isEventStream: false)
        await #expect(throws: CompressionError.self) { try await encoded.produce(writer) }
        #expect(!Inflated(writer.bytes).isWhole)
    }

    @Test func `server-sent events arrive at once`() async throws {
        let gate = Gate()
        let writer = RecordingWriter()
        let stream = BodyStream { writer in
            try await writer.write("data: 1\n\n")
            try await gate.pass()
            try await writer.write("data: 2\n\n")
        }
        let response = try await answer(
            .sample(["Content-Type": "text/event-stream; charset=utf-8"], body: .stream(stream)))
        async let sending: Void = response.body.write(to: writer)
        try await gate.waitForWaiters(1)
        #expect(
            Inflated(writer.bytes) == Inflated(bytes: Array("data: 1\n\n".utf8), isWhole: false))
        gate.open()
        try await sending
        #expect(Inflated(writer.bytes).text == "data: 1\n\ndata: 2\n\n")
    }

    @Test func `what the producer pauses after is flushed`() async throws {
        let time = ManualTime()
        let gate = Gate()
        let writer = RecordingWriter()
        let body = BodyStream { writer in
            try await writer.write("one ")
            try await writer.write("two ")
            try await gate.pass()
            gate.close()
            try await writer.write("three")
            try await gate.pass()
        }
        let encoded = Self.coder(time: time).encoded(.stream(body), isEventStream: false)
        async let sending: Void = encoded.produce(writer)
        var arrivals = writer.arriving.makeAsyncIterator()

        try await gate.waitForWaiters(1)
        try await time.waitForSleepers(1)
        #expect(writer.pieces.isEmpty)
        time.advance(by: .milliseconds(3))
        _ = await arrivals.next()
        #expect(Inflated(writer.bytes).text == "one two ")

        gate.open()
        try await time.waitForSleepers(1)
        time.advance(by: .milliseconds(3))
        _ = await arrivals.next()
        #expect(Inflated(writer.bytes).text == "one two three")
        gate.open()
        try await sending
        #expect(Inflated(writer.bytes).isWhole)
        #expect(time.sleeperCount == 0)
    }

    @Test(.timeLimit(.minutes(1)))
    func `the pauses of many streams are looked after at once`() async throws {
        let time = ManualTime()
        let gate = Gate()
        let coder = Self.coder(time: time)
        let writers = (0..<20).map { _ in RecordingWriter() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in writers {
                let body = BodyStream { writer in
                    try await writer.write("held")
                    try await gate.pass()
                }
                let encoded = coder.encoded(.stream(body), isEventStream: false)
                group.addTask { try await encoded.produce(writer) }
            }
            try await gate.waitForWaiters(writers.count)
            try await time.waitForSleepers(1)
            #expect(time.sleeperCount == 1)
            time.advance(by: .milliseconds(3))
            for writer in writers {
                var arrivals = writer.arriving.makeAsyncIterator()
                _ = await arrivals.next()
                #expect(Inflated(writer.bytes).text == "held")
            }
            gate.open()
            try await group.waitForAll()
        }
        for writer in writers { #expect(Inflated(writer.bytes).isWhole) }
    }

    @Test func `output that keeps coming is not flushed`() async throws {
        let time = ManualTime()
        let writer = RecordingWriter()
        let body = BodyStream { writer in
            for _ in 0..<100 {
                try await writer.write("again and again ")
                try await time.waitForSleepers(1)
                time.advance(by: .milliseconds(1))
            }
        }
        let encoded = Self.coder(time: time).encoded(.stream(body), isEventStream: false)
        try await encoded.produce(writer)
        #expect(writer.pieces.count == 1)
        #expect(Inflated(writer.bytes).isWhole)
    }

    @Test func `memory is one buffer, and the producer waits for the peer`() async throws {
        let gate = Gate()
        let writer = RecordingWriter { try await gate.pass() }
        let written = Mutex(0)
        let body = BodyStream { writer in
            var generator = SeededGenerator(seed: 1)
            for _ in 0..<64 {
                let noise = (0..<1024).map { _ in UInt8.random(in: .min ... .max, using: &generator)
                }
                try await writer.write(noise)
                written.withLock { $0 += 1 }
            }
        }
        let encoded = Self.coder().encoded(.stream(body), isEventStream: false)
        async let sending: Void = encoded.produce(writer)
        try await gate.waitForWaiters(1)
        #expect(written.withLock { $0 } < 64)
        gate.open()
        try await sending
        #expect(written.withLock { $0 } == 64)
        #expect(writer.pieces.allSatisfy { $0.count <= 16 * 1024 })
        #expect(Inflated(writer.bytes).bytes.count == 64 * 1024)
    }

    @Test func `flushes and writes that meet don't harm each other`() async throws {
        let coder = Self.coder(flushDelay: .nanoseconds(1))
        var generator = SeededGenerator()
        let pieces = (0..<300).map { _ in
            String(
                repeating: "\(generator.next())", count: Int.random(in: 1...9, using: &generator))
        }
        let whole = pieces.joined()
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    let body = BodyStream { writer in
                        for piece in pieces {
                            try await writer.write(piece)
                            await Task.yield()
                        }
                    }
                    let writer = RecordingWriter { await Task.yield() }
                    try await coder.encoded(.stream(body), isEventStream: false).produce(writer)
                    let inflated = Inflated(writer.bytes)
                    return inflated.isWhole && inflated.text == whole
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
    }

    @Test func `a flush that comes due while the end is sent is left out`() async throws {
        let time = ManualTime()
        let gate = Gate()
        let writer = RecordingWriter { try await gate.pass() }
        let body = BodyStream { writer in
            try await writer.write("held")
            try await time.waitForSleepers(1)
        }
        let encoded = Self.coder(time: time).encoded(.stream(body), isEventStream: false)
        async let sending: Void = encoded.produce(writer)
        try await gate.waitForWaiters(1)
        time.advance(by: .milliseconds(3))
        while time.sleeperCount > 0 { await Task.yield() }
        for _ in 0..<1000 { await Task.yield() }
        gate.open()
        try await sending
        #expect(Inflated(writer.bytes) == Inflated(bytes: Array("held".utf8), isWhole: true))
    }

    @Test func `cancelling ends a stream whose peer hangs in a flush`() async throws {
        let time = ManualTime()
        let gate = Gate()
        let writer = RecordingWriter { try await gate.pass() }
        let body = BodyStream { writer in
            try await writer.write("held")
            try await gate.waitForWaiters(1)
            try await writer.write("never taken")
        }
        let encoded = Self.coder(time: time).encoded(.stream(body), isEventStream: false)
        let sending = Task { try await encoded.produce(writer) }
        try await time.waitForSleepers(1)
        time.advance(by: .milliseconds(3))
        try await gate.waitForWaiters(1)
        sending.cancel()
        await #expect(throws: (any Error).self) { try await sending.value }
        #expect(writer.pieces.isEmpty)
    }
}
