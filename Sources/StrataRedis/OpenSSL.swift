import CSSL
import Strata
import Synchronization

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

// All calls into OpenSSL stand in this file.

enum OpenSSL {
    /// The SHA-1 of the bytes, which is how Redis names scripts.
    static func sha1(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 20)
        EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha1(), nil)
        return digest
    }

    /// What OpenSSL noted last, and forgets by this.
    fileprivate static func lastError() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        if let reason = ERR_reason_error_string(code) { return String(cString: reason) }
        // From OpenSSL 3 on what the system says has no words there, but its number.
        guard code & 1 << 31 != 0 else { return "no reason given" }
        return String(cString: strerror(Int32(truncatingIfNeeded: code & 0x7fff_ffff)))
    }
}

/// What the TLS connections of a client have in common: whom they trust, and who they are.
///
/// It can be shared between threads because it is not changed once it is made, and OpenSSL counts
/// the references to it atomically.
final class TLSContext: @unchecked Sendable {
    private let context: OpaquePointer
    private let serverName: String
    private let isVerifying: Bool

    init(_ configuration: RedisConfiguration.TLS, host: String) throws(StoreError) {
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw StoreError(.misconfigured, "OpenSSL can't be used: \(OpenSSL.lastError()).")
        }
        self.context = context
        serverName = configuration.serverName ?? host
        isVerifying = configuration.verification == .full
        // To OpenSSL no name means any name, and a name ends at a zero.
        guard !serverName.isEmpty, !serverName.utf8.contains(0) else {
            throw StoreError(
                .misconfigured,
                "The server's name for TLS is empty or holds a zero; give the name in its "
                    + "certificate, or none for the host's.")
        }
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
        SSL_CTX_set_verify(context, isVerifying ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
        if let file = configuration.certificateAuthority {
            guard SSL_CTX_load_verify_locations(context, file, nil) == 1 else {
                throw .unusable(file, "certificates of an authority")
            }
        } else {
            SSL_CTX_set_default_verify_paths(context)
        }
        if let identity = configuration.identity {
            guard SSL_CTX_use_certificate_chain_file(context, identity.certificate) == 1 else {
                throw .unusable(identity.certificate, "a certificate")
            }
            guard
                SSL_CTX_use_PrivateKey_file(context, identity.privateKey, SSL_FILETYPE_PEM) == 1,
                SSL_CTX_check_private_key(context) == 1
            else { throw .unusable(identity.privateKey, "the certificate's private key") }
        }
    }

    deinit { SSL_CTX_free(context) }

    /// A new connection's side of TLS.
    func makeSession() throws(StoreError) -> TLSSession {
        guard let ssl = SSL_new(context), let incoming = BIO_new(BIO_s_mem()),
            let outgoing = BIO_new(BIO_s_mem())
        else { throw StoreError(.unavailable, "There is no memory for TLS.") }
        SSL_set_bio(ssl, incoming, outgoing)
        SSL_set_connect_state(ssl)
        // An address is held against the certificate's addresses, a name against its names.
        if X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), serverName) != 1 {
            ERR_clear_error()
            guard SSL_set1_host(ssl, serverName) == 1 else {
                SSL_free(ssl)
                throw StoreError(.unavailable, "There is no memory for TLS.")
            }
            var name = Array(serverName.utf8CString)
            SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name), &name)
        }
        return TLSSession(
            TLSEngine(ssl: ssl, incoming: incoming, outgoing: outgoing, serverName: serverName))
    }
}

/// TLS for one connection: it turns bytes into others, and moves none itself.
///
/// The one who writes and the one who reads may be different threads.
final class TLSSession: Sendable {
    /// Guarded by the mutex: OpenSSL's state of the connection.
    private let engine: Mutex<TLSEngine>

    fileprivate init(_ engine: consuming TLSEngine) { self.engine = Mutex(engine) }

    /// Goes on with the handshake; whether it is done, and what is to be sent.
    func shakeHands() throws(StoreError) -> (isDone: Bool, output: [UInt8]) {
        try engine.withLock { engine throws(StoreError) in
            let isDone = try engine.shakeHands()
            return (isDone, engine.drain())
        }
    }

    /// Takes bytes that were received.
    func feed(_ bytes: UnsafeRawBufferPointer) { engine.withLock { $0.feed(bytes) } }

    /// Opens what was received; how many bytes there are now, 0 when more must be received first.
    func open(into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        try engine.withLock { engine throws(StoreError) in try engine.open(into: buffer) }
    }

    /// Seals bytes to be sent.
    func seal(_ bytes: [UInt8]) throws(StoreError) -> [UInt8] {
        try engine.withLock { engine throws(StoreError) in
            try engine.write(bytes)
            return engine.drain()
        }
    }
}

/// Owns OpenSSL's state of one connection, which is fed and drained through memory, so that
/// sockets stay the business of others.
///
/// It can go from thread to thread because OpenSSL ties a connection to none, and because it is
/// only used by the one who holds the session's mutex.
private struct TLSEngine: ~Copyable, @unchecked Sendable {
    let ssl: OpaquePointer
    let incoming: OpaquePointer
    let outgoing: OpaquePointer
    let serverName: String

    /// Frees the two memories as well.
    deinit { SSL_free(ssl) }

    func shakeHands() throws(StoreError) -> Bool {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 { return true }
        guard SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ else { return false }
        let verdict = SSL_get_verify_result(ssl)
        guard verdict == X509_V_OK else {
            let reason = String(cString: X509_verify_cert_error_string(verdict))
            throw StoreError(
                .misconfigured,
                "The server's certificate for \(serverName) is not accepted: \(reason). Name the "
                    + "authority's file (ca), or the server's name in its certificate (name).")
        }
        throw StoreError(.unavailable, "TLS can't be agreed on: \(OpenSSL.lastError()).")
    }

    func feed(_ bytes: UnsafeRawBufferPointer) {
        BIO_write(incoming, bytes.baseAddress, Int32(bytes.count))
    }

    func open(into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        ERR_clear_error()
        let count = SSL_read(ssl, buffer.baseAddress, Int32(buffer.count))
        if count > 0 { return Int(count) }
        switch SSL_get_error(ssl, count) {
        case SSL_ERROR_WANT_READ: return 0
        case SSL_ERROR_ZERO_RETURN:
            throw StoreError(.unavailable, "Redis closed the connection.")
        default:
            throw StoreError(.unavailable, "TLS was broken off: \(OpenSSL.lastError()).")
        }
    }

    func write(_ bytes: [UInt8]) throws(StoreError) {
        ERR_clear_error()
        var offset = 0
        while offset < bytes.count {
            let count = bytes[offset...].withUnsafeBytes { bytes in
                SSL_write(ssl, bytes.baseAddress, Int32(min(bytes.count, 1 << 20)))
            }
            guard count > 0 else {
                throw StoreError(.unavailable, "TLS was broken off: \(OpenSSL.lastError()).")
            }
            offset += Int(count)
        }
    }

    /// Takes what is to be sent.
    func drain() -> [UInt8] {
        let size = BIO_ctrl_pending(outgoing)
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            count = size == 0 ? 0 : max(0, Int(BIO_read(outgoing, buffer.baseAddress, Int32(size))))
        }
    }
}

extension StoreError {
    fileprivate static func unusable(_ file: String, _ what: String) -> StoreError {
        StoreError(
            .misconfigured,
            "The file \(file) can't be used as \(what) in PEM: \(OpenSSL.lastError()).")
    }
}
