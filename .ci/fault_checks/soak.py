"""Instances of strata-example under requests, while Redis suffers at random for a while.

Pages must be right, whatever happens: of the product that was asked for, never of a version that
there was not yet, and none that was replaced longer ago than instances may be behind. Who is logged
in is never somebody else. What Redis is needed for, a change that has to be told or a session, may
be refused with a 503 and `Retry-After`, and nothing else may fail.
"""

import asyncio
import json
import os
import random
import re
import tempfile
import time

from proxy_checks.wire import check

from .load import SLACK, connect
from .peers import Example, Redis

SECONDS = float(os.environ.get("STRATA_SOAK_SECONDS", "15"))
INSTANCES = 4
PRODUCTS = 200
# How old an answer may be whose change was told, in seconds: the one of the design, and half of one
# for the load.
BEHIND = 1.5 if SLACK == 1 else 10
# The price that stands for no version.
BASE = 1_000_000


class Product:
    """A product's versions, which its price tells, and of which of them instances were told."""

    def __init__(self, number):
        self.number, self.version, self.told = number, 0, [(0.0, 0)]

    def least(self, moment):
        return max((version for at, version in self.told if at <= moment), default=0)


class Soak:
    def __init__(self, seed, database):
        self.seed, self.random = seed, random.Random(seed)
        self.servers = [Redis(), Redis()]
        self.replicate()
        url = f"{self.servers[0].url},127.0.0.1:{self.servers[1].port}"
        self.instances = [Example(url, database) for _ in range(INSTANCES)]
        self.products = [Product(number) for number in range(1, PRODUCTS + 1)]
        self.end = time.monotonic() + SECONDS
        self.counts = dict.fromkeys(
            ["pages", "changes", "refused changes", "users", "no session", "no sessions", "strikes"], 0
        )

    def replicate(self):
        self.servers[0].ask("REPLICAOF", "NO", "ONE")
        self.servers[1].ask("REPLICAOF", "127.0.0.1", self.servers[0].port)

    def check(self, name, holds, shown=""):
        check(f"soak: {name}", holds, f"seed {self.seed}: {shown}")

    async def run(self):
        middle = asyncio.create_task(self.settled_size())
        strikes = asyncio.create_task(self.strikes())
        await asyncio.gather(
            *(self.reader(random.Random(f"{self.seed} reader {n}")) for n in range(8)),
            *(self.writer(n, random.Random(f"{self.seed} writer {n}")) for n in range(2)),
            *(self.user(n, random.Random(f"{self.seed} user {n}")) for n in range(4)),
        )
        await strikes
        early, late = await middle, max(i.resident_bytes() for i in self.instances)
        for server in self.servers:
            left = server.keys_without_expiry()
            self.check("no key is left without a time to live", not left, left[:5])
        counts = ", ".join(f"{count} {name}" for name, count in self.counts.items())
        print(
            f"soak: {counts}; {early >> 20} MiB resident after a third, {late >> 20} MiB at the end",
            flush=True,
        )
        said = (line for i in self.instances for line in i.said())
        for line in sorted({re.sub(r" \(\d+ alike .*\)$", "", line) for line in said}):
            if not line.startswith("strata-example gives") and not "listens" in line:
                print(f"soak: {line}")
        self.check("memory stays flat", late < early + (32 << 20), (early, late))
        self.check("pages are answered", self.counts["pages"] > 50 * SECONDS)
        self.check("products are changed", self.counts["changes"] > SECONDS)
        self.check("users are known", self.counts["users"] > SECONDS)

    async def settled_size(self):
        await asyncio.sleep(SECONDS / 3)
        return max(i.resident_bytes() for i in self.instances)

    # MARK: clients

    async def connections(self):
        return [await connect(instance.port) for instance in self.instances]

    async def reader(self, chance):
        connections = await self.connections()
        while time.monotonic() < self.end:
            product = chance.choice(self.products)
            outcome = await chance.choice(connections).ask(f"/products/{product.number}")
            least = product.least(outcome.sent - BEHIND)
            shown = outcome, product.version, product.told
            self.check("a page is answered", outcome.status == 200, shown)
            if outcome.status == 200:
                page = json.loads(outcome.body)
                self.check("a page is of its product", page["id"] == product.number, shown)
                # The catalogue's own prices are below.
                version = max(0, page["price"] - BASE)
                self.check("a page is of a version there was", version <= product.version, shown)
                self.check("a page is not too old", version >= least, (least, shown))
            self.counts["pages"] += 1
            await asyncio.sleep(0.002)

    async def writer(self, number, chance):
        connections = await self.connections()
        mine = self.products[number::2]
        while time.monotonic() < self.end:
            product = chance.choice(mine)
            product.version += 1
            body = json.dumps({"price": BASE + product.version})
            outcome = await chance.choice(connections).ask(
                f"/products/{product.number}", "PUT", f"Content-Length: {len(body)}\r\n", body
            )
            if outcome.status == 200:
                self.counts["changes"] += 1
                product.told.append((outcome.sent + outcome.seconds, product.version))
            else:
                self.counts["refused changes"] += 1
                self.check("a change is refused in words", outcome.is_refusal, outcome)
            await asyncio.sleep(0.02)

    async def user(self, number, chance):
        connections, name, cookie = await self.connections(), f"user-{number}", ""
        while time.monotonic() < self.end:
            connection = chance.choice(connections)
            if not cookie:
                body = json.dumps({"user": name})
                outcome = await connection.ask(
                    "/login", "POST", f"Content-Length: {len(body)}\r\n", body
                )
                cookie = outcome.cookie
                self.check("a login is done or refused", cookie or outcome.is_refusal, outcome)
            else:
                outcome = await connection.ask("/me", fields=f"Cookie: {cookie}\r\n")
                if outcome.status == 200:
                    self.check("nobody is somebody else", json.loads(outcome.body)["user"] == name)
                    self.counts["users"] += 1
                elif outcome.status == 401:
                    cookie = ""
                    self.counts["no session"] += 1
                else:
                    self.check("a session is refused in words", outcome.is_refusal, outcome)
            if outcome.is_refusal:
                self.counts["no sessions"] += 1
            await asyncio.sleep(0.02)

    # MARK: what Redis suffers

    async def strikes(self):
        while time.monotonic() < self.end - 2:
            await asyncio.sleep(self.random.uniform(0.1, 0.6))
            strike = self.random.choice([self.kill, self.stop, self.flush, self.fail_over, self.cut])
            await strike()
            self.counts["strikes"] += 1

    async def kill(self):
        """It comes back after a moment, empty or as it was when it was made a copy of another, and
        so does who copies it."""
        self.servers[0].kill()
        if self.random.random() < 0.5:
            self.servers[0].forget()
        await asyncio.sleep(self.random.uniform(0, 0.5))
        await asyncio.to_thread(self.servers[0].start)

    async def stop(self):
        self.servers[0].stop()
        await asyncio.sleep(self.random.uniform(0.1, 0.8))
        self.servers[0].go_on()

    async def flush(self):
        await asyncio.to_thread(self.servers[0].ask, "FLUSHALL")

    async def fail_over(self):
        """The other becomes the primary, whether it has all writes or not."""
        self.servers.reverse()
        await asyncio.to_thread(self.replicate)

    async def cut(self):
        await asyncio.to_thread(self.servers[0].ask, "CLIENT", "KILL", "TYPE", "normal")


def soak():
    seed = int(os.environ.get("STRATA_SEED", random.getrandbits(32)))
    with tempfile.TemporaryDirectory() as directory:
        soak = Soak(seed, os.path.join(directory, "products"))
        asyncio.run(soak.run())
