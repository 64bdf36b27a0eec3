"""The rows: one request or answer each, with what must become of it.

A row's cells stand between bars, and a line's end within a cell is written as ¶.
"""

HIT, MISS, EITHER = "hit", "miss", "either"


def table(text):
    return [
        [cell.strip().replace(" ¶ ", "\n") for cell in line.split("|")]
        for line in text.strip().split("\n")
    ]


# The section, what is answered, what is asked first and second, and what the second is.
REUSE = table(r"""
9111 4.2.1 | Cache-Control: max-age=60 | | | hit
9111 4.2.1 | Cache-Control: MAX-AGE=60 | | | hit
9111 4.2.1 | cache-control: max-age=60 | | | hit
9111 4.2.1 | Cache-Control: max-age=0 | | | miss
9111 5.2 | Cache-Control: , ,max-age=60,, | | | hit
9111 5.2 | Cache-Control: foo, max-age=60, bar="a, max-age=0" | | | hit
9111 5.2 | Cache-Control: foo="max-age=60" | | | miss
9111 5.2 | Cache-Control: foo="no-store", max-age=60 | | | hit
9111 5.2 | Cache-Control: xmax-age=60 | | | miss
9111 5.2 | Cache-Control: foo ¶ Cache-Control: max-age=60 | | | hit
9111 4.2.1 | Cache-Control: max-age=60, max-age=60 | | | either
9111 4.2.1 | Cache-Control: max-age=-1 | | | miss
9111 4.2.1 | Cache-Control: max-age=abc | | | miss
9111 1.2.2 | Cache-Control: max-age=99999999999999999999 | | | hit
9111 1.2.2 | Cache-Control: max-age=2147483648 | | | hit
9111 4.2.1 | Cache-Control: max-age=60 ¶ Expires: {now-60} | | | hit
9111 4.2.1 | Cache-Control: max-age=0 ¶ Expires: {now+60} | | | miss
9111 5.2.2.10 | Cache-Control: s-maxage=60, max-age=0 | | | hit
9111 5.2.2.10 | Cache-Control: s-maxage=0, max-age=60 | | | miss
9111 4.2.3 | Cache-Control: max-age=60 ¶ Age: 100 | | | miss
9111 4.2.3 | Cache-Control: max-age=60 ¶ Age: 0 | | | hit
9111 1.2.2 | Cache-Control: max-age=60 ¶ Age: 4294967296 | | | miss
9111 1.2.2 | Cache-Control: max-age=60 ¶ Age: 99999999999999999999 | | | miss
9111 5.1 | Cache-Control: max-age=60 ¶ Age: 100, 0 | | | miss
9111 5.1 | Cache-Control: max-age=60 ¶ Age: 0, 100 | | | hit
9111 5.1 | Cache-Control: max-age=60 ¶ Age: 0 ¶ Age: 100 | | | hit
9111 5.1 | Cache-Control: max-age=60 ¶ Age: -100 | | | hit
9111 5.1 | Cache-Control: max-age=60 ¶ Age: abc | | | hit
9111 4.2.3 | Cache-Control: max-age=60 ¶ Date: {now-100} | | | miss
9111 4.2.3 | Cache-Control: max-age=60 ¶ Date: {now+100} | | | hit
9110 6.6.1 | Cache-Control: max-age=60 ¶ no-date: 1 | | | hit
9111 5.3 | Expires: {now+60} | | | hit
9111 5.3 | Expires: {now+60:850} | | | hit
9111 5.3 | Expires: {now+60:asctime} | | | hit
9111 5.3 | Expires: {now-60} | | | miss
9111 5.3 | Expires: {now} | | | miss
9111 5.3 | Expires: 0 ¶ Last-Modified: {now-1000000} | | | miss
9111 5.3 | Expires: -1 ¶ Last-Modified: {now-1000000} | | | miss
9111 5.3 | Expires: Thu, 18 Aug 2050 02:01:18 ¶ Last-Modified: {now-1000000} | | | miss
9111 5.3 | Expires: Thu, 18 Aug 2050 02:01:18 UTC ¶ Last-Modified: {now-1000000} | | | miss
9111 5.3 | Expires: Thu, 18 Aug 2050 02:01 GMT ¶ Last-Modified: {now-1000000} | | | miss
9111 5.3 | Expires: 2050-08-18T02:01:18Z ¶ Last-Modified: {now-1000000} | | | miss
9111 5.3 | Expires: {now+60} ¶ Expires: {now+90} ¶ Last-Modified: {now-1000000} | | | either
9111 4.2.1 | Date: {now+120} ¶ Expires: {now+60} | | | miss
9111 4.2.2 | Last-Modified: {now-1000000} | | | hit
9111 4.2.2 | ETag: "a" | | | miss
9111 4.2.2 | Last-Modified: {now} | | | miss
9111 4.2.2 | Last-Modified: {now+1000} | | | miss
9111 5.2.2.5 | Cache-Control: max-age=60, no-store | | | miss
9111 5.2.2.5 | Cache-Control: max-age=60, No-Store | | | miss
9111 5.2.2.5 | Cache-Control: max-age=60 ¶ Cache-Control: no-store | | | miss
9111 5.2.2.4 | Cache-Control: max-age=60, no-cache | | | miss
9111 5.2.2.7 | Cache-Control: max-age=60, private | | | miss
9111 5.2.2.7 | Cache-Control: max-age=60, private="X-P" | | | either
9111 5.2.2.3 | Cache-Control: max-age=60, no-store, must-understand | | | hit
9111 5.2.2 | Cache-Control: max-age=60, must-revalidate | | | hit
9111 5.2.2 | Cache-Control: max-age=60, proxy-revalidate | | | hit
8246 2 | Cache-Control: max-age=60, immutable | | | hit
9111 5.4 | Cache-Control: max-age=60 ¶ Pragma: no-cache | | | hit
9111 5.4 | Cache-Control: max-age=60 | | Pragma: no-cache | miss
9111 5.4 | Cache-Control: max-age=60 | | Pragma: no-cache ¶ Cache-Control: max-stale=1 | either
9111 3.5 | Cache-Control: max-age=60 | Authorization: Basic YTpi | Authorization: Basic YTpi | miss
9111 3.5 | Cache-Control: max-age=60 | Authorization: Basic YTpi | | miss
9111 3.5 | Cache-Control: max-age=60, public | Authorization: Basic YTpi | Authorization: Basic YTpi | hit
9111 3.5 | Cache-Control: s-maxage=60 | Authorization: Basic YTpi | | hit
9111 3.5 | Cache-Control: max-age=60, must-revalidate | Authorization: Basic YTpi | Authorization: Basic YTpi | hit
9111 4.1 | Cache-Control: max-age=60 ¶ Vary: * | | | miss
9111 4.1 | Cache-Control: max-age=60 ¶ Vary: X-A, * | | | miss
9111 4.1 | Cache-Control: max-age=60 ¶ Vary: X-A ¶ Vary: * | | | miss
9111 4.1 | Cache-Control: max-age=60 ¶ Vary: X-A | X-A: 1 | X-A: 1 | hit
9111 4.1 | Cache-Control: max-age=60 ¶ vary: x-a | X-A: 1 | x-A: 1 | hit
9111 4.1 | Cache-Control: max-age=60 ¶ Vary: X-A | X-A: 1 | X-A: 2 | miss
9111 4.1 | Cache-Control: max-age=60 ¶ Vary: X-A | X-A: 1 | | miss
9111 4.1 | Cache-Control: max-age=60 ¶ Vary: X-A | | X-A: 1 | miss
9111 4.1 | Cache-Control: max-age=60 ¶ Vary: X-A | | | hit
9111 4.1 | Cache-Control: max-age=60 ¶ Vary: X-A, X-B | X-A: 1 ¶ X-B: 2 | X-A: 1 ¶ X-B: 3 | miss
9111 4.1 | Cache-Control: max-age=60 ¶ Vary: X-A ¶ Vary: X-B | X-A: 1 ¶ X-B: 2 | X-A: 1 ¶ X-B: 3 | miss
9111 4.1 | Cache-Control: max-age=60 ¶ Vary: X-A,, X-B, | X-A: 1 ¶ X-B: 2 | X-B: 2 ¶ X-A: 1 | hit
9111 4.1 | Cache-Control: max-age=60 ¶ Vary: X-A | X-A: 1, 2 | X-A: 1 ¶ X-A: 2 | either
9111 4.1 | Cache-Control: max-age=60 ¶ Vary: X-A | X-A: "1, 2" | X-A: "1,2" | miss
9111 4.1 | Cache-Control: max-age=60 ¶ Vary: X-A | X-A: 1 (2, 3) | X-A: 1 (2,3) | miss
9111 5.2.1.1 | Cache-Control: max-age=60 | | Cache-Control: max-age=0 | miss
9111 5.2.1.1 | Cache-Control: max-age=60 ¶ Age: 30 | | Cache-Control: max-age=10, max-stale | miss
9111 5.2.1.1 | Cache-Control: max-age=60 ¶ Age: 30 | | Cache-Control: max-age=10 | miss
9111 5.2.1.1 | Cache-Control: max-age=60 ¶ Age: 30 | | Cache-Control: max-age=50 | hit
9111 5.2.1.3 | Cache-Control: max-age=60 | | Cache-Control: min-fresh=100 | miss
9111 5.2.1.3 | Cache-Control: max-age=60 | | Cache-Control: min-fresh=10 | hit
9111 5.2.1.2 | Cache-Control: max-age=60 ¶ Age: 90 | | Cache-Control: max-stale=100 | hit
9111 5.2.1.2 | Cache-Control: max-age=60 ¶ Age: 90 | | Cache-Control: max-stale | hit
9111 5.2.1.2 | Cache-Control: max-age=60 ¶ Age: 90 | | Cache-Control: max-stale=10 | miss
9111 5.2.2.2 | Cache-Control: max-age=60, must-revalidate ¶ Age: 90 | | Cache-Control: max-stale=100 | miss
9111 5.2.2.8 | Cache-Control: max-age=60, proxy-revalidate ¶ Age: 90 | | Cache-Control: max-stale=100 | miss
9111 5.2.2.10 | Cache-Control: s-maxage=60 ¶ Age: 90 | | Cache-Control: max-stale=100 | miss
9111 5.2.1.4 | Cache-Control: max-age=60 | | Cache-Control: no-cache | miss
9111 5.2.1.5 | Cache-Control: max-age=60 | Cache-Control: no-store | | miss
9111 5.2.1.7 | Cache-Control: max-age=60 | | Cache-Control: only-if-cached | hit
9111 3.1 | Cache-Control: max-age=60 ¶ Set-Cookie: a=1 | | | miss
9111 3 | Cache-Control: max-age=60 | Cookie: a=b | | miss
5861 3 | Cache-Control: max-age=60, stale-while-revalidate=60 ¶ Age: 90 | | | hit
5861 3 | Cache-Control: max-age=60, stale-while-revalidate=10 ¶ Age: 90 | | | miss
""")

