"""Serving an archive over HTTP."""

from __future__ import annotations

import errno
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from skylore.app.application import create_app
from skylore.app.room import Shares
from skylore.app.security import is_loopback
from skylore.app.settings import ServerSettings
from skylore.archive.table import Archive
from skylore.errors import SkyloreError
from skylore.vlm.money import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skylore.search.reranking.judge_settings import JudgeSettings

__all__ = ["serve"]


def serve(
    archive_path: str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    allow_remote: bool = False,
    allowed_hosts: Sequence[str] = (),
    settings: ServerSettings | None = None,
    storage_options: Mapping[str, str] | None = None,
) -> None:
    """Serve an archive until interrupted.

    Parameters
    ----------
    archive_path
        An archive.
    host, port
        Where to listen; port 0 takes any that is free.
    allow_remote
        Must be set for a host that other machines can reach: there is no log-in.
    allowed_hosts
        Host names that requests may be addressed to, beside loopback and, with ``allow_remote``,
        this machine's own name and addresses.
    settings
        Limits and habits, and the model that may look at hits.
    storage_options
        Keys, endpoint and region of the object store, if not in the environment.

    Raises
    ------
    SkyloreError
        The port is in use, the address is not this machine's, or it is reachable from others and
        ``allow_remote`` is not set.
    """
    remote = not is_loopback(host)
    if remote and not allow_remote:
        raise SkyloreError(
            f"{host} can be reached from other machines, and there is no log-in; allow that with "
            "--allow-remote, or leave the host at 127.0.0.1"
        )
    settings = settings or ServerSettings()
    archive = Archive.open(
        archive_path,
        storage_options=storage_options,
        cache_bytes=Shares.of(settings.memory).caches,
    )
    names = (*allowed_hosts, *((socket.gethostname(), socket.getfqdn()) if remote else ()))
    settings = settings.model_copy(
        update={"allowed_hosts": (*settings.allowed_hosts, *names), "any_address": remote}
    )
    with _listen(host, port) as listening:
        bound = listening.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        sys.stdout.write(f"{len(archive)} objects of {archive} at http://{shown}:{bound}\n")
        if remote:
            sys.stdout.write("warning: other machines can read this archive; there is no log-in\n")
        if settings.rerank is not None:
            sys.stdout.write(f"{_offer(settings.rerank, remote=remote)}\n")
        sys.stdout.flush()
        config = uvicorn.Config(
            create_app(archive, settings),
            log_level="warning",
            access_log=False,
            server_header=False,
        )
        uvicorn.Server(config).run(sockets=[listening])


def _offer(judging: JudgeSettings, *, remote: bool) -> str:
    """Say who may spend how much."""
    limit = judging.session.budget
    whoever = "whoever reaches it" if remote else "whoever uses this machine"
    most = f"at most {shown(limit.amount, limit.currency)} until it stops" if limit else "free"
    return f"{judging.name} looks at hits for {whoever}: {most}"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Only sockets made as TCP by name are sent without delay by asyncio: 40 ms a response.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise SkyloreError(
                f"port {port} of {host} is in use; choose another with --port, or 0 for any"
            ) from error
        raise SkyloreError(f"cannot listen on {host}:{port}: {error}") from error
    return listening
