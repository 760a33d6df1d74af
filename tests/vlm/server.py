"""A real server of chat completions on loopback, with every fault that real ones have.

In a test: ``with ModelServer(Behaviour(...)) as server: server.url``. As a process of its own:
``python -m vlm.server --latency 0.5 --fault cut=0.01``; it prints its URL, and serves its log at
``/log``.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from vlm.desk import Desk, DeskBehaviour, digest_of

LEGACY = Path(__file__).parents[3] / "shared/data/legacy_benchmark64_captions.parquet"
FIXED = [
    (
        "A face-on spiral galaxy with two loosely wound blue arms. The bulge is small and yellow. "
        "A bar crosses the centre."
    ),
    "A smooth, round elliptical galaxy of reddish colour. Its light falls off evenly outwards.",
    "An edge-on disk with a dust lane along its middle. The bulge is rounded.",
]
STATUS = {"500": 500, "502": 502, "503": 503, "504": 504, "429": 429, "400": 400, "404": 404}
Pick = Callable[[dict[str, Any], int], str | None]


def legacy_texts(count: int = 400) -> list[str]:
    """Real descriptions by vision-language models, or the fixed ones where they are not at hand."""
    if not LEGACY.exists():
        return FIXED
    import pyarrow.parquet as pq

    found = pq.read_table(LEGACY, columns=["description"])["description"].to_pylist()[:count]
    return [" ".join(text.split()[: 60 + 7 * (i % 17)]) for i, text in enumerate(found)]


@dataclass
class Behaviour:
    """How the server behaves.

    ``pick`` chooses a fault from the request's body and how often it came before; ``rates`` chooses
    by chance. ``charges_broken``: answers that broke on the wire were charged for all the same.
    ``charges_hung_up``: so were those whose client had gone. ``idempotent``: attempts with an
    ``Idempotency-Key`` that was answered are answered again, free of charge. ``desk``: how it takes
    batches, if it does.
    """

    latency: float = 0.0
    key: str = ""
    rates: dict[str, float] = field(default_factory=dict)
    pick: Pick | None = None
    requests_per_minute: float | None = None
    retry_after: str = "0.2"
    charges_broken: bool = True
    charges_hung_up: bool = False
    idempotent: bool = False
    usage: bool = True
    texts: list[str] = field(default_factory=lambda: FIXED)
    seed: int = 0
    desk: DeskBehaviour | None = None


@dataclass
class Entry:
    """What became of one request."""

    request: str
    image: str
    at: float
    fault: str = ""
    charged: bool = False
    delivered: bool = False
    tokens_in: int = 0
    tokens_out: int = 0
    turns: int = 0
    answer: str = ""
    in_batch: bool = False


class ModelServer:
    """The server, in a thread of its own."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.behaviour = behaviour or Behaviour()
        self.log: list[Entry] = []
        self.desk = Desk(self.behaviour.desk or DeskBehaviour(), self._answer_in_batch)
        self._seen: dict[str, int] = {}
        self._answered: dict[str, bytes] = {}
        self._starts: list[float] = []
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._now = self.most_at_once = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def charged(self) -> list[Entry]:
        return [entry for entry in self.log if entry.charged]

    def paid_twice(self) -> int:
        """Count whole answers that were charged for although the same had been delivered."""
        whole = [e.request for e in self.log if e.charged and e.delivered]
        return len(whole) - len(set(whole))

    def cost(self, price_in: float, price_out: float) -> float:
        """Sum what was charged, prices per million tokens."""
        return sum(e.tokens_in * price_in + e.tokens_out * price_out for e in self.charged) / 1e6

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._talk, "127.0.0.1", self.port, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                if not await self._respond(first, headers, body, reader, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _respond(self, first, headers, body, reader, writer) -> bool:
        method, path, _ = first.split()
        if path == "/log":
            return await send(writer, json.dumps([asdict(e) for e in self.log]).encode())
        how = self.behaviour
        if how.key and headers.get("authorization") != f"bearer {how.key.lower()}":
            quoted = f"Incorrect API key provided: {headers.get('authorization')}"
            return await send(writer, error(quoted), 401)
        if how.desk and path.startswith(("/v1/files", "/v1/batches")):
            status, answer = await self.desk.respond(method, path, headers, body)
            return await send(writer, answer, status)
        if not path.endswith("/chat/completions"):
            return await send(writer, error("no such path"), 404)
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            return await self._complete(json.loads(body), headers, reader, writer)
        finally:
            self._now -= 1

    async def _complete(self, asked, headers, reader, writer) -> bool:
        how, digest = self.behaviour, digest_of(asked)
        image = image_of(asked)
        entry = Entry(digest, hashlib.sha256(image.encode()).hexdigest()[:16], time.monotonic())
        entry.turns = sum(m["role"] == "assistant" for m in asked["messages"])
        known = how.idempotent and self._answered.get(headers.get("idempotency-key", ""))
        if known:
            entry.fault, entry.delivered = "again", True
            self.log.append(entry)
            return await send(writer, known)
        nth = self._seen[digest] = self._seen.get(digest, 0) + 1
        self.log.append(entry)
        entry.fault = self._fault(asked, digest, nth)
        if entry.fault in STATUS:
            extra = {"retry-after": how.retry_after} if entry.fault == "429" else {}
            return await send(writer, error(f"fault {entry.fault}"), STATUS[entry.fault], extra)
        await asyncio.sleep(how.latency)
        text, answer = self._answer(asked, digest, entry)
        entry.answer = text
        if reader.at_eof() and not how.charges_hung_up:
            entry.fault = "hung up"
            return False
        return await self._deliver(entry, answer, headers, writer)

    def _answer_in_batch(self, asked: dict[str, Any], digest: str, nth: int, fate: str) -> bytes:
        image = hashlib.sha256(image_of(asked).encode()).hexdigest()[:16]
        entry = Entry(digest, image, time.monotonic(), fate, charged=True, delivered=True)
        entry.in_batch = True
        entry.turns = sum(m["role"] == "assistant" for m in asked["messages"])
        self.log.append(entry)
        entry.answer, answer = self._answer(asked, digest, entry)
        return answer

    async def _deliver(self, entry: Entry, answer: bytes, headers, writer) -> bool:
        broken = entry.fault in {"cut", "midway", "truncated", "html", "drip"}
        entry.charged = self.behaviour.charges_broken or not broken
        if entry.fault == "cut":
            return False
        if entry.fault == "midway":
            await send(writer, answer, keep=len(answer) // 2)
            return False
        if entry.fault == "truncated":
            return await send(writer, answer[: len(answer) // 2])
        if entry.fault == "html":
            return await send(writer, b"<html>the gateway is tired</html>")
        if entry.fault == "drip":
            writer.write(head(200, len(answer), {}))
            for byte in answer:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.05)
            return True
        if self.behaviour.idempotent:
            self._answered[headers.get("idempotency-key", "")] = answer
        entry.delivered = True
        return await send(writer, answer)

    def _fault(self, asked: dict[str, Any], digest: str, nth: int) -> str:
        how = self.behaviour
        if how.requests_per_minute:
            now = time.monotonic()
            self._starts = [t for t in self._starts if now - t < 60]
            if len(self._starts) >= how.requests_per_minute:
                return "429"
            self._starts.append(now)
        if how.pick and (fault := how.pick(asked, nth)):
            return fault
        chance = random.Random(f"{how.seed} {digest} {nth}").random()
        for fault, rate in how.rates.items():
            if chance < rate:
                return fault
            chance -= rate
        return ""

    def _answer(self, asked: dict[str, Any], digest: str, entry: Entry) -> tuple[str, bytes]:
        how, chance = self.behaviour, random.Random(f"{self.behaviour.seed} {digest}")
        text = chance.choice(how.texts)
        if schema := asked.get("response_format"):
            answers = schema["json_schema"]["schema"]["properties"]["answer"]["enum"]
            text = json.dumps({"answer": chance.choice(answers)})
        elif not image_of(asked):
            text = "A blue spiral galaxy with two open arms and a small yellow bulge."
        if entry.fault.startswith("says "):
            text = entry.fault.removeprefix("says ")
        entry.tokens_in = 300 + sum(len(json.dumps(m)) for m in texts_of(asked)) // 4
        entry.tokens_out = min(asked.get("max_tokens", 10**6), 1 + len(text.split()) * 4 // 3)
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if entry.fault == "refusal":
            message = {"role": "assistant", "content": None, "refusal": "I can't help with that."}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        if entry.fault == "filter":
            choice["finish_reason"] = "content_filter"
        answer = {"id": "c", "object": "chat.completion", "model": asked["model"]}
        usage = {"prompt_tokens": entry.tokens_in, "completion_tokens": entry.tokens_out}
        return text, json.dumps(
            {**answer, "choices": [choice], **({"usage": usage} if how.usage else {})}
        ).encode()


def image_of(asked: dict[str, Any]) -> str:
    """Give the image's URL; empty if there is none."""
    parts = [p for m in asked["messages"] if isinstance(m["content"], list) for p in m["content"]]
    return next((p["image_url"]["url"] for p in parts if p["type"] == "image_url"), "")


def texts_of(asked: dict[str, Any]) -> list[Any]:
    """Give the request's texts."""
    parts = [p for m in asked["messages"] if isinstance(m["content"], list) for p in m["content"]]
    whole = [m["content"] for m in asked["messages"] if isinstance(m["content"], str)]
    return whole + [p["text"] for p in parts if p["type"] == "text"]


def error(message: str) -> bytes:
    return json.dumps({"error": {"message": message, "type": "x", "code": None}}).encode()


def head(status: int, length: int, extra: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} X", "content-type: application/json", f"content-length: {length}"]
    lines += [f"{name}: {value}" for name, value in extra.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def send(writer, body: bytes, status: int = 200, extra=None, keep: int | None = None) -> bool:
    writer.write(head(status, len(body), extra or {}) + body[:keep])
    await writer.drain()
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--idempotent", action="store_true")
    parser.add_argument("--spares-broken", action="store_true", help="no charge for broken answers")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=RATE")
    given = parser.parse_args()
    rates = {name: float(rate) for name, rate in (f.split("=") for f in given.fault)}
    behaviour = Behaviour(
        latency=given.latency,
        rates=rates,
        seed=given.seed,
        idempotent=given.idempotent,
        charges_broken=not given.spares_broken,
        texts=legacy_texts(),
    )
    with ModelServer(behaviour) as server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
