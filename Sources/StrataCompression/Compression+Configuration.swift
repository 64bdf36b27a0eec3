import Strata

extension Compression {
    /// What is compressed, how, and for whom.
    public struct Configuration: Sendable {
        /// The codings to offer, best liked first: a client's equal weights are decided by it.
        /// By default all that the build has: `zstd`, which costs least, `br`, which is densest,
        /// `gzip`, and `deflate` last, because there are clients that get it wrong.
        public var codings: [ContentCoding] = ContentCoding.allCases

        /// How hard to try, from 1, the fastest, to 9, the densest. In a build without traits it is
        /// zlib's level; the traits' libraries take at most the time that zlib takes at it, and
        /// between 4 and 6, where `Libdeflate` is on, a third of it, for content that is a tenth
        /// longer. By default 6, behind which output hardly shrinks and time grows.
        public var level = 6

        /// Content of a known length below that many bytes goes as it is. By default 128: a frame
        /// alone is 18 bytes, and a short text holds little that repeats.
        public var minimumBytes = 128

        /// Content that is all there is compressed before the head is sent, up to that many bytes:
        /// it then has a `Content-Length`, and goes as it is where it doesn't get smaller. Longer
        /// content is compressed while it is sent, so that it takes no memory. By default 1 MiB.
        public var maximumBufferedBytes = 1 << 20

        /// Streamed content is handed on when nothing more came for that long. By default 3 ms:
        /// nobody notices it, and a producer that doesn't pause stays below it. Content of the
        /// type `text/event-stream` never waits.
        public var flushDelay: Duration = .milliseconds(3)

        /// How many compressors that nobody uses are kept for the next content, for each coding;
        /// one takes 256 KiB. By default 16. How many are in use has no limit but the number of
        /// responses under way.
        public var maximumIdleCompressors = 16

        /// How content that the cache serves again and again is made smaller. Nil leaves it as the
        /// first request got it.
        public var remaking: Remaking? = Remaking()

        /// What a client gets that refuses every coding there is, and the content as it is too.
        public var whenNothingIsAcceptable: Refusal = .sendIdentity

        /// How the encoded content of requests is decoded. Nil leaves it, and its
        /// `Content-Encoding`, to the handler.
        public var requestDecoding: RequestDecoding? = RequestDecoding()

        /// Whether content of a media type, in lower case and without its parameters, gets
        /// smaller. By default ``isUsuallyCompressible(_:)``. Content without a type goes as it is.
        public var isCompressible: @Sendable (_ mediaType: String) -> Bool = {
            isUsuallyCompressible($0)
        }

        /// The answers to a client that accepts nothing (RFC 9110 §12.4.1).
        public enum Refusal: Sendable, Hashable {
            /// The content as it is: the default, because such a client rarely means it.
            case sendIdentity
            /// `406 Not Acceptable`, before the handler is asked, so that nothing has been done.
            case notAcceptable
        }

        /// The defaults.
        public init() {}

        /// Whether content of a media type, in lower case and without its parameters, gets much
        /// smaller as a rule: text, JSON, XML, scripts, and the few fonts and images that aren't
        /// compressed in themselves. Types that are not known to are not.
        public static func isUsuallyCompressible(_ mediaType: String) -> Bool {
            mediaType.hasPrefix("text/") || compressibleTypes.contains(mediaType)
                || compressibleSuffixes.contains { mediaType.hasSuffix($0) }
        }

        /// Structured syntax suffixes (RFC 6839) whose syntax is text.
        private static let compressibleSuffixes = ["+json", "+xml", "+json-seq", "+yaml"]

        private static let compressibleTypes: Set<String> = [
            "application/ecmascript", "application/graphql", "application/javascript",
            "application/json", "application/json-seq", "application/jsonl",
            "application/jwk-set", "application/n-quads", "application/n-triples",
            "application/ndjson", "application/openmetrics-text", "application/rtf",
            "application/sparql-query", "application/sql", "application/toml",
            "application/trig", "application/vnd.ms-fontobject", "application/wasm",
            "application/x-javascript", "application/x-ndjson", "application/x-sh",
            "application/x-www-form-urlencoded", "application/x-yaml", "application/xml",
            "application/xml-dtd", "application/yaml", "font/otf", "font/ttf", "image/bmp",
            "image/vnd.microsoft.icon", "image/x-icon", "image/x-ms-bmp",
        ]

        /// Checks the limits that the properties state.
        func validate() {
            precondition((1...9).contains(level), "The level lies within 1 to 9")
            precondition(minimumBytes >= 0, "A length is not negative")
            precondition(maximumBufferedBytes >= 0, "A length is not negative")
            precondition(flushDelay > .zero, "The delay of a flush is longer than nothing")
            if let requestDecoding {
                precondition(requestDecoding.maximumBytes >= 0, "A length is not negative")
                precondition(requestDecoding.maximumRatio >= 1, "Decoding adds to the length")
            }
            if let remaking {
                precondition(remaking.hits >= 1, "Nothing is hot that was never served")
                precondition(
                    remaking.processorShare > 0 && remaking.processorShare <= 1,
                    "A share lies between nothing and all of a processor")
                precondition(remaking.maximumWaiting >= 1, "Something has to wait")
            }
            precondition(maximumIdleCompressors >= 0, "A number of compressors is not negative")
        }

        /// Whether content with this `Content-Type` may get smaller.
        func isCompressible(contentType: String) -> Bool {
            isCompressible(contentType.mediaTypeEssence)
        }
    }
}

extension String {
    /// The type and subtype of a `Content-Type`, in lower case (RFC 9110 §8.3.1).
    var mediaTypeEssence: String {
        // Most often it is nothing else.
        if utf8.allSatisfy({ $0.asciiLowercased == $0 && $0 > 0x20 && $0 != UInt8(ascii: ";") }) {
            return self
        }
        let end = utf8.firstIndex(of: UInt8(ascii: ";")) ?? endIndex
        return self[..<end].trimmingOptionalWhitespace.asciiLowercased
    }
}
