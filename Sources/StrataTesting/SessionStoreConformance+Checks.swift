import Strata

extension SessionStoreConformance {
    static let valueChecks = [
        Check("a session is found with what it began with") { trial in
            let values: [String: [UInt8]] = [
                "": [], "bytes": Array(0...255), "\r\n\0é😀": [0], "=to": [1],
                "long": .init(
                    repeating: 7, count: 70_000),
            ]
            try await trial.create("s", values)
            let session = try await trial.session("s")
            trial.expect(session?.values, is: values, "the values")
            trial.expect(session?.digest, is: trial.digest("s"), "the digest")
            trial.expect(session?.principal, is: nil, "the principal")
            trial.expect(session?.wrappedKey, is: nil, "the key")
            trial.expect(session?.created, is: session?.lastSeen, "when it began")
            let span = session.map { $0.expires - $0.created }
            trial.expect(span, is: .seconds(6_000), "its longest lifetime")
        },
        Check("a session without values is a session") { trial in
            try await trial.create("s", [:])
            trial.expect(try await trial.session("s")?.values, is: [:], "the values")
        },
        Check("a digest that was never used has no session, and no call makes one") { trial in
            trial.expect(try await trial.lookup("x"), is: .missing, "the look-up")
            let outcome = try await trial.apply(["a": .set([1])], to: "x")
            trial.expect(outcome, is: .missing, "the outcome")
            let rotated = try await trial.apply(to: "x", rotation: trial.rotation(to: "y"))
            trial.expect(rotated, is: .missing, "the outcome of a rotation")
            for target in [
                .session(trial.digest("x")), .everywhere(from: trial.digest("x")),
                .others(than: trial.digest("x")), .principal(trial.digest("x")),
                .member(trial.digest("x"), of: trial.digest("p")),
            ] as [SessionTarget] {
                trial.expect(try await trial.store.end(target), is: false, "ending \(target)")
            }
            trial.expect(try await trial.lookup("x"), is: .missing, "the look-up afterwards")
            trial.expect(try await trial.lookup("y"), is: .missing, "the rotated look-up")
            trial.expect(try await trial.sessions(of: "p"), is: [], "the list")
        },
        Check("changes merge into what others changed") { trial in
            try await trial.create("s", ["a": [1], "b": [2], "c": [3]])
            let first = try await trial.apply(["a": .set([9]), "d": .set([])], to: "s")
            let second = try await trial.apply(["b": .remove, "e": .remove], to: "s")
            trial.expect(first, is: .applied(rotated: false), "the first outcome")
            trial.expect(second, is: .applied(rotated: false), "the second outcome")
            let values = try await trial.session("s")?.values
            trial.expect(values, is: ["a": [9], "c": [3], "d": []], "the values")
        },
        Check("an update without changes tells whether the session lives") { trial in
            try await trial.create("s")
            let outcome = try await trial.apply(to: "s")
            trial.expect(outcome, is: .applied(rotated: false), "the outcome")
        },
        Check("numbers add up, and what is no number or no sum stays") { trial in
            let edge = Array(String(Int64.max).utf8)
            let values: [String: [UInt8]] = [
                "five": Array("5".utf8), "text": Array("5x".utf8), "padded": Array("05".utf8),
                "edge": edge,
            ]
            try await trial.create("s", values)
            let outcome = try await trial.apply(
                [
                    "five": .add(-7), "new": .add(3), "text": .add(1), "padded": .add(1),
                    "edge": .add(1), "other": .set([1]),
                ], to: "s")
            trial.expect(outcome, is: .applied(rotated: false), "the outcome")
            let expected: [String: [UInt8]] = [
                "five": Array("-2".utf8), "new": Array("3".utf8), "text": Array("5x".utf8),
                "padded": Array("05".utf8), "edge": edge, "other": [1],
            ]
            trial.expect(try await trial.session("s")?.values, is: expected, "the values")
            _ = try await trial.apply(["five": .add(.min)], to: "s")
            let five = try await trial.session("s")?.values["five"]
            trial.expect(five, is: Array("-2".utf8), "a sum below 64 bits")
        },
        Check("changes are made where all conditions hold, and else none of them") { trial in
            try await trial.create("s", ["a": [1], "b": [2]])
            let kept = try await trial.apply(
                ["a": .set([3]), "n": .set([1])], if: ["a": [1], "n": nil], to: "s")
            trial.expect(kept, is: .applied(rotated: false), "the outcome")
            let refused = try await trial.apply(
                ["a": .set([4]), "b": .set([4])], if: ["a": [1], "b": [2], "z": nil],
                to: "s", rotation: trial.rotation(to: "t"))
            trial.expect(refused, is: .conflict(["a": [3], "b": [2]]), "the second outcome")
            let absent = try await trial.apply(["z": .set([4])], if: ["z": [4]], to: "s")
            trial.expect(absent, is: .conflict([:]), "the third outcome")
            let values = try await trial.session("s")?.values
            trial.expect(values, is: ["a": [3], "b": [2], "n": [1]], "the values")
            trial.expect(try await trial.lookup("t"), is: .missing, "the refused rotation")
        },
        Check("a session that ended is never found again, whatever comes late") { trial in
            try await trial.create("s", principal: "p")
            trial.expect(
                try await trial.store.end(.session(trial.digest("s"))), is: true, "its end")
            let save = try await trial.apply(["a": .set([1])], to: "s")
            trial.expect(save, is: .missing, "a late save")
            let rotation = try await trial.apply(to: "s", rotation: trial.rotation(to: "t"))
            trial.expect(rotation, is: .missing, "a late rotation")
            let login = try await trial.apply(
                to: "s", rotation: trial.rotation(to: "t", principal: "p"))
            trial.expect(login, is: .missing, "a late log-in")
            trial.expect(try await trial.lookup("s"), is: .missing, "the look-up")
            trial.expect(try await trial.lookup("t"), is: .missing, "the rotated look-up")
            trial.expect(try await trial.sessions(of: "p"), is: [], "the list")
            trial.expect(
                try await trial.store.end(.session(trial.digest("s"))), is: false, "its second end")
        },
    ]

