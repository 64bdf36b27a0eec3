extension Compression {
    /// How content that a cache serves again and again is compressed once more, in the background
    /// and as small as it gets.
    public struct Remaking: Sendable, Hashable {
        /// How many times a coding of a content is served before it is made again. By default 16.
        public var hits = 16

        /// The part of one processor's time that making again may take in the long run; it is done
        /// in a thread of the lowest priority, one content at a time. By default a twentieth.
        public var processorShare = 0.05

        /// How many contents may wait for it; of more, those that come later are left for another
        /// time. Each is held in memory until then. By default 32.
        public var maximumWaiting = 32

        /// The defaults.
        public init() {}
    }
}
