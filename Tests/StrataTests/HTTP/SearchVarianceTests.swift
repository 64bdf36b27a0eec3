import Strata
import Testing

/// `No-Vary-Search` (draft-ietf-httpbis-no-vary-search).
struct SearchVarianceTests {
    @Test(arguments: [
        (#"params"#, SearchVariance(.only([]), isOrderSignificant: true)),
        (#"params=?1"#, SearchVariance(.only([]), isOrderSignificant: true)),
        (#"key-order"#, SearchVariance(.allExcept([]), isOrderSignificant: false)),
        (#"params=("a" "b")"#, SearchVariance(.allExcept(["a", "b"]), isOrderSignificant: true)),
        (
            #"params, except=("id"), key-order"#,
            SearchVariance(.only(["id"]), isOrderSignificant: false)
        ),
        (
            #"params=("a+b" "%C3%A9")"#,
            SearchVariance(.allExcept(["a b", "é"]), isOrderSignificant: true)
        ),
        (#"params;x=1, unknown=3"#, SearchVariance(.only([]), isOrderSignificant: true)),
        (#"key-order=?0, params"#, SearchVariance(.only([]), isOrderSignificant: true)),
    ])
    func `a field says which parameters matter`(value: String, variance: SearchVariance) {
        #expect(SearchVariance(value) == variance)
    }

    @Test(arguments: [
        "", "params=?0", "params=()", "key-order=?0", "key-order=1", "params=1", "params=a",
        "params=(a)", #"except=("a")"#, #"params=("a"), except=("b")"#,
        #"params=?0, except=("a")"#, "params, except", #"params, except="a""#,
        "params, except=(1)", "Params", "params,,", #"params=("é")"#,
    ])
    func `a field that can't be read, or makes no difference, counts as if it weren't there`(
        value: String
    ) {
        #expect(SearchVariance(value) == nil)
    }

    @Test func `a field longer than what a path may have remembered is not read`() {
        #expect(SearchVariance("params=(\"" + String(repeating: "a", count: 2000) + "\")") == nil)
    }

    @Test(arguments: [
        ("params", "a=1", nil, true),
        ("params", "a=1", "b", true),
        (#"params=("utm")"#, "id=1&utm=x", "utm=y&id=1", true),
        (#"params=("utm")"#, "id=1&utm=x", "id=2&utm=x", false),
        (#"params=("utm")"#, "utm=1", nil, true),
        (#"params, except=("id")"#, "id=1&x", "y&id=1", true),
        (#"params, except=("id")"#, "id=1", "x", false),
        ("key-order", "a=1&b=2", "b=2&a=1", true),
        ("key-order", "a=1&a=2", "a=2&a=1", false),
        (#"params=("x")"#, "a=1&b=2", "b=2&a=1", false),
        (#"params=("x")"#, "a=%31", "a=1", true),
        (#"params=("x")"#, "a=b+c", "a=b%20c", true),
        (#"params=("x")"#, "a", "a=", true),
        (#"params=("x")"#, "&a=1&&", "a=1", true),
        (#"params=("x")"#, "a=1%26b=2", "a=1&b=2", false),
        (#"params=("x y")"#, "x+y=1", "x%20y=2", true),
        (#"params=("x+y")"#, "x+y=1", "x%20y=2", true),
        (#"params=("x")"#, "A=1", "a=1", false),
    ])
    func `queries are the same where no difference matters`(
        value: String, one: String?, other: String?, areSame: Bool
    ) throws {
        let variance = try #require(SearchVariance(value))
        #expect((variance.canonical(one) == variance.canonical(other)) == areSame)
    }
}