    static let rotationChecks = [
        Check("after a rotation both digests lead to the session, the old one for a while") {
            trial in
            try await trial.create("old", ["a": [1]])
            let outcome = try await trial.apply(
                ["b": .set([2])], to: "old",
                rotation: trial.rotation(to: "new", grace: .milliseconds(900)))
            trial.expect(outcome, is: .applied(rotated: true), "the outcome")
            for name in ["new", "old"] {
                let session = try await trial.session(name)
                trial.expect(session?.values, is: ["a": [1], "b": [2]], "the values of \(name)")
                trial.expect(session?.digest, is: trial.digest("new"), "the digest of \(name)")
            }
            _ = try await trial.apply(["c": .set([3])], to: "old")
            let late = try await trial.session("new")?.values["c"]
            trial.expect(late, is: [3], "a change by the old digest")
            try await trial.letPass(.milliseconds(950))
            trial.expect(try await trial.lookup("old"), is: .missing, "the old one afterwards")
            let lost = try await trial.apply(["d": .set([4])], to: "old")
            trial.expect(lost, is: .missing, "a change by the old digest afterwards")
            trial.expect(try await trial.session("new") != nil, "the new one is there")
        },
        Check("who comes by the old digest does not rotate again") { trial in
            try await trial.create("1")
            _ = try await trial.apply(to: "1", rotation: trial.rotation(to: "2"))
            let outcome = try await trial.apply(
                ["b": .set([2])], to: "1", rotation: trial.rotation(to: "3"))
            trial.expect(outcome, is: .applied(rotated: false), "the outcome")
            trial.expect(try await trial.session("2")?.values["b"], is: [2], "the change")
            trial.expect(try await trial.lookup("3"), is: .missing, "the digest not taken")
        },
        Check("several rotations within the grace period are followed") { trial in
            try await trial.create("1")
            for number in 1...4 {
                _ = try await trial.apply(
                    to: "\(number)", rotation: trial.rotation(to: "\(number + 1)"))
            }
            let session = try await trial.session("1")
            trial.expect(session?.digest, is: trial.digest("5"), "the digest")
        },
        Check("after a log-in the old digest is not found, but brings changes in flight") { trial in
            try await trial.create("old", ["a": [1]])
            let outcome = try await trial.apply(
                to: "old", rotation: trial.rotation(to: "new", principal: "p"))
            trial.expect(outcome, is: .applied(rotated: true), "the outcome")
            trial.expect(try await trial.lookup("old"), is: .superseded, "the old one")
            let change = try await trial.apply(["b": .set([2])], to: "old")
            trial.expect(change, is: .applied(rotated: false), "a change in flight")
            let second = try await trial.apply(
                to: "old", rotation: trial.rotation(to: "other", principal: "p"))
            trial.expect(second, is: .superseded, "a second log-in")
            let session = try await trial.session("new")
            trial.expect(session?.values, is: ["a": [1], "b": [2]], "the values")
            trial.expect(session?.principal, is: trial.digest("p"), "the principal")
            trial.expect(try await trial.lookup("other"), is: .missing, "the second log-in's")
        },
        Check("a rotation on the way to a log-in does not open the old digest") { trial in
            try await trial.create("1")
            _ = try await trial.apply(to: "1", rotation: trial.rotation(to: "2"))
            _ = try await trial.apply(to: "2", rotation: trial.rotation(to: "3", principal: "p"))
            _ = try await trial.apply(to: "3", rotation: trial.rotation(to: "4"))
            trial.expect(try await trial.lookup("1"), is: .superseded, "the first")
            trial.expect(try await trial.lookup("2"), is: .superseded, "the second")
            trial.expect(
                try await trial.session("3")?.digest, is: trial.digest("4"), "the third")
        },
        Check("each digest has the key that was wrapped for it") { trial in
            try await trial.create("1", wrappedKey: [1, 0, 13])
            _ = try await trial.apply(to: "1", rotation: trial.rotation(to: "2", wrappedKey: [2]))
            _ = try await trial.apply(to: "2", rotation: trial.rotation(to: "3", wrappedKey: [3]))
            for (name, key) in [("1", [1, 0, 13]), ("2", [2]), ("3", [3])] as [(String, [UInt8])] {
                let session = try await trial.session(name)
                trial.expect(session?.wrappedKey, is: key, "the key of \(name)")
            }
        },
        Check("ending by the old digest ends the session") { trial in
            try await trial.create("1")
            _ = try await trial.apply(to: "1", rotation: trial.rotation(to: "2", principal: "p"))
            let hasEnded = try await trial.store.end(.session(trial.digest("1")))
            trial.expect(hasEnded, is: true, "the end")
            trial.expect(try await trial.lookup("1"), is: .missing, "the old one")
            trial.expect(try await trial.lookup("2"), is: .missing, "the new one")
            trial.expect(try await trial.sessions(of: "p"), is: [], "the list")
        },
    ]

