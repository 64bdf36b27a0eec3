#if Server
    import Foundation
    import Synchronization

    struct Product: Codable, Sendable {
        let id: Int
        var name: String
        /// In cents.
        var price: Int
    }

    /// The products: 10,000 of them, the same after each start.
    ///
    /// They stand for a database that all instances ask. Here each has its own, so what is changed
    /// on one instance is seen on another only as long as it comes out of the shared cache.
    final class Catalogue: Sendable {
        /// A product as it is sent.
        struct Entry: Sendable {
            let product: Product
            let json: [UInt8]

            /// Changes whenever the content does, and is the same wherever the content is.
            var entityTag: String {
                // FNV-1a
                let hash = json.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
                    ($0 ^ UInt64($1)) &* 0x100_0000_01B3
                }
                return "\"\(String(hash, radix: 16))\""
            }

            init(_ product: Product) {
                self.product = product
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys]
                json = (try? encoder.encode(product)).map(Array.init) ?? []
            }
        }

        /// Guarded: read by every handler about products, written by `PUT /products/{id}`.
        private let entries: Mutex<[Entry]>

        init() {
            let colours = ["amber", "blue", "crimson", "green", "ivory", "jade", "olive", "violet"]
            let things = ["basket", "chair", "kettle", "lamp", "mirror", "rug", "table", "vase"]
            entries = Mutex(
                (1...10_000).map { id in
                    let name = "\(colours[id % 8]) \(things[id / 8 % 8]) no. \(id)"
                    return Entry(Product(id: id, name: name, price: 100 + id * 7919 % 90_000))
                })
        }

        var all: [Entry] { entries.withLock { $0 } }

        subscript(id: Int) -> Entry? {
            entries.withLock { $0.indices.contains(id - 1) ? $0[id - 1] : nil }
        }

        func replace(_ product: Product) {
            entries.withLock { $0[product.id - 1] = Entry(product) }
        }
    }
#endif
