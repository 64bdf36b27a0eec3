import Strata

extension Suite {
    /// The pure decisions that a request or a response is held against, one by one.
    static let decisions = Suite(
        name: "decisions", summary: "each decision of Caching by itself, on a typical message"
    ) {
        let now = Timestamp(httpDate: "Sun, 06 Nov 2022 08:49:37 GMT", now: SystemTime().now)
        guard let now else { throw Unavailable(message: "a date can't be read") }
        var request = Request(
            .get, "/products/7?limit=20",
            headers: [
                .host: "example.com", .accept: "application/json", .userAgent: "bench",
                .acceptEncoding: "gzip, deflate, br, zstd",
                .acceptLanguage: "de-CH, de;q=0.9, en;q=0.8",
            ])
        request.authority = "example.com"
        var post = request
        post.method = .post
        var conditional = request
        conditional.headers[.ifNoneMatch] = "\"0123456789abcdef\""
        conditional.headers[.cacheControl] = "max-age=0"
        var dated = request
        dated.headers[.ifModifiedSince] = "Sun, 06 Nov 2022 08:00:00 GMT"
        var partial = request
        partial.headers[.range] = "bytes=0-499"
        let response = Response(
            headers: [
                .contentType: "application/json", .cacheControl: "public, max-age=3600",
                .date: "Sun, 06 Nov 2022 08:49:37 GMT", .etag: "\"0123456789abcdef\"",
                .lastModified: "Sun, 06 Nov 2022 08:00:00 GMT", .vary: "Accept-Encoding",
                "X-Request-Cost": "1",
            ])
        var heuristic = response
        heuristic.headers[.cacheControl] = nil
        let head = StoredHead(response, born: now, lifetime: .seconds(3600))
        let control = CacheControl(response.headers, .cacheControl)
        let rule = CachingRule.path("/products/{id}").fresh(for: .seconds(60))
        let (asked, posted, validating, since, ranged) = (
            request, post, conditional, dated, partial
        )
        let (guessed, later) = (heuristic, now + .seconds(60))
        return [
            await calibration(),
            await measure("a rule's conditions") { _ = rule.matches(asked) },
            await measure("a request's directives") { _ = validating.cacheDirectives },
            await measure("reuse: fresh") {
                _ = Reuse(head, directives: CacheControl(), now: later)
            },
            await measure("reuse: stale") {
                _ = Reuse(head, directives: CacheControl(), now: now + .seconds(7200))
            },
            await measure("stale in the place of an error") {
                _ = Reuse.isAllowedOnError(head, directives: CacheControl(), now: later)
            },
            await measure("early refresh") {
                _ = EarlyRefresh.isDue(
                    timeToLive: .seconds(60), cost: .milliseconds(20), beta: 1, draw: { 0.5 })
            },
            await measure("freshness: max-age") {
                _ = FreshnessLifetime(
                    of: response, directives: control, rule: nil, isTargeted: false, now: later)
            },
            await measure("freshness: heuristic") {
                _ = FreshnessLifetime(
                    of: guessed, directives: CacheControl(), rule: nil, isTargeted: false,
                    now: later)
            },
            await measure("initial age") {
                _ = InitialAge.born(response.headers, requested: now, received: later)
            },
            await measure("storability") {
                _ = Storability(asked, response, rule: nil, targetFields: [], now: later)
            },
            await measure("storability of a POST") {
                _ = Storability(posted, response, rule: nil, targetFields: [], now: later)
            },
            await measure("selection by Accept-Encoding") {
                _ = Selection.fields([.acceptEncoding], of: asked)
            },
            await measure("selection by Accept-Language") {
                _ = Selection.fields([.acceptLanguage], of: asked)
            },
            await measure("validation: If-None-Match") {
                _ = Validation.isNotModified(validating, head, now: later)
            },
            await measure("validation: If-Modified-Since") {
                _ = Validation.isNotModified(since, head, now: later)
            },
            await measure("ranges") { _ = Partial.ranges(ranged, of: head, now: later) },
        ]
    }
}
