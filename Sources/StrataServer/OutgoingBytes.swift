#if Server
    /// What a producer has written and the connection has not taken yet.
    struct OutgoingBytes {
        /// How much may wait; then the producer has to.
        static let limit = 64 * 1024

        private var bytes: [UInt8] = []
        private var start = 0

        /// How much waits.
        var count: Int { bytes.count - start }

        /// Whether a producer that waits may go on: not at the first byte that leaves, so that it
        /// is not woken for each.
        var hasRoom: Bool { count <= Self.limit / 2 }

        /// Takes as much as there is room for behind the offset.
        ///
        /// - Returns: how many bytes were taken.
        mutating func append(_ chunk: borrowing RawSpan, from offset: Int) -> Int {
            let taken = min(chunk.byteCount - offset, Self.limit - count)
            guard taken > 0 else { return 0 }
            chunk.withUnsafeBytes {
                bytes.append(contentsOf: $0[offset..<(offset + taken)])
            }
            return taken
        }

        /// Moves as much as fits.
        ///
        /// - Returns: how many bytes were moved.
        mutating func take(into room: UnsafeMutableRawBufferPointer) -> Int {
            let moved = min(count, room.count)
            guard moved > 0 else { return 0 }
            bytes.withUnsafeBytes {
                room.copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: $0[start..<(start + moved)]))
            }
            start += moved
            if start == bytes.count {
                bytes.removeAll(keepingCapacity: true)
                start = 0
            } else if start >= Self.limit {
                bytes.removeFirst(start)
                start = 0
            }
            return moved
        }

        /// All that waits.
        mutating func takeAll() -> [UInt8] {
            let all = start == 0 ? bytes : Array(bytes[start...])
            bytes = []
            start = 0
            return all
        }
    }
#endif