    static let lifetimeChecks = [
        Check("a session that is not used ends after its idle time") { trial in
            try await trial.create("s", idle: .milliseconds(100))
            try await trial.letPass(.milliseconds(120))
            trial.expect(try await trial.lookup("s"), is: .missing, "the look-up")
            let outcome = try await trial.apply(["a": .set([1])], to: "s")
            trial.expect(outcome, is: .missing, "a late change")
        },
        Check("using a session puts its idle end off, but not its absolute end") { trial in
            try await trial.create("s", idle: .seconds(1), absolute: .milliseconds(2_500))
            try await trial.letPass(.milliseconds(600))
            let early = try await trial.session("s")
            trial.expect(early != nil, "it is there")
            trial.expect(early.map { $0.lastSeen > $0.created } == true, "it was seen")
            try await trial.letPass(.milliseconds(600))
            trial.expect(try await trial.session("s") != nil, "it is still there")
            try await trial.letPass(.milliseconds(600))
            trial.expect(try await trial.session("s") != nil, "it is there before the end")
            try await trial.letPass(.milliseconds(900))
            trial.expect(try await trial.lookup("s"), is: .missing, "the look-up at the end")
        },
        Check("the idle end is not put off at each use") { trial in
            try await trial.create("s", idle: .seconds(100))
            try await trial.letPass(.milliseconds(50))
            let session = try await trial.session("s")
            trial.expect(session?.lastSeen, is: session?.created, "when it was last seen")
        },
        Check("a log-in begins the lifetime anew, and a rotation does not") { trial in
            try await trial.create("1")
            let before = try await trial.session("1")
            _ = try await trial.apply(to: "1", rotation: trial.rotation(to: "2"))
            trial.expect(
                try await trial.session("2"),
                is: before.map {
                    var session = $0
                    session.digest = trial.digest("2")
                    return session
                }, "the rotated session")
            try await trial.letPass(.milliseconds(20))
            _ = try await trial.apply(to: "2", rotation: trial.rotation(to: "3", principal: "p"))
            let after = try await trial.session("3")
            trial.expect(after != nil, "the session is there")
            if let before, let after {
                trial.expect(after.created > before.created, "it began at the log-in")
                trial.expect(after.expires > before.expires, "it ends later")
            }
        },
    ]

