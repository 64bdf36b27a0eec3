// The embedded HTTP/1.1 server (RFC 9112) on libmicrohttpd. It exists where the package trait
// `Server` is on; without it the module is empty.
//
// Who does what:
//
// - `Acceptor`, one thread, accepts connections, hands them to libmicrohttpd, learns of clients
//   that go away, and enforces the time limits.
// - libmicrohttpd's threads read and write the sockets. Each connection stays on one of them.
// - `Exchange` stands between a request on such a thread and the task that its handler runs in.
// - `RequestHead` and `ResponseContent` are the rules, without input or output.
// - `Upstream/` is the other side: the client of an origin, on libcurl, with which the server
//   becomes a reverse proxy. `CurlLoop`, one thread, does all transfers; `Transfer` stands between
//   it and the tasks that want them; `ResponseHead` and `Forwarding` are the rules.
// - All calls into libmicrohttpd stand in `MicroHTTPD.swift`, all calls about sockets in
//   `Sockets.swift`, all calls into libcurl in `Upstream/Curl.swift`.
