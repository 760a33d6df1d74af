"""A limit on the memory of a process, the files that it has read included."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

__all__ = ["Confined", "confine", "forget", "release"]

FIRST, SECOND = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
"""Where Linux has control groups, in the first version and in the second."""


class Confined:
    """A control group with a limit, which processes join and whose use is read."""

    def __init__(self, name: str, limit: int) -> None:
        first = (FIRST / "memory.limit_in_bytes").exists()
        self.folder = (FIRST if first else SECOND) / name
        self._limit, self._peak, self._now = (
            ("memory.limit_in_bytes", "memory.max_usage_in_bytes", "rss")
            if first
            else ("memory.max", "memory.peak", "anon")
        )
        if not first:
            (SECOND / "cgroup.subtree_control").write_text("+memory", encoding="ascii")
        self.folder.mkdir(exist_ok=True)
        (self.folder / self._limit).write_text(str(limit), encoding="ascii")

    def join(self) -> None:
        """Put this process into it."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")

    def usage(self) -> dict[str, float]:
        """Give the most that was ever held, cached files included, and own memory now; in MB."""
        lines = (self.folder / "memory.stat").read_text(encoding="ascii").splitlines()
        stat = {name: int(value) for name, value in (line.split() for line in lines)}
        peak = int((self.folder / self._peak).read_text(encoding="ascii"))
        return {"peak": peak / 1e6, "own": stat[self._now] / 1e6}


def confine(name: str, limit: int) -> Confined:
    """Put this process into a control group of a limit in bytes; needs the rights to make one."""
    group = Confined(f"skylore-{name}-{os.getpid()}", limit)
    group.join()
    return group


def release(folder: Path) -> None:
    """Remove a control group whose processes have ended."""
    folder.rmdir()


def forget(paths: Iterable[Path]) -> None:
    """Have the system drop what it holds of files: they count for whoever reads them next."""
    for path in paths:
        for file in path.rglob("*") if path.is_dir() else [path]:
            if not file.is_file():
                continue
            opened = os.open(file, os.O_RDONLY)
            try:
                os.posix_fadvise(opened, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(opened)
