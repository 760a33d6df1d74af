"""How a command ends that works on objects one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skylore.errors import ArchiveError, SourceError

if TYPE_CHECKING:
    from skylore.archive.fill import FillReport
    from skylore.archive.table import Archive
    from skylore.intake.ingest import IngestReport

__all__ = ["refuse_nothing_but_failures"]


def refuse_nothing_but_failures(archive: Archive, *reports: FillReport | IngestReport) -> None:
    """Raise an error where objects were tried, and none has what was asked for.

    Single objects that are set aside are counted in the report, and are no error.

    Raises
    ------
    SourceError
        No object could be brought in.
    ArchiveError
        No object could be worked on.
    """
    failed = next((report for report in reports if report.failed), None)
    if failed is None or any(report.succeeded for report in reports):
        return
    first = archive.quarantine.read(failed.step).slice(0, 1).to_pylist()[0]
    error = SourceError if failed.step == "ingest" else ArchiveError
    raise error(
        f"{failed.step} could do none of {failed.failed} objects: {first['id']}: {first['reason']} "
        f"(`skylore info {archive} --failures` lists them all). Mend the cause, then run "
        "it again with --retry-failed"
    )
