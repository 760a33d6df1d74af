"""The batch side of the loopback server: files and batches as OpenAI has them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Pick = Callable[[dict[str, Any], int], str | None]


@dataclass
class DeskBehaviour:
    """How batches go.

    ``seconds``: how long a batch takes. ``pick`` chooses what becomes of a request from its body
    and how often it came before: ``500`` or ``400`` in the error file, ``expired``, ``missing``,
    ``twice``, ``garbage``, ``stray``, ``no completion``, or what the server's own ``pick`` knows.
    ``statuses``: how batch after batch ends, ``completed`` once they are used up. ``most_lines``:
    above it a batch fails for having too many tokens. ``holds``: steps whose answers never come,
    once each: ``upload``, ``create``, ``download``. ``loses``: the same, but the connection ends.
    """

    seconds: float = 0.0
    pick: Pick = lambda _, nth: None
    statuses: list[str] = field(default_factory=list)
    most_lines: int | None = None
    holds: list[str] = field(default_factory=list)
    loses: list[str] = field(default_factory=list)
    page: int = 100


class Desk:
    """Keeps files and batches; ``answer`` gives text and completion of a request."""

    def __init__(self, behaviour: DeskBehaviour, answer: Callable[..., Any]) -> None:
        self.behaviour = behaviour
        self._answer = answer
        self.files: dict[str, tuple[str, bytes]] = {}
        self.deleted: dict[str, tuple[str, bytes]] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.held = threading.Event()
        self._seen: dict[str, int] = {}
        self._release = asyncio.Event()

    async def respond(self, method: str, path: str, headers, body: bytes) -> tuple[int, bytes]:
        """Give status and body."""
        path, _, query = path.removeprefix("/v1/").partition("?")
        kind, _, name = path.partition("/")
        if kind == "files":
            return await self._file(method, name, query, headers, body)
        if method == "POST":
            return await self._create(json.loads(body))
        if name:
            return self._shown(name)
        return self._listed(list(self.batches), self._view, query)

    async def _file(
        self, method: str, name: str, query: str, headers, body: bytes
    ) -> tuple[int, bytes]:
        if method == "DELETE":
            self.deleted[name] = self.files.pop(name)
            return 200, b"{}"
        if method == "POST":
            file, content = uploaded(headers["content-type"], body)
            made = f"file-{len(self.files) + len(self.deleted)}"
            self.files[made] = (file, content)
            return await self._held("upload", self._file_view(made))
        if name.endswith("/content"):
            _, content = self.files[name.removesuffix("/content")]
            return await self._held("download", content)
        return self._listed(list(self.files), self._file_view, query)

    async def _create(self, asked: dict[str, Any]) -> tuple[int, bytes]:
        statuses = self.behaviour.statuses
        _, content = self.files[asked["input_file_id"]]
        lines = [json.loads(line) for line in content.splitlines()]
        status = statuses.pop(0) if statuses else "completed"
        errors = []
        if self.behaviour.most_lines and len(lines) > self.behaviour.most_lines:
            status, errors = "failed", [{"code": "token_limit_exceeded", "message": "too many"}]
        elif status == "failed":
            errors = [{"code": "x", "message": "the file is not to our liking"}]
        name = f"batch_{len(self.batches)}"
        self.batches[name] = {
            "id": name,
            "object": "batch",
            "created_at": int(time.time()),
            "input_file_id": asked["input_file_id"],
            "metadata": asked["metadata"],
            "status": "in_progress",
            "errors": {"object": "list", "data": errors} if errors else None,
            "request_counts": {"total": len(lines), "completed": 0, "failed": 0},
            "_ends": time.monotonic() + self.behaviour.seconds,
            "_status": status,
            "_lines": lines,
        }
        return await self._held("create", self._view(name))

    def hurry(self) -> None:
        """Let all batches end now."""
        for batch in self.batches.values():
            batch["_ends"] = time.monotonic()

    def _shown(self, name: str) -> tuple[int, bytes]:
        if name not in self.batches:
            return 404, json.dumps({"error": {"message": "no such batch"}}).encode()
        batch = self.batches[name]
        if batch["status"] == "in_progress" and time.monotonic() >= batch["_ends"]:
            self._end(name, batch)
        return 200, json.dumps(self._view(name)).encode()

    def _end(self, name: str, batch: dict[str, Any]) -> None:
        batch["status"] = batch["_status"]
        if batch["status"] == "failed":
            return
        good, bad = [], []
        for nth, line in enumerate(batch["_lines"]):
            late = batch["status"] != "completed" and nth % 2 == 1
            self._line(line, good, bad, late=late)
        for kind, lines in (("output", good), ("error", bad)):
            if lines:
                self.files[f"{name}-{kind}"] = (kind, b"".join(line + b"\n" for line in lines))
                batch[f"{kind}_file_id"] = f"{name}-{kind}"

    def _line(self, line: dict[str, Any], good: list, bad: list, *, late: bool) -> None:
        key, asked = line["custom_id"], line["body"]
        digest = digest_of(asked)
        nth = self._seen[digest] = self._seen.get(digest, 0) + 1
        fate = "expired" if late else (self.behaviour.pick(asked, nth) or "")
        if fate in {"500", "400"}:
            told = {"status_code": int(fate), "body": {"error": {"message": f"fault {fate}"}}}
            bad.append(row(key, told))
        elif fate == "expired":
            error = {"code": "batch_expired", "message": "could not be executed in time"}
            bad.append(row(key, None, error))
        elif fate == "no completion":
            good.append(row(key, {"status_code": 200, "body": {"what": "is this"}}))
        elif fate != "missing":
            answer = json.loads(self._answer(asked, digest, nth, fate))
            told = row(key, {"status_code": 200, "body": answer})
            good.append(told)
            extra = {"twice": told, "garbage": b'{"custom_id": "' + key.encode()}
            if fate in extra:
                good.append(extra[fate])
            if fate == "stray":
                good.append(row("nobody-asked", {"status_code": 200, "body": answer}))

    async def _held(self, step: str, answer: dict[str, Any] | bytes) -> tuple[int, bytes]:
        if step in self.behaviour.holds:
            self.behaviour.holds.remove(step)
            self.held.set()
            await self._release.wait()
        if step in self.behaviour.loses:
            self.behaviour.loses.remove(step)
            raise ConnectionError(step)
        return 200, answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    def _listed(self, names: list[str], view, query: str) -> tuple[int, bytes]:
        newest = names[::-1]
        after = dict(part.split("=") for part in query.split("&") if "=" in part).get("after")
        start = newest.index(after) + 1 if after else 0
        page = newest[start : start + self.behaviour.page]
        more = start + len(page) < len(newest)
        listed = {"object": "list", "data": [view(name) for name in page], "has_more": more}
        return 200, json.dumps(listed).encode()

    def _view(self, name: str) -> dict[str, Any]:
        return {k: v for k, v in self.batches[name].items() if not k.startswith("_")}

    def _file_view(self, name: str) -> dict[str, Any]:
        file, content = self.files[name]
        return {
            "id": name, "object": "file", "filename": file, "bytes": len(content),
            "purpose": "batch", "created_at": int(time.time()), "status": "processed",
        }  # fmt: skip


def digest_of(asked: dict[str, Any]) -> str:
    """Digest a request, however its JSON is written."""
    body = json.dumps(asked, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(body.encode()).hexdigest()


def row(key: str, response: dict[str, Any] | None, error: dict[str, Any] | None = None) -> bytes:
    return json.dumps({"id": "r", "custom_id": key, "response": response, "error": error}).encode()


def uploaded(content_type: str, body: bytes) -> tuple[str, bytes]:
    """Read name and content of the file in a form."""
    boundary = content_type.split("boundary=")[1].encode()
    for part in body.split(b"--" + boundary):
        head, _, content = part.partition(b"\r\n\r\n")
        if b'filename="' in head:
            name = head.split(b'filename="')[1].split(b'"')[0].decode()
            return name, content.removesuffix(b"\r\n")
    raise AssertionError("the form holds no file")