# Statuses, and whether what has only Last-Modified is fresh for a while.
STATUSES = [
    (200, "hit"),
    (203, "hit"),
    (204, "hit"),
    (300, "hit"),
    (301, "hit"),
    (308, "hit"),
    (404, "hit"),
    (405, "hit"),
    (410, "hit"),
    (414, "hit"),
    (501, "hit"),
    (201, "miss"),
    (202, "miss"),
    (302, "miss"),
    (303, "miss"),
    (307, "miss"),
    (400, "miss"),
    (403, "miss"),
    (418, "miss"),
    (500, "miss"),
    (502, "miss"),
    (503, "miss"),
    (504, "miss"),
]

# No-Vary-Search, two queries, and whether the second is a hit.
SEARCH = table(r"""
key-order | a=1&b=2 | b=2&a=1 | hit
key-order | a=1&b=2 | b=2&a=3 | miss
params | a=1 | a=2&b=3 | hit
params=("a") | a=1&b=1 | b=1&a=2 | hit
params=("a") | a=1&b=1 | a=1&b=2 | miss
params, except=("a") | a=1&b=1 | b=2&a=1 | hit
params, except=("a") | a=1&b=1 | a=2&b=1 | miss
| a=1 | a=2 | miss
params=a | a=1 | a=2 | miss
params=?0 | a=1 | a=2 | miss
params;x | a=1 | a=2 | hit
params, params=?0 | a=1 | a=2 | miss
params=("a" b) | a=1 | a=2 | miss
""")

