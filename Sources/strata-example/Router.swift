#if Server
    import Foundation
    import Strata

    /// Finds the route of a request: by its method, and by the segments of its path, of which
    /// `{name}` stands for any.
    struct Router: Sendable {
        typealias Action = @Sendable (_ request: Request, _ match: Match) async throws -> Response

        /// What the request has in the places of the names.
        struct Match: Sendable {
            fileprivate var values: [String: String] = [:]

            subscript(name: String) -> String { values[name] ?? "" }
        }

        private struct Route: Sendable {
            let method: Method
            let pattern: String
            let segments: [Substring]
            let action: Action

            func match(_ path: [Substring]) -> Match? {
                guard path.count == segments.count else { return nil }
                var match = Match()
                for (segment, part) in zip(segments, path) {
                    if segment.hasPrefix("{") {
                        guard let value = part.removingPercentEncoding, !value.isEmpty else {
                            return nil
                        }
                        match.values[String(segment.dropFirst().dropLast())] = value
                    } else if segment != part {
                        return nil
                    }
                }
                return match
            }
        }

        private var routes: [Route] = []
        private let statistics: Statistics

        init(_ statistics: Statistics) { self.statistics = statistics }

        /// Adds a route; one for GET answers HEAD as well.
        mutating func on(_ method: Method, _ pattern: String, _ action: @escaping Action) {
            routes.append(
                Route(
                    method: method, pattern: pattern, segments: Self.segments(pattern),
                    action: action))
        }

        private static func segments(_ path: String) -> [Substring] {
            path.split(separator: "/", omittingEmptySubsequences: false)
        }

        /// The routes as one handler. A problem is an answer like any other, so that the layers
        /// see it.
        var handler: Handler {
            { request in
                do {
                    return try await respond(to: request)
                } catch let problem as Problem {
                    return problem.response
                }
            }
        }

        private func respond(to request: Request) async throws -> Response {
            let path = Self.segments(request.path)
            let method = request.method == .head ? .get : request.method
            var allowed: [String] = []
            for route in routes {
                guard let match = route.match(path) else { continue }
                if route.method == method {
                    statistics.ran("\(route.method) \(route.pattern)")
                    return try await route.action(request, match)
                }
                allowed.append(route.method.rawValue)
                if route.method == .get { allowed.append("HEAD") }
            }
            guard !allowed.isEmpty else {
                throw Problem(.notFound, detail: "There is nothing at \(request.path).")
            }
            throw Problem(
                .methodNotAllowed, detail: "Allowed here: \(allowed.joined(separator: ", ")).",
                headers: [.allow: allowed.joined(separator: ", ")])
        }
    }

    extension Request {
        /// The value of the first parameter of that name in the query.
        func parameter(_ name: String) -> String? {
            for parameter in (query ?? "").split(separator: "&") {
                let parts = parameter.split(
                    separator: "=", maxSplits: 1, omittingEmptySubsequences: false
                ).map { $0.replacing("+", with: " ").removingPercentEncoding }
                if parts.first == name { return parts.count > 1 ? parts[1] : "" }
            }
            return nil
        }

        /// The number that a parameter of the query gives.
        ///
        /// - Throws: a 400 where it is none, or lies outside the range.
        func number(_ name: String, in range: ClosedRange<Int>, default standard: Int) throws -> Int
        {
            guard let text = parameter(name) else { return standard }
            guard let number = Int(text), range.contains(number) else {
                throw Problem(
                    .badRequest,
                    detail: "\(name) must be a number from \(range.lowerBound) to "
                        + "\(range.upperBound).")
            }
            return number
        }

        /// The content as a value.
        ///
        /// - Throws: a 400 where it isn't JSON of that shape, which the example shows.
        func json<Value: Decodable>(_ type: Value.Type, such example: String) async throws -> Value
        {
            let bytes = try await body.collect(upTo: 64 * 1024)
            do {
                return try JSONDecoder().decode(type, from: Data(bytes))
            } catch {
                throw Problem(.badRequest, detail: "The content must be JSON such as \(example).")
            }
        }
    }

    extension Response {
        /// A value as JSON.
        static func encoded(_ value: some Encodable, status: Status = .ok) throws -> Response {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return .json(Array(try encoder.encode(value)), status: status)
        }
    }
#endif
