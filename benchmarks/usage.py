"""What this process holds in memory, and files on disk."""

from __future__ import annotations

from pathlib import Path

__all__ = ["memory", "peak", "size_of"]


def memory() -> dict[str, float]:
    """Give this process's own and mapped memory in MB, as it is now."""
    return {name: kilobytes / 1e3 for name, kilobytes in _status("Rss").items()}


def peak() -> int:
    """Bytes that this process held at most."""
    return 1024 * _status("VmHWM")["VmHWM"]


def size_of(path: Path) -> int:
    """Add up the bytes of a file, or of all files below a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _status(beginning: str) -> dict[str, int]:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    values = dict(line.split(":", 1) for line in lines if line.startswith(beginning))
    return {name: int(value.split()[0]) for name, value in values.items()}