# Targeted fields, Cache-Control, and whether the second request is a hit.
TARGETED = table(r"""
X-Cache: max-age=60 | max-age=0 | hit
X-Cache: max-age=0 | max-age=60 | miss
X-Cache: no-store | max-age=60 | miss
X-Cache: max-age=60 | no-store | hit
X-Cache: max-age=60 | private | hit
CDN-Cache-Control: max-age=60 | no-store | hit
CDN-Cache-Control: max-age=0 | max-age=60 | miss
X-Cache: max-age=60 ¶ CDN-Cache-Control: no-store | max-age=0 | hit
CDN-Cache-Control: max-age=60 ¶ X-Cache: no-store | max-age=60 | miss
X-Cache: max-age=60, & | max-age=0 | miss
X-Cache: max-age=60, & | max-age=60 | hit
X-Cache: MAX-AGE=60 | max-age=0 | miss
X-Cache: max-age="60" | max-age=60 | either
X-Cache: max-age=1.5 | max-age=60 | either
X-Cache: | max-age=60 | hit
X-Cache: & ¶ CDN-Cache-Control: max-age=60 | max-age=0 | hit
X-Cache: max-age=60 ¶ Expires: {now-60} | foo | hit
X-Cache: max-age=10000000000 | max-age=0 | hit
Surrogate-Control: max-age=60 | max-age=0 | miss
X-Cache: max-age=60;foo=bar | max-age=0 | hit
X-Cache: max-age=60, max-age=0 | max-age=60 | miss
X-Cache: must-revalidate ¶ X-Cache: max-age=60 | max-age=0 | hit
""")

