#if Server
    import Strata

    // What is slow, large, or never ends: single-flight, streams, compression.

    extension Shop {
        func addDemonstrations(to router: inout Router) {
            router.on(.get, "/slow") { request, _ in
                try await sleep(request)
                return .text("That took a while.\n")
            }

            router.on(.get, "/private-slow") { request, _ in
                try await sleep(request)
                var response = Response.text("That took a while, and is for you alone.\n")
                response.headers[.cacheControl] = "private"
                return response
            }

            router.on(.get, "/report") { request, _ in
                let length = try request.number("kb", in: 1...100_000, default: 1024) * 1024
                return Response(
                    headers: [.contentType: "text/plain; charset=utf-8"],
                    body: .stream(
                        BodyStream(length: length) { writer in
                            var rest = length
                            var line = 0
                            while rest > 0 {
                                var piece: [UInt8] = []
                                while piece.count < min(rest, 16 * 1024) {
                                    line += 1
                                    piece += "\(line): all is well in aisle \(line % 97)\n".utf8
                                }
                                piece = Array(piece.prefix(rest))
                                try await writer.write(piece)
                                rest -= piece.count
                            }
                        }))
            }

            router.on(.get, "/events") { _, _ in
                Response(
                    headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
                    body: .stream(
                        BodyStream { writer in
                            for number in 1...10 {
                                try await writer.write("id: \(number)\ndata: event \(number)\n\n")
                                try await Task.sleep(for: .milliseconds(200))
                            }
                        }))
            }
        }

        /// Takes as long as the request asks for.
        private func sleep(_ request: Request) async throws {
            let milliseconds = try request.number("ms", in: 0...10_000, default: 100)
            try await Task.sleep(for: .milliseconds(milliseconds))
        }
    }
#endif
