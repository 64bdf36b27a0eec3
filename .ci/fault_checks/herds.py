"""Many requests for what nobody has, through several instances at once."""

import asyncio
import os
import time

from proxy_checks.wire import check

from .load import ask, check_limit, connect
from .origin import content
from .peers import Origin, Proxy, Redis

INSTANCES = 4
CLIENTS = 100
TRIALS = int(os.environ.get("STRATA_TRIALS", "20"))
# How long the handler takes, in milliseconds.
COST = 50


def herds():
    asyncio.run(both())


async def both():
    redis, origin = Redis(), Origin()
    proxies = [Proxy(origin, redis) for _ in range(INSTANCES)]
    connections = [[await connect(p.port) for _ in range(CLIENTS)] for p in proxies]
    # Each instance has its channel of changes, and connections to the origin.
    await asyncio.gather(*(c.ask(f"/warm/{i}") for row in connections for i, c in enumerate(row)))
    calls = []
    for trial in range(TRIALS):
        calls.append(await cold(origin, connections, f"/cold/{trial}/{COST}"))
    once = sum(count == 1 for count in calls)
    print(f"herds: one call of the origin in {once} of {TRIALS} trials", flush=True)
    check_limit("a herd of all instances calls the origin once", max(calls), 1, calls)
    waits = []
    for trial in range(max(3, TRIALS // 10)):
        victim = proxies[trial % INSTANCES]
        waits.append(await leaderless(origin, proxies, victim, trial))
        victim.start()
    print(f"herds: another leads after {[round(w * 1e3) for w in waits]} ms", flush=True)
    check_limit("a leader that was killed is followed within 250 ms", max(waits), 0.25, waits)


async def cold(origin, connections, path):
    outcomes = await asyncio.gather(*(c.ask(path) for row in connections for c in row))
    for outcome in outcomes:
        right = outcome.status == 200 and outcome.body == content(path)
        check("each of a herd is answered", right, outcome)
    return int((await ask(origin.port, "/calls" + path)).body)


async def leaderless(origin, proxies, victim, trial):
    """How long after its death somebody takes the place of the instance that fills."""
    path = f"/orphan/{trial}/1000"
    alone = asyncio.create_task(ask(victim.port, path))
    while int((await ask(origin.port, "/calls" + path)).body) == 0:
        await asyncio.sleep(0.005)
    others = [p for p in proxies if p is not victim]
    waiting = [asyncio.create_task(ask(p.port, path)) for p in others for _ in range(CLIENTS // 4)]
    await asyncio.sleep(0.3)
    calls = int((await ask(origin.port, "/calls" + path)).body)
    check_limit("who waits doesn't call", calls, 1)
    victim.kill()
    death = time.monotonic()
    while int((await ask(origin.port, "/calls" + path)).body) == calls:
        await asyncio.sleep(0.002)
        if time.monotonic() > death + 5:
            break
    wait = time.monotonic() - death
    check("the killed one's client is told by the end", (await alone).status == 0)
    for outcome in await asyncio.gather(*waiting):
        right = outcome.status == 200 and outcome.body == content(path)
        check("those of the others are answered", right, outcome)
    calls = int((await ask(origin.port, "/calls" + path)).body)
    check_limit("one takes its place, and no more", calls, 2)
    return wait