    static let principalChecks = [
        Check("a principal's sessions are listed, the oldest first") { trial in
            for name in ["1", "2", "3"] {
                try await trial.create(name, ["n": Array(name.utf8)], principal: "p")
                try await trial.letPass(.milliseconds(5))
            }
            try await trial.create("4", principal: "q")
            try await trial.create("5")
            _ = try await trial.apply(to: "1", rotation: trial.rotation(to: "1b"))
            _ = try await trial.apply(
                to: "5", rotation: trial.rotation(to: "5b", principal: "p"))
            let list = try await trial.store.sessions(of: trial.digest("p"))
            trial.expect(
                list.map(\.digest), is: ["1b", "2", "3", "5b"].map(trial.digest), "the list")
            trial.expect(list.first?.values, is: ["n": Array("1".utf8)], "the values")
            trial.expect(list.first?.principal, is: trial.digest("p"), "the principal")
        },
        Check("what expired or ended is on no list") { trial in
            try await trial.create("1", idle: .milliseconds(50), principal: "p")
            try await trial.create("2", principal: "p")
            try await trial.create("3", principal: "p")
            _ = try await trial.store.end(.session(trial.digest("2")))
            try await trial.letPass(.milliseconds(70))
            let list = try await trial.sessions(of: "p")
            trial.expect(list, is: [trial.digest("3")], "the list")
        },
        Check("logging out everywhere ends all of the principal's, and nobody else's") { trial in
            try await trial.create("1", principal: "p")
            try await trial.create("2", principal: "p")
            try await trial.create("3", principal: "q")
            _ = try await trial.apply(to: "2", rotation: trial.rotation(to: "2b"))
            let hasEnded = try await trial.store.end(.everywhere(from: trial.digest("1")))
            trial.expect(hasEnded, is: true, "the end")
            for name in ["1", "2", "2b"] {
                trial.expect(try await trial.lookup(name), is: .missing, "the look-up of \(name)")
                let outcome = try await trial.apply(["a": .set([1])], to: name)
                trial.expect(outcome, is: .missing, "a late change to \(name)")
            }
            trial.expect(try await trial.sessions(of: "p"), is: [], "the list")
            trial.expect(try await trial.session("3") != nil, "the other principal's is there")
            try await trial.create("4", principal: "p")
            trial.expect(try await trial.session("4") != nil, "a new log-in is there")
            trial.expect(try await trial.lookup("1"), is: .missing, "the old one after that")
        },
        Check("logging out everywhere without a principal ends the one session") { trial in
            try await trial.create("1")
            let hasEnded = try await trial.store.end(.everywhere(from: trial.digest("1")))
            trial.expect(hasEnded, is: true, "the end")
            trial.expect(try await trial.lookup("1"), is: .missing, "the look-up")
        },
        Check("logging out the others leaves the one") { trial in
            for name in ["1", "2", "3"] { try await trial.create(name, principal: "p") }
            let hasEnded = try await trial.store.end(.others(than: trial.digest("2")))
            trial.expect(hasEnded, is: true, "the end")
            trial.expect(try await trial.lookup("1"), is: .missing, "the first")
            trial.expect(try await trial.lookup("3"), is: .missing, "the third")
            let list = try await trial.sessions(of: "p")
            trial.expect(list, is: [trial.digest("2")], "the list")
            trial.expect(try await trial.session("2") != nil, "the second is there")
            try await trial.create("4")
            let anonymous = try await trial.store.end(.others(than: trial.digest("4")))
            trial.expect(anonymous, is: false, "the end for nobody")
        },
        Check("a principal is logged out from outside") { trial in
            try await trial.create("1", principal: "p")
            let hasEnded = try await trial.store.end(.principal(trial.digest("p")))
            trial.expect(hasEnded, is: true, "the end")
            trial.expect(try await trial.lookup("1"), is: .missing, "the look-up")
            let again = try await trial.store.end(.principal(trial.digest("p")))
            trial.expect(again, is: false, "the second end")
        },
        Check("one of a principal's sessions is ended by it, and not by another") { trial in
            try await trial.create("1", principal: "p")
            let (digest, p, q) = (trial.digest("1"), trial.digest("p"), trial.digest("q"))
            let other = try await trial.store.end(.member(digest, of: q))
            trial.expect(other, is: false, "the end by another")
            trial.expect(try await trial.session("1") != nil, "it is there")
            let own = try await trial.store.end(.member(digest, of: p))
            trial.expect(own, is: true, "the end by its own")
            trial.expect(try await trial.lookup("1"), is: .missing, "the look-up")
        },
        Check("above the limit the oldest sessions end; expired ones don't count") { trial in
            try await trial.create("0", idle: .milliseconds(40), principal: "p")
            for name in ["1", "2", "3"] {
                try await trial.create(name, principal: "p")
                try await trial.letPass(.milliseconds(20))
            }
            try await trial.create("4", principal: "p", limit: 4)
            trial.expect(
                try await trial.sessions(of: "p"), is: ["1", "2", "3", "4"].map(trial.digest),
                "the list")
            try await trial.create("5", principal: "p", limit: 2)
            trial.expect(
                try await trial.sessions(of: "p"), is: ["4", "5"].map(trial.digest),
                "the list at the limit")
            trial.expect(try await trial.lookup("1"), is: .missing, "the oldest")
        },
        Check("a log-in by another principal takes the session from the first") { trial in
            try await trial.create("1", principal: "p")
            _ = try await trial.apply(to: "1", rotation: trial.rotation(to: "2", principal: "q"))
            trial.expect(try await trial.sessions(of: "p"), is: [], "the first's list")
            trial.expect(
                try await trial.sessions(of: "q"), is: [trial.digest("2")], "the second's list")
            _ = try await trial.store.end(.principal(trial.digest("p")))
            trial.expect(try await trial.session("2") != nil, "it is there")
        },
        Check("logging in again does not list the session twice") { trial in
            try await trial.create("1", principal: "p")
            _ = try await trial.apply(to: "1", rotation: trial.rotation(to: "2", principal: "p"))
            trial.expect(
                try await trial.sessions(of: "p"), is: [trial.digest("2")], "the list")
        },
    ]

