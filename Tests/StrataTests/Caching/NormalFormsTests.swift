import StrataTesting
import Testing

@testable import Strata

struct NormalFormsTests {
    @Test(arguments: [
        ("gzip, br", "br,gzip"), ("BR,gzip ;q=1.0", "br,gzip"), ("a;q=0.1, b;q=0", "a;q=100,b;q=0"),
        ("b;q=0.5, a;q=0.5, c", "c,a;q=500,b;q=500"), ("a;q=2, b", "b"), ("", ""),
    ])
    func `values that mean the same have one form, the first time and later`(
        value: String, form: String
    ) {
        let forms = NormalForms()
        for _ in 0..<2 {
            #expect(forms.form(of: .acceptEncoding, in: [.acceptEncoding: value]) == form)
        }
        #expect(forms.count == 1)
    }

    @Test func `several lines are one list`() throws {
        let headers = try Headers([(.acceptLanguage, "de"), (.acceptLanguage, "A")])
        let forms = NormalForms()
        #expect(forms.form(of: .acceptLanguage, in: headers) == "a,de")
        #expect(forms.count == 0)
    }

    @Test func `what is remembered is bounded in number and length`() {
        let forms = NormalForms()
        for number in 0..<1000 {
            let form = forms.form(of: .acceptEncoding, in: [.acceptEncoding: "B, a\(number)"])
            #expect(form == "a\(number),b")
            #expect(forms.count <= NormalForms.maximumCount)
        }
        let count = forms.count
        let long = String(repeating: "X", count: NormalForms.maximumBytes + 1)
        #expect(
            forms.form(of: .acceptEncoding, in: [.acceptEncoding: long]) == long.lowercased())
        #expect(forms.count == count)
    }
}
