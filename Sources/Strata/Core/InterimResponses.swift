/// What a host that can send interim responses puts into ``Request/native``.
///
/// `1xx` answers, such as `103 Early Hints`, go to the client before the response, in the order in
/// which they are sent (RFC 9110 §15.2).
public protocol InterimResponding: Sendable {
    /// Sends an interim response where the client understands it and the response isn't on its
    /// way; else nothing happens. Its content, if any, isn't sent.
    ///
    /// - Precondition: the status is one of 100 to 199, but not 101: the protocol stays.
    func sendInterim(_ response: Response) async
}

extension Request {
    /// Sends an interim response, such as `103 Early Hints`, to the client, where the host is one
    /// that can.
    ///
    /// ```swift
    /// await request.sendInterim(
    ///     Response(status: 103, headers: [.link: "</style.css>; rel=preload; as=style"]))
    /// ```
    ///
    /// - Precondition: the status is one of 100 to 199, but not 101.
    public func sendInterim(_ response: Response) async {
        await (native as? any InterimResponding)?.sendInterim(response)
    }
}
