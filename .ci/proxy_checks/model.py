"""A model of RFC 9111 for a shared cache, held against the proxy with drawn pairs of requests.

It was written from the RFC, without a look at the cache. Where the RFC leaves a choice, or a second
more or less would decide, it says nothing.
"""

import concurrent.futures
import os
import random

from .wire import check, made, origin

COUNT = int(os.environ.get("STRATA_PAIRS", "3000"))
HEURISTIC = {200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501}
UNDERSTOOD = HEURISTIC | {302, 303, 307, 400, 401, 403, 500, 502, 503, 504}
FLAGS = {
    "no-store": 0.08, "no-cache": 0.08, "private": 0.08, "public": 0.15, "must-revalidate": 0.12,
    "proxy-revalidate": 0.08, "must-understand": 0.08, "immutable": 0.05, "no-transform": 0.05,
    "foo": 0.1,
}  # fmt: skip
DURATIONS = {
    "max-age": (0.55, (0, 10, 100, 1000)),
    "s-maxage": (0.25, (0, 10, 100, 1000)),
    "stale-while-revalidate": (0.2, (0, 10, 10000)),
    "stale-if-error": (0.1, (10, 1000)),
}
ASKED_FLAGS = {"no-cache": 0.06, "no-store": 0.06}
ASKED_DURATIONS = {
    "max-age": (0.12, (0, 20, 200, 20000)),
    "min-fresh": (0.08, (0, 20, 200)),
    "max-stale": (0.15, (None, 0, 20, 200, 20000)),
}
INVALID = "invalid"


