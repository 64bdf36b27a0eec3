extension Response {
    /// Texts in the content whose parts must not be guessed from how well they compress.
    ///
    /// Whoever sees the lengths of encrypted responses, and can have text of his own reflected in
    /// them, learns whether that text begins like another one beside it: it then compresses better
    /// (BREACH, Gluck, Harris and Prado 2013). A compressing layer keeps each occurrence of these
    /// texts apart from everything else. Mark what lets its holder act for somebody and stands in
    /// the same content as text from the request, such as a token against cross-site request
    /// forgery, as it is spelled in the content, and in full.
    ///
    /// ```swift
    /// var response = Response(headers: [.contentType: "text/html"], body: .text(page))
    /// response.secrets = [formToken]
    /// ```
    public var secrets: [String] {
        get { values[ResponseSecretsKey.self] ?? [] }
        set { values[ResponseSecretsKey.self] = newValue.isEmpty ? nil : newValue }
    }
}

private enum ResponseSecretsKey: ValueKey { typealias Value = [String] }
