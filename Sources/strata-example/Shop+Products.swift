#if Server
    import Strata

    // The list and its items: cached, paginated, changed and purged.

    extension Shop {
        func addProducts(to router: inout Router) {
            // Returns them all, whatever the query says: the page is cut out of it.
            router.on(.get, "/products") { _, _ in
                Response(
                    headers: [.contentType: "application/json"],
                    body: .stream(
                        BodyStream { writer in
                            var separator = "["
                            var last = 0
                            while true {
                                // No more at a time than the longest page: who sends them may be
                                // slow, and the rest may not be wanted.
                                let entries = try catalogue.entries(behind: last, count: 100)
                                guard let end = entries.last else { break }
                                last = end.product.id
                                for entry in entries {
                                    try await writer.write(separator)
                                    try await writer.write(entry.json)
                                    separator = ","
                                }
                            }
                            try await writer.write(last == 0 ? "[]" : "]")
                        }))
            }

            router.on(.get, "/products/{id}") { _, match in
                let product = try product(match)
                var response = Response.json(product.json)
                response.headers[.etag] = product.entityTag
                return response
            }

            router.on(.put, "/products/{id}") { request, match in
                var product = try product(match).product
                let change = try await request.json(
                    Change.self, such: #"{"name":"blue lamp","price":1999}"#)
                if let name = change.name { product.name = name }
                if let price = change.price { product.price = price }
                guard (1...200).contains(product.name.count), product.price >= 0 else {
                    throw Problem(
                        .unprocessableContent,
                        detail: "A product has a name of at most 200 characters, and no negative "
                            + "price.")
                }
                try catalogue.replace(product)
                try await purge("product-\(product.id)")
                let entry = Catalogue.Entry(product)
                var response = Response.json(entry.json)
                response.headers[.etag] = entry.entityTag
                return response
            }
        }

        private struct Change: Decodable {
            var name: String?
            var price: Int?
        }

        /// The product that a path names.
        ///
        /// - Throws: a 404 that may be cached, unlike other problems.
        private func product(_ match: Router.Match) throws -> Catalogue.Entry {
            guard let id = Int(match["id"]), let product = try catalogue.entry(id) else {
                throw Problem(
                    .notFound, detail: "There is no product \(match["id"]).",
                    headers: [.cacheControl: "public"])
            }
            return product
        }

        /// Purges what has the tag.
        ///
        /// - Throws: a 503 where the store can't be told, so that the client asks again.
        func purge(_ tag: String) async throws {
            do {
                try await caching.purge(.tag(tag))
            } catch {
                statistics.events(StoreFault(error))
                throw Problem(
                    .serviceUnavailable,
                    detail: "What the cache has of \(tag) could not be purged; ask again.",
                    headers: [.retryAfter: "1"])
            }
        }
    }
#endif