class Draw:
    """Draws what a server answers and clients ask."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def is_so(self, probability):
        return self.random.random() < probability

    def one(self, *choices):
        return self.random.choice(choices)

    def in_some_case(self, text):
        if not self.is_so(0.2):
            return text
        return "".join(self.one(c.lower(), c.upper()) for c in text)

    def directives(self, flags, durations):
        """What they are, and how they are written."""
        values, written = {}, []
        for name, probability in flags.items():
            if self.is_so(probability):
                values[name] = True
                written.append(self.in_some_case(name))
        for name, (probability, choices) in durations.items():
            if self.is_so(probability):
                value = values[name] = self.one(*choices)
                forms = [""] if value is None else [f"={value}", f'="{value}"', f"=0{value}"]
                written.append(self.in_some_case(name) + self.one(forms[0], *forms))
        return values, written

    def answer(self):
        values, written = self.directives(FLAGS, DURATIONS)
        if self.is_so(0.15):
            written.append(self.one('bar="no-store, max-age=0"', 'x="a\\"b"', "y=z"))
        self.random.shuffle(written)
        lines = []
        cut = self.random.randrange(len(written) + 1) if self.is_so(0.3) else len(written)
        for piece in filter(None, (written[:cut], written[cut:])):
            joined = self.one(", ", ",", " ,\t", ",,").join(piece)
            name = self.in_some_case("Cache-Control")
            lines.append(f"{name}:" + self.one(" ", "", "\t") + joined)
        facts = Facts(values)
        if self.is_so(0.3):
            facts.age = self.one(0, 5, 50, 500, 5000)
            lines.append(f"Age: {facts.age}")
        facts.date = self.one(0, 0, 0, -5, -50, -500, 100)
        lines.append("Date: {now%+d}" % facts.date)
        if self.is_so(0.3):
            facts.expires = self.one(-100, 0, 30, 300, 3000, INVALID)
            form = "{now%+d%s}"
            lines.append(
                "Expires: 0"
                if facts.expires == INVALID
                else "Expires: " + form % (facts.expires, self.one("", ":850", ":asctime"))
            )
        if self.is_so(0.4):
            facts.modified = self.one(-10, -1000, -100000)
            lines.append("Last-Modified: {now%+d}" % facts.modified)
        if self.is_so(0.2):
            lines.append('ETag: "1"')
        facts.vary = self.one("", "", "", "X-A", "X-A, X-B", "*", "x-b")
        if facts.vary:
            lines.append(f"Vary: {facts.vary}")
        if self.is_so(0.1):
            lines.append("Pragma: no-cache")
        facts.status = self.one(*[200] * 10, 203, 301, 302, 404, 410, 299, 499, 500)
        self.random.shuffle(lines)
        return facts, "\n".join(lines)

    def request(self):
        directives, written = self.directives(ASKED_FLAGS, ASKED_DURATIONS)
        lines = ["Cache-Control: " + ", ".join(written)] if written else []
        if self.is_so(0.05):
            lines.append("Pragma: no-cache")
            if not written:
                directives["no-cache"] = True
        asked = Asked(directives)
        if self.is_so(0.12):
            asked.is_authorized = True
            lines.append("Authorization: A " + self.one("b", "c"))
        asked.selecting = {
            "x-a": self.one("", "1", "2") if self.is_so(0.5) else "1",
            "x-b": self.one("", "1") if self.is_so(0.3) else "1",
        }
        lines += [f"{name}: {value}" for name, value in asked.selecting.items() if value]
        return asked, "\n".join(lines)


class Facts:
    """What is answered; moments in seconds from now."""

    age, date, expires, modified, vary, status = None, 0, None, None, "", 200

    def __init__(self, directives):
        self.directives = directives

    def is_stored(self, asked):
        has = self.directives.get
        if has("must-understand"):
            if self.status not in UNDERSTOOD:
                return False
        elif has("no-store"):
            return False
        is_shared = has("public") or has("must-revalidate") or "s-maxage" in self.directives
        if asked.is_authorized and not is_shared:
            return False
        return not ("no-store" in asked.directives or has("private") or self.vary == "*")

    def is_for(self, first, second):
        names = [name for name in first.selecting if name in self.vary.lower()]
        return all(first.selecting[name] == second.selecting[name] for name in names)

    def lifetime(self):
        """In seconds; None where there is none."""
        for name in ("s-maxage", "max-age"):
            if name in self.directives:
                return self.directives[name]
        if self.expires is not None:
            return 0 if self.expires == INVALID else max(0, self.expires - self.date)
        if self.status not in HEURISTIC and not self.directives.get("public"):
            return None
        if self.modified is None or self.modified >= self.date:
            return None
        return min((self.date - self.modified) / 10, 86400)


class Asked:
    is_authorized = False

    def __init__(self, directives):
        self.directives = directives


def is_near(a, b):
    return abs(a - b) <= 2


def is_hit(facts, first, second):
    """Whether the second request is answered by what the first one brought; None for either."""
    if not facts.is_stored(first) or not facts.is_for(first, second):
        return False
    if facts.directives.get("no-cache") or second.directives.get("no-cache"):
        return False
    lifetime, age = facts.lifetime(), max(-facts.date, facts.age or 0)
    asked, window = second.directives, facts.directives.get("stale-while-revalidate", 0)
    if lifetime is None:
        may_be_stale = "max-stale" in asked or window or facts.directives.get("public")
        return None if may_be_stale else False
    if is_near(lifetime, age) or is_near(age, asked.get("max-age", age + 9)):
        return None
    if age > asked.get("max-age", age):
        return False
    if lifetime > age:
        left, wanted = lifetime - age, asked.get("min-fresh", 0)
        return None if is_near(left, wanted) else left > wanted
    if "min-fresh" in asked:
        return False if asked["min-fresh"] else None
    return is_hit_when_stale(facts.directives, age - lifetime, window, asked)


def is_hit_when_stale(directives, staleness, window, asked):
    if directives.get("must-revalidate") or directives.get("proxy-revalidate"):
        return False
    if is_near(window, staleness):
        return None
    if window > staleness:
        # s-maxage forbids what stale-while-revalidate beside it allows.
        return None if "s-maxage" in directives else True
    if "s-maxage" in directives or "max-stale" not in asked:
        return False
    allowed = asked["max-stale"]
    if allowed is not None and is_near(allowed, staleness):
        return None
    if allowed is not None and allowed < staleness:
        return False
    # What has been stale for long need not have been kept.
    return True if staleness < 3000 else None


def model(proxy):
    seed = int(os.environ.get("STRATA_SEED", random.getrandbits(32)))
    draw = Draw(seed)
    pairs = [(*draw.answer(), draw.request(), draw.request()) for _ in range(COUNT)]

    def run(numbered):
        number, (facts, fields, (first, one), (second, two)) = numbered
        path = f"/model/{number}"
        origin.answers[path] = made(fields, status=f"{facts.status} Some")
        proxy.ask(path, one)
        answer = proxy.ask(path, two)
        expected, came = is_hit(facts, first, second), "; hit" in (answer["Cache-Status"] or "")
        shown = f"pair {number} of seed {seed}: {fields!r} {facts.status} {one!r} {two!r}: {answer}"
        check("9111 as modelled", expected in (None, came), shown)
        return expected

    # One after the other for each of two clients: what is stored must be before it is asked for.
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        expected = list(pool.map(run, enumerate(pairs)))
    decided = sum(outcome is not None for outcome in expected)
    hits = sum(outcome is True for outcome in expected)
    check("most pairs are decided", decided > COUNT / 2, decided)
    check("some are hits", hits > COUNT / 20, hits)
