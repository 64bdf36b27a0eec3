"""A tag is purged that very many entries have, while instances hold them in memory."""

import asyncio
import json
import os
import tempfile

from proxy_checks.wire import check

from .load import ask, check_limit, connect, quantile
from .peers import Example, Redis

INSTANCES = 4
ENTRIES = int(os.environ.get("STRATA_ENTRIES", "20000"))
PURGES = int(os.environ.get("STRATA_PURGES", "50"))
TOKEN = "Authorization: Bearer letmein\r\n"


# A list with the tag. That a product in it has changed purges what shows it alone, and not the list.
LIST = "/products?limit=1"


def purges():
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(run(os.path.join(directory, "products")))


async def run(database):
    redis = Redis()
    instances = [Example(redis.url, database) for _ in range(INSTANCES)]
    await fill(instances)
    entries = redis.ask("DBSIZE")
    check("the entries are there", entries >= ENTRIES, entries)
    commands, server_time = await cost(redis, instances[0])
    connections = [await connect(i.port) for i in instances]
    purger = await connect(instances[0].port)
    seen = []
    for number in range(PURGES):
        for connection in connections:
            while not (await connection.ask(LIST)).is_hit:
                pass
        body = json.dumps({"price": number})
        change = f"Content-Length: {len(body)}\r\n"
        answer = await purger.ask("/products/1", "PUT", change, body=body)
        check("a product is changed", answer.status == 200, answer)
        seen += await purge(purger, connections, f'"price":{number},'.encode())
    p99 = quantile(seen, 0.99)
    print(
        f"purges: {entries} keys, {commands} commands of {server_time} us for POST /purge; seen by"
        f" {INSTANCES} instances, {len(seen)} times: p50 {quantile(seen, 0.5) * 1e3:.1f} ms,"
        f" p99 {p99 * 1e3:.1f} ms, at most {max(seen) * 1e3:.1f} ms",
        flush=True,
    )
    check("a purge is as few commands as any POST, and two", commands <= 8, commands)
    check_limit("a purge takes Redis a millisecond at most", server_time, 1000)
    check_limit("all instances see it within 10 ms", p99, 0.010)


async def fill(instances):
    async def one(instance, first):
        connection = await connect(instance.port)
        for number in range(first, ENTRIES, 64):
            await connection.ask(f"/products/{number % 10_000 + 1}?copy={number // 10_000}")

    await asyncio.gather(*(one(instances[n % INSTANCES], n) for n in range(64)))


async def cost(redis, instance):
    """How many commands a purge is by way of HTTP, and how long Redis takes for them.

    The two of the purge itself are among them; the others are what any POST makes invalid.
    """
    await asyncio.sleep(0.2)
    redis.ask("CONFIG", "RESETSTAT")
    answer = await ask(instance.port, "/purge?tag=products", method="POST", fields=TOKEN)
    check("a purge is done", answer.status == 200, answer)
    # Each instance asks again and again whether all was told.
    calls = [c for name, c in redis.calls().items() if name not in ("ping", "config|resetstat")]
    return sum(count for count, _ in calls), sum(microseconds for _, microseconds in calls)


async def purge(purger, connections, news):
    """How long after the purge was asked for each instance still gave what it purges."""

    async def watch(connection):
        last = 0.0
        while news not in (outcome := await connection.ask(LIST)).body:
            last = outcome.sent + outcome.seconds
            await asyncio.sleep(0.0005)
        return last

    watches = [asyncio.create_task(watch(c)) for c in connections]
    await asyncio.sleep(0.005)
    check("nothing is purged before", not any(w.done() for w in watches))
    answer = await purger.ask("/purge?tag=products", method="POST", fields=TOKEN)
    check("a purge is done", answer.status == 200, answer)
    return [max(0.0, last - answer.sent) for last in await asyncio.gather(*watches)]
