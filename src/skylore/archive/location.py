"""Where an archive lies: a local folder or a prefix of an object store."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import lance
from lance.file import LanceFileSession

__all__ = ["Location"]


@dataclass(frozen=True)
class Location:
    """A folder, or an object-store prefix such as ``s3://bucket/hdf.skylore``.

    Parameters
    ----------
    root
        A path or URL. A local path is made absolute.
    storage_options
        Passed to the object store: keys, endpoint, region. What is not given here is taken from
        the environment (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL`` …). Never written anywhere.
    """

    root: str
    storage_options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.is_local:
            path = Path(self.root.removeprefix("file://")).expanduser().absolute()
            object.__setattr__(self, "root", str(path))
        else:
            object.__setattr__(self, "root", self.root.rstrip("/"))

    @property
    def is_local(self) -> bool:
        """Whether this is a folder of this machine."""
        return "://" not in self.root or self.root.startswith("file://")

    @property
    def folder(self) -> Path:
        """The local folder."""
        if not self.is_local:
            raise ValueError(f"{self} is not a local folder")
        return Path(self.root)

    def __str__(self) -> str:
        """Show the place without credentials."""
        if self.is_local:
            return self.root
        parts = urlsplit(self.root)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

    def table(self, name: str) -> str:
        """Give the address of a table."""
        return f"{self.root}/{name}.lance"

    def has_table(self, name: str) -> bool:
        """Whether the table has at least one committed version."""
        if self.is_local:
            return (self.folder / f"{name}.lance" / "_versions").is_dir()
        return any(self.session().list(f"{name}.lance/_versions"))

    def open_table(
        self,
        name: str,
        version: int | None = None,
        session: lance.Session | None = None,
        read_ahead: int | None = None,
    ) -> lance.LanceDataset:
        """Open a table; ValueError where there is none.

        Parameters
        ----------
        name, version
            Which; the latest version if not given.
        session
            Whose caches it shares.
        read_ahead
            Bytes that a scan may read before they are worked on.
        """
        return lance.dataset(
            self.table(name),
            version=version,
            storage_options=dict(self.storage_options) or None,
            session=session,
            default_scan_options=None if read_ahead is None else {"io_buffer_size": read_ahead},
        )

    def session(self) -> LanceFileSession:
        """Open the root for whole files."""
        return LanceFileSession(self.root, storage_options=dict(self.storage_options) or None)

    def is_free(self) -> bool:
        """Whether nothing is there yet, or only an empty folder."""
        if self.is_local:
            return not self.folder.exists() or (
                self.folder.is_dir() and not any(self.folder.iterdir())
            )
        return not any(self.session().list())

    def put_folder(self, local: Path, remote: str) -> None:
        """Copy the files of a local folder to ``remote`` below the root."""
        session = self.session()
        for file in sorted(path for path in local.rglob("*") if path.is_file()):
            session.upload_file(str(file), f"{remote}/{file.relative_to(local).as_posix()}")

    def get_folder(self, remote: str) -> Path:
        """Give a local folder with the files below ``remote``.

        What lies elsewhere is downloaded once a process: folders of models never change.
        """
        if self.is_local:
            return self.folder / remote
        address = f"{self.root}/{remote}"
        if address not in _downloads:
            _downloads[address] = self._download(remote)
        return Path(_downloads[address].name)

    def _download(self, remote: str) -> tempfile.TemporaryDirectory[str]:
        session = self.session()
        local = tempfile.TemporaryDirectory(prefix="skylore-")
        for name in session.list(remote):
            target = Path(local.name) / Path(name).relative_to(remote)
            target.parent.mkdir(parents=True, exist_ok=True)
            session.download_file(name, str(target))
        return local


_downloads: dict[str, tempfile.TemporaryDirectory[str]] = {}
