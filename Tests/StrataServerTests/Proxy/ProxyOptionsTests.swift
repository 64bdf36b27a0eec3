#if Server
    import Strata
    import StrataServer
    import Testing

    @testable import strata_proxy

    @Suite struct ProxyOptionsTests {
        private func message(_ arguments: String...) -> String? {
            if case .invalid(let message) = Options.read(arguments) { message } else { nil }
        }

        @Test func `the options are read, in both spellings`() throws {
            let reading = Options.read([
                "--listen", "[::1]:0", "--upstream=http://127.0.0.1:9/", "--memory=2GiB",
                "--target-field", "CDN-Cache-Control", "--target-field=X", "--compress",
                "--ttl", "/a/**=60", "--ttl=/b=c=0", "--redis", "redis://127.0.0.1", "--explain",
                "--store-set-cookie", "--upstream-timeout=5",
            ])
            guard case .run(let options) = reading else {
                Issue.record("\(reading)")
                return
            }
            #expect(options.address == ListenAddress(host: "::1", port: 0))
            #expect(options.memory == 2 << 30)
            #expect(options.targetFields == [.cdnCacheControl, "X"])
            #expect(options.compresses)
            #expect(options.explains)
            #expect(options.storesSetCookie)
            #expect(options.redis == "redis://127.0.0.1")
            #expect(
                options.lifetimes == [
                    Options.Lifetime(pattern: "/a/**", lifetime: .seconds(60)),
                    Options.Lifetime(pattern: "/b=c", lifetime: .zero),
                ])
        }

        @Test func `what can't be understood is named`() {
            let origin = "--upstream=http://a"
            #expect(message() == "--upstream URL is missing.")
            #expect(message("--nonsense") == "Unknown option: --nonsense.")
            guard case .run(let plain) = Options.read([origin]) else {
                Issue.record("an origin alone is not enough")
                return
            }
            #expect(!plain.explains && !plain.storesSetCookie && !plain.compresses)
            #expect(message("--store-set-cookie=yes") == "Unknown option: --store-set-cookie=yes.")
            #expect(message("--compress=yes") == "Unknown option: --compress=yes.")
            #expect(message(origin, "--listen") == "--listen needs a value.")
            for bad in [
                "--upstream=ftp://a", "--upstream=http://a/b", "--upstream=http://u@a",
                "--listen=8080", "--memory=0", "--memory=1MB", "--memory=99999999999GiB",
                "--upstream-timeout=0", "--upstream-timeout=1s", "--upstream-timeout=86401",
                "--target-field=a b", "--ttl=/a", "--ttl=a=1", "--ttl=/a=-1", "--ttl=/**/a=1",
            ] {
                #expect(message(origin, bad) != nil, "\(bad)")
            }
        }
    }
#endif
