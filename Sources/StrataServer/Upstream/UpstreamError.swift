#if Server
    public import Strata

    /// An origin gave no answer that could be used.
    public struct UpstreamError: ImpersonalFailure, Sendable, Hashable, CustomStringConvertible {
        /// What went wrong.
        public enum Reason: Sendable, Hashable {
            /// No connection could be made.
            case unreachable
            /// The origin took too long.
            case timedOut
            /// The connection ended before the response did.
            case lost
            /// What the origin sent is not HTTP, or beyond a limit.
            case malformed
        }

        /// What went wrong.
        public let reason: Reason
        /// What went wrong, in words.
        public let description: String

        init(_ reason: Reason, _ description: String) {
            self.reason = reason
            self.description = description
        }

        /// What a client is told: 504 where the origin took too long, else 502
        /// (RFC 9110 §15.6.3, §15.6.5).
        public var problem: Problem {
            switch reason {
            case .timedOut:
                Problem(.gatewayTimeout, detail: "The origin took too long to answer.")
            case .unreachable:
                Problem(.badGateway, detail: "The origin can't be reached.")
            case .lost:
                Problem(.badGateway, detail: "The origin broke off its answer.")
            case .malformed:
                Problem(.badGateway, detail: "The origin's answer can't be understood.")
            }
        }
    }
#endif
