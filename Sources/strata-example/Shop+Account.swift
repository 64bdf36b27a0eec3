#if Server
    import Strata

    // What belongs to one user: sessions.

    extension Shop {
        func addAccount(to router: inout Router) {
            router.on(.post, "/login") { request, _ in
                let login = try await request.json(Login.self, such: #"{"user":"ann"}"#)
                guard (1...64).contains(login.user.utf8.count) else {
                    throw Problem(
                        .unprocessableContent, detail: "A user's name has 1 to 64 bytes.")
                }
                try await request.session.logIn(as: login.user)
                return try .encoded(User(user: login.user))
            }

            router.on(.get, "/me") { request, _ in
                try .encoded(User(user: await user(of: request)))
            }

            router.on(.put, "/cart/{item}") { request, match in
                _ = try await user(of: request)
                let item = match["item"]
                let quantity = try await request.json(
                    Quantity.self, such: #"{"quantity":2}"#
                ).quantity
                guard item.utf8.count <= 64, (0...1000).contains(quantity) else {
                    throw Problem(
                        .unprocessableContent,
                        detail: "An item's name has at most 64 bytes, and a quantity lies within "
                            + "0 to 1000.")
                }
                // Two requests may change the cart at the same time; none of them is lost.
                while true {
                    let cart: [String: Int]? = try await request.session.get("cart")
                    var changed = cart ?? [:]
                    changed[item] = quantity == 0 ? nil : quantity
                    guard changed.count <= 100 else {
                        throw Problem(
                            .unprocessableContent, detail: "A cart holds at most 100 items.")
                    }
                    if try await request.session.compareAndSet("cart", from: cart, to: changed) {
                        return try .encoded(changed)
                    }
                    // Where the session has ended meanwhile, nothing can be kept in it.
                    _ = try await user(of: request)
                }
            }

            router.on(.get, "/cart") { request, _ in
                _ = try await user(of: request)
                return try .encoded(try await request.session.get("cart") ?? [String: Int]())
            }

            router.on(.post, "/checkout") { request, _ in
                while true {
                    _ = try await user(of: request)
                    let cart: [String: Int]? = try await request.session.get("cart")
                    guard let cart, !cart.isEmpty else {
                        throw Problem(.conflict, detail: "The cart is empty.")
                    }
                    // Of two requests at the same time one gets the cart.
                    if try await request.session.compareAndSet("cart", from: cart, to: nil) {
                        return try .encoded(["ordered": cart])
                    }
                }
            }

            router.on(.post, "/count/{name}") { request, match in
                _ = try await user(of: request)
                let count = try await request.session.increment(counter(match))
                return try .encoded([match["name"]: count])
            }

            router.on(.get, "/count/{name}") { request, match in
                _ = try await user(of: request)
                let count: Int? = try await request.session.get(counter(match))
                return try .encoded([match["name"]: count ?? 0])
            }

            router.on(.post, "/logout") { request, _ in
                _ = try await user(of: request)
                try await request.session.logOut()
                return Response(status: .noContent)
            }

            router.on(.post, "/logout-everywhere") { request, _ in
                _ = try await user(of: request)
                try await request.session.logOutEverywhere()
                return Response(status: .noContent)
            }
        }

        private struct Login: Decodable { var user: String }
        private struct User: Encodable { var user: String }
        private struct Quantity: Decodable { var quantity: Int }

        /// Who is logged in.
        ///
        /// - Throws: a 401 where nobody is.
        private func user(of request: Request) async throws -> String {
            guard let user = try await request.session.principal else {
                throw Problem(
                    .unauthorized, detail: "Log in first: POST /login.",
                    headers: [.wwwAuthenticate: #"Cookie realm="shop""#])
            }
            return user
        }

        private func counter(_ match: Router.Match) throws -> String {
            guard match["name"].utf8.count <= 64 else {
                throw Problem(
                    .unprocessableContent, detail: "A counter's name has at most 64 bytes.")
            }
            return "count-" + match["name"]
        }
    }
#endif