# Fields and content that must be refused, with their control characters escaped.
REFUSED = [[cell.encode().decode("unicode_escape") for cell in row] for row in table(r"""
Transfer-Encoding: chunked\r\nContent-Length: 3\r\n | 0\r\n\r\n
Content-Length: 5\r\nTransfer-Encoding: chunked\r\n | 0\r\n\r\n
X: a\r\n b\r\n |
X: a\r\n\tb\r\n |
X: a\rb\r\n |
X: a\x00b\r\n |
X : a\r\n |
Content-Length : 3\r\n | abc
Transfer-Encoding : chunked\r\n | 0\r\n\r\n
\x20X: a\r\n |
Content-Length: 3\r\nContent-Length: 4\r\n | abcd
Content-Length: 3, 4\r\n | abcd
Content-Length: +3\r\n | abc
Content-Length: -3\r\n | abc
Content-Length: 0x3\r\n | abc
Content-Length: 3 3\r\n | abc
Content-Length: \r\n |
Content-Length: 3;\r\n | abc
Content-Length: 99999999999999999999999\r\n | abc
Content-Length: 9223372036854775808\r\n | abc
Transfer-Encoding:\r\n chunked\r\n | 0\r\n\r\n
Transfer-Encoding: chunked;a=b\r\n | 0\r\n\r\n
Transfer-Encoding: gzip, chunked\r\n | 0\r\n\r\n
Transfer-Encoding: \r\nContent-Length: 3\r\n | abc
Transfer-Encoding\t: chunked\r\n | 0\r\n\r\n
Transfer-Encoding: foo\r\n |
Transfer-Encoding: chunked, foo\r\n |
Transfer-Encoding: \x0bchunked\r\n |
Transfer-Encoding: chunked, chunked\r\n | 0\r\n\r\n
Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n | 0\r\n\r\n
Transfer-Encoding: xchunked\r\n | 0\r\n\r\n
Transfer-Encoding: "chunked"\r\n | 0\r\n\r\n
Transfer-Encoding: chunked\r\n | zz\r\nabc\r\n0\r\n\r\n
Transfer-Encoding: chunked\r\n | -1\r\nabc\r\n0\r\n\r\n
Transfer-Encoding: chunked\r\n | fffffffffffffffff\r\nabc\r\n0\r\n\r\n
Transfer-Encoding: chunked\r\n | 3\r\nabcdef\r\n0\r\n\r\n
Transfer-Encoding: chunked\r\n | 0x3\r\nabc\r\n0\r\n\r\n
Transfer-Encoding: chunked\r\n | +3\r\nabc\r\n0\r\n\r\n
Transfer-Encoding: chunked\r\n | \r\nabc\r\n0\r\n\r\n
Transfer-Encoding: chunked\r\n | 3 \r\nabc\r\n0\r\n\r\n
Transfer-Encoding: chunked\r\n | 10000000000000003\r\nabc\r\n0\r\n\r\n
Transfer-Encoding: chunked\r\n | 3\r\nabc\r\n0\r\nno trailer\r\n\r\n
X\r\n |
: a\r\n |
X Y: a\r\n |
X(: a\r\n |
Host: b\r\n |
X\x00: a\r\n |
X\xff: a\r\n |
""")]
