"""Every error that Skylore raises on purpose.

Each message says what is wrong and what to do next; the command line prints it in one line.

    SkyloreError
    ├── ArchiveError             exit code 3
    │   ├── ArchiveNotFoundError
    │   ├── ArchiveExistsError
    │   ├── ArchiveBusyError
    │   ├── ColumnError
    │   └── DuplicateIdError
    ├── SourceError              exit code 4
    │   └── ImageError
    ├── QueryError               exit code 5
    │   ├── FilterError
    │   └── EncoderMismatchError
    └── ModelError               exit code 6
        ├── DependencyMissingError
        └── EndpointError
"""

from __future__ import annotations

__all__ = [
    "ArchiveBusyError",
    "ArchiveError",
    "ArchiveExistsError",
    "ArchiveNotFoundError",
    "ColumnError",
    "DependencyMissingError",
    "DuplicateIdError",
    "EncoderMismatchError",
    "EndpointError",
    "FilterError",
    "ImageError",
    "ModelError",
    "QueryError",
    "SkyloreError",
    "SourceError",
]


class SkyloreError(Exception):
    """The base of all errors below; catch it to catch them all."""

    exit_code = 1


class ArchiveError(SkyloreError):
    """The archive cannot do what was asked."""

    exit_code = 3


class ArchiveNotFoundError(ArchiveError):
    """There is no archive at this path."""


class ArchiveExistsError(ArchiveError):
    """Something is already at this path, and it is not overwritten."""


class ArchiveBusyError(ArchiveError):
    """Another process is running the same step on this archive."""


class ColumnError(ArchiveError):
    """A column is missing, exists already, or was made in another way."""


class DuplicateIdError(ArchiveError):
    """Object ids that should be unique are not."""


class SourceError(SkyloreError):
    """The input cannot be read."""

    exit_code = 4


class ImageError(SourceError):
    """One image cannot be read, or should not be."""


class QueryError(SkyloreError):
    """The query cannot be answered as asked."""

    exit_code = 5


class FilterError(QueryError):
    """A filter is not a valid, read-only predicate over this archive's columns."""


class EncoderMismatchError(QueryError):
    """The query and the searched column come from different encoders."""


class ModelError(SkyloreError):
    """A model cannot be loaded, trained or applied."""

    exit_code = 6


class DependencyMissingError(ModelError):
    """An optional package is needed and is not installed."""


class EndpointError(ModelError):
    """A server of models answers no question: wrong key, address or model, or out of reach."""