    static let concurrencyChecks = [
        Check("of additions and changes at the same time none is lost") { trial in
            try await trial.create("s", [:])
            let store = trial.store
            let digest = trial.digest("s")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        let update = SessionUpdate(changes: [
                            "sum": .add(1), "own\(number)": .set([1]),
                        ])
                        _ = try await store.apply(update, to: digest)
                    }
                }
                try await group.waitForAll()
            }
            let values = try await trial.session("s")?.values
            trial.expect(values?["sum"], is: Array("200".utf8), "the sum")
            trial.expect(values?.count, is: 201, "the count of values")
        },
        Check("of rotations at the same time one is made, and all lead to it") { trial in
            try await trial.create("s")
            let store = trial.store
            let digest = trial.digest("s")
            let rotations = (0..<20).map { trial.rotation(to: "new\($0)") }
            let made = try await withThrowingTaskGroup(of: Bool.self) { group in
                for rotation in rotations {
                    group.addTask {
                        let outcome = try await store.apply(
                            SessionUpdate(rotation: rotation), to: digest)
                        return outcome == .applied(rotated: true)
                    }
                }
                return try await group.reduce(0) { $1 ? $0 + 1 : $0 }
            }
            trial.expect(made, is: 1, "the count of rotations")
            let session = try await trial.session("s")
            trial.expect(
                rotations.contains { $0.digest == session?.digest }, "the session is found")
        },
    ]
}
