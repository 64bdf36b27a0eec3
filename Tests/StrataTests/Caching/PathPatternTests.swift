import Testing

@testable import Strata

struct PathPatternTests {
    @Test(arguments: [
        ("/products/{id}", "/products/7", true),
        ("/products/{id}", "/products/", false),
        ("/products/{id}", "/products/7/parts", false),
        ("/products/*/parts", "/products/7/parts", true),
        ("/products/*/parts", "/products//parts", false),
        ("/products/{id}", "/products", false),
        ("/products", "/products/", false),
        ("/products", "/products", true),
        ("/products", "/productz", false),
        ("/products/**", "/products", true),
        ("/products/**", "/products/", true),
        ("/products/**", "/products/7/parts", true),
        ("/products/**", "/productsx", false),
        ("/**", "/", true),
        ("/", "/", true),
        ("/", "/a", false),
        ("/a%20b", "/a%20b", true),
        ("/account", "/%61ccoun%74", true),
        ("/a%4", "/a%4", true),
        ("/a", "*", false),
        ("/a", "", false),
    ])
    func `a pattern matches whole segments`(pattern: String, path: String, isMatch: Bool) {
        #expect(PathPattern(pattern).matches(path) == isMatch)
    }

    @Test func `named segments are remembered`() {
        let names = PathPattern("/{a}/x/{b}").names(in: "/1/x/%32")
        #expect(names == ["a": "1", "b": "2"])
        #expect(PathPattern("/{a}").names(in: "/1/2") == nil)
    }
}
