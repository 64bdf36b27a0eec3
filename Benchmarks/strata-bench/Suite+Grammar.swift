import Strata

extension Suite {
    /// The field values that decisions are made from, read.
    static let grammar = Suite(
        name: "grammar", summary: "reading Cache-Control, Accept-Encoding and an entity tag"
    ) {
        let three = "public, max-age=60, must-revalidate"
        let seven =
            "public, max-age=60, s-maxage=120, must-revalidate, stale-while-revalidate=30, "
            + "stale-if-error=600, immutable"
        return [
            await calibration(),
            await measure("Cache-Control of one directive") { _ = CacheControl("max-age=3600") },
            await measure("Cache-Control of three") { _ = CacheControl(three) },
            await measure("Cache-Control of seven") { _ = CacheControl(seven) },
            await measure("a browser's Accept-Encoding") {
                _ = QualityList("gzip, deflate, br, zstd")
            },
            await measure("an entity tag") { _ = EntityTag("\"0123456789abcdef\"") },
        ]
    }
}
