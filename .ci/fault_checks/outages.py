"""redis-server is stopped, or killed and started again empty, under requests.

No request fails; the first ones wait a little longer, the others don't; and soon after Redis is back
instances share what they fetch.
"""

import asyncio
import itertools
import os
import time

from proxy_checks.wire import check

from .load import Load, ask, check_limit, connect, quantile
from .origin import content
from .peers import Origin, Proxy, Redis

# For how long Redis is away, in seconds.
OUTAGE = float(os.environ.get("STRATA_OUTAGE", "3"))
# A request has been delayed that takes so much longer than those of its kind do.
DELAY = 0.002
# What a delayed request may take longer at most.
LONGEST_DELAY = 0.05
# So many may be.
MOST_DELAYED = 64


def paths(run):
    """What clients ask for: hits in memory, in Redis alone, of nothing, and what is not stored."""
    for number in itertools.count():
        yield f"/hot/{run}-{number % 50}"
        yield f"/shared/{run}-{number % 20_000}"
        yield f"/missing/{run}-{number}"
        yield f"/private/{run}-{number % 50}"


def outages():
    asyncio.run(both())


async def both():
    redis, origin = Redis(), Origin()
    one, other, control = Proxy(origin, redis), Proxy(origin, redis), Proxy(origin)
    shared = iter(range(20_000))

    async def fill():
        """What only Redis has, as far as the instance knows that is asked."""
        connection = await connect(other.port)
        for number in shared:
            for run in ("SIGSTOP", "SIGKILL"):
                await connection.ask(f"/shared/{run}-{number}")
                if time.monotonic() > end:
                    return

    end = time.monotonic() + 3
    await asyncio.gather(*(fill() for _ in range(8)))
    await outage("SIGSTOP", redis, one, other, control, redis.stop, redis.go_on)
    await outage("SIGKILL", redis, one, other, control, redis.kill, redis.start)


async def outage(name, redis, one, other, control, begin, end):
    async with Load(one.port, paths(name)) as load, Load(control.port, paths(name)) as same:
        await asyncio.sleep(1)
        start = time.monotonic()
        await asyncio.sleep(OUTAGE)
        away, lines = time.monotonic(), len(one.lines())
        await asyncio.to_thread(begin)
        await asyncio.sleep(OUTAGE)
        await asyncio.to_thread(end)
        back = time.monotonic()
        again = await shared_again(name, one, other)
        await asyncio.sleep(1)
    lines = one.lines()[lines:]
    for outcome in load.outcomes:
        right = outcome.status == 200 and outcome.body == content(outcome.path)
        check(f"{name}: every answer is right", right, outcome)
    usual = load.between(start, away)
    typical = {
        kind: quantile([o.seconds for o in usual if o.kind == kind], 0.5)
        for kind in ("hot", "shared", "missing", "private")
    }
    # What was in Redis alone comes from the origin while Redis is away.
    typical["shared"] = max(typical["shared"], typical["missing"])

    def added(outcome):
        return outcome.seconds - typical[outcome.kind]

    during = load.between(away, back)
    delayed = [o for o in during if added(o) > DELAY]
    late = [o for o in delayed if o.sent > away + 0.5]
    longest = max(added(o) for o in during)
    # A busy machine delays requests by itself, those to an instance without Redis as well.
    unrelated = [o for o in same.between(away, back) if added(o) > DELAY]
    noise = max((added(o) for o in unrelated), default=0)
    print(
        f"{name}: {len(during)} requests, {len(delayed)} delayed by more than 2 ms and at most"
        f" {longest * 1e3:.1f} ms, {len(late)} of them later than half a second; without Redis"
        f" {len(unrelated)}, at most {noise * 1e3:.1f} ms; shared again after"
        f" {again * 1e3:.0f} ms; {len(lines)} lines of log",
        flush=True,
    )
    allowance = 2 * len(unrelated)
    check_limit(f"{name}: few are delayed", len(delayed), MOST_DELAYED + allowance)
    check_limit(f"{name}: none for long", longest, LONGEST_DELAY + noise)
    check_limit(f"{name}: none once it is known", len(late), 8 + allowance, late[:2])
    # One a second for each of two kinds: what times out, and what is not even tried.
    check(f"{name}: the log stays short", len(lines) <= 2 * (time.monotonic() - away), lines)
    whys = [line for line in lines if ": The shared store is left alone for a moment: " in line]
    check(f"{name}: the log says why", whys, lines)
    check_limit(f"{name}: what is fetched is soon shared again", again, 1)


async def shared_again(name, one, other):
    """How long it takes until one instance has what the other has just fetched."""
    start = time.monotonic()
    for number in itertools.count():
        path = f"/back/{name}-{number}"
        await ask(one.port, path)
        # It is written behind the answer.
        await asyncio.sleep(0.005)
        if (await ask(other.port, path)).is_hit or time.monotonic() > start + 15:
            return time.monotonic() - start
