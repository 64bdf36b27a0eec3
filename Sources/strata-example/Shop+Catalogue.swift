#if Server
    import Strata

    // The list from a handler that helps: it asks the database for one page, by its key.

    extension Shop {
        func addCatalogue(to router: inout Router) {
            router.on(.get, "/catalog") { request, _ in
                let order = try CatalogueOrder(request.parameter("sort") ?? "")
                let page = try catalogue.page(
                    request.page, of: order.keyset, tag: request.parameter("tag"), key: order.key)
                var response = Response(
                    headers: [.contentType: "application/json"],
                    body: .bytes(
                        Array("[".utf8) + page.items.map(\.json).joined(separator: ",".utf8)
                            + Array("]".utf8)))
                response.page = page.bounds
                return response
            }
        }
    }

    /// What the catalogue is sorted by: `-price,name`.
    private struct CatalogueOrder {
        let keyset: Keyset
        private let columns: [String]

        private static let tieBreaker = Keyset.Column.ascending("id")

        /// - Throws: a 400 where the client names what can't be sorted by.
        init(_ sort: String) throws {
            let keyset = Keyset(
                sort: sort,
                columns: [
                    "id": Self.tieBreaker, "name": .ascending("name"), "price": .ascending("price"),
                ], tieBreaker: Self.tieBreaker)
            guard let keyset else {
                throw Problem(
                    .badRequest,
                    detail: "sort is a list of id, name and price, each once, with a - before it "
                        + "for the opposite order, such as -price,name.")
            }
            self.keyset = keyset
            columns = keyset.columns.map(\.expression)
        }

        /// A product's values in the columns.
        func key(_ product: Product) -> [KeyValue] {
            columns.map { column in
                switch column {
                case "name": .text(product.name)
                case "price": .integer(Int64(product.price))
                default: .integer(Int64(product.id))
                }
            }
        }
    }
#endif
