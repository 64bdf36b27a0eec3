import Strata

/// An entity tag of a representation in some coding (RFC 9110 §8.8.3.3).
///
/// A strong tag names bytes, so each coding of a content needs one of its own: the handler's tag
/// with the coding's name behind it, `W/"abc-gzip"` for `"abc"`. It is weak, because the bytes of
/// one content in one coding differ, between libraries, between a stream and a buffer, and once hot
/// content was made again: nobody may join parts of two of them (§8.8.1). A weak tag of the
/// handler's names the meaning, and is the same for all codings. A handler's own tag that looks as if it had a coding's name behind it gets
/// `-identity` there, and so each tag that a client may hold stands for one tag of the handler's
/// in one coding.
struct CodedEntityTag: Hashable {
    /// The tag that the handler gave or is to see.
    var tag: EntityTag
    /// The name behind it: of a coding, `identity`, or nil where there is none.
    var suffix: String?

    /// The names that a tag may have behind it: of all codings there are in any build, so that a
    /// tag means the same to two copies of a server built with different traits.
    private static let suffixes = ["identity", "gzip", "deflate", "br", "zstd"]

    /// The tag to be sent with the content in a coding, or as it is.
    init(_ tag: EntityTag, in coding: ContentCoding?) {
        self.tag = tag
        let needsEscape = CodedEntityTag(received: tag).suffix != nil
        suffix = tag.isWeak || coding == nil ? (needsEscape ? "identity" : nil) : coding?.rawValue
    }

    /// Takes a tag that a client sent apart.
    init(received tag: EntityTag) {
        self.tag = tag
        let text = tag.opaqueTag
        guard let dash = text.utf8.lastIndex(of: UInt8(ascii: "-")) else { return }
        let name = text[text.utf8.index(after: dash)...]
        guard let suffix = Self.suffixes.first(where: { $0 == name }),
            let bare = EntityTag(opaqueTag: String(text[..<dash]), isWeak: tag.isWeak)
        else { return }
        self.suffix = suffix
        // What has a coding's name behind it was made of a strong tag.
        self.tag = isEncoded ? EntityTag(opaqueTag: bare.opaqueTag, isWeak: false) ?? bare : bare
    }

    /// Whether it is of a content in a coding.
    var isEncoded: Bool { suffix != nil && suffix != "identity" }

    /// The tag as it stands in a field.
    var fieldValue: String {
        guard let suffix else { return tag.fieldValue }
        var text = ""
        text.reserveCapacity(tag.opaqueTag.utf8.count + suffix.utf8.count + 5)
        text += isEncoded || tag.isWeak ? "W/\"" : "\""
        text += tag.opaqueTag
        text += "-"
        text += suffix
        text += "\""
        return text
    }
}

extension Headers {
    /// Gives the handler's own tags back to a request's conditions, where a client holds tags of
    /// encoded content.
    ///
    /// - `If-None-Match`: a tag of a coding that this client doesn't accept any more stays as it
    ///   is, and matches nothing: the client is to get the content anew.
    /// - `If-Match`: any coding's tag stands for the state it was taken of, and so for the strong
    ///   tag that the handler gave it.
    /// - `If-Range`: no part of encoded content can be sent, so the tag of one turns the request
    ///   into one for all of it.
    mutating func removeCodings(fromConditionsOf list: QualityList, _ offers: [ContentCoding]) {
        rewriteTags(in: .ifNoneMatch) { coded in
            guard let coding = coded.suffix.flatMap(ContentCoding.init(rawValue:)) else {
                return !coded.isEncoded
            }
            return offers.contains(coding) && list.isPresent && list.quality(of: coding) > 0
        }
        rewriteTags(in: .ifMatch) { _ in true }
        if contains(.range), let tag = first(.ifRange).flatMap({ EntityTag($0) }) {
            let coded = CodedEntityTag(received: tag)
            if coded.isEncoded {
                remove(.range)
                remove(.ifRange)
            } else if coded.suffix != nil {
                self[.ifRange] = coded.tag.fieldValue
            }
        }
    }

    private mutating func rewriteTags(
        in name: HeaderName, where isWanted: (CodedEntityTag) -> Bool
    ) {
        guard contains(name) else { return }
        let list = EntityTagList(self, name)
        var isChanged = false
        let tags = list.tags.map { tag in
            let coded = CodedEntityTag(received: tag)
            guard coded.suffix != nil, isWanted(coded) else { return tag }
            isChanged = true
            return coded.tag
        }
        if isChanged { self[name] = tags.map(\.fieldValue).joined(separator: ", ") }
    }

    /// The coding whose tag the client named for this tag of the handler's in `If-None-Match`; the
    /// outer nil where it named none, the inner one where it named the content as it is.
    func codingNamed(for tag: EntityTag, preferring preferred: ContentCoding?) -> ContentCoding?? {
        guard contains(.ifNoneMatch) else { return nil }
        let named = EntityTagList(self, .ifNoneMatch).tags.map { CodedEntityTag(received: $0) }
            .filter { $0.tag.weaklyMatches(tag) }
        if let preferred, named.contains(where: { $0.suffix == preferred.rawValue }) {
            return preferred
        }
        if named.contains(where: { !$0.isEncoded }) { return .some(nil) }
        for coded in named {
            if let coding = coded.suffix.flatMap(ContentCoding.init(rawValue:)) { return coding }
        }
        return nil
    }
}
