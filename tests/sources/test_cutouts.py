"""Images of positions, from a real server with faults."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image

from newcomer import SKYLORE, run
from skylore.archive.provenance import provenance_of
from skylore.archive.table import Archive
from skylore.errors import SourceError
from skylore.imaging.render import Rendering, render_bands
from skylore.intake.ingest import IngestOptions, IngestReport, ingest
from skylore.sources.cutouts.source import CutoutSource
from sources.cutout_server import CutoutServer, flux_at

SECRET = "correct-horse-battery"
RETRY = {"retry_failed": True}


@pytest.fixture
def serve() -> Iterator[Callable[..., CutoutServer]]:
    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(CutoutServer(**how))


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("skylore.vlm.faults._FIRST_PAUSE", 0.01)
    for name in ("SSP_PDR_USR", "SSP_PDR_PWD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))


def write_list(path: Path, count: int = 6) -> Path:
    rows = "".join(f"g{n},{10 + n},{-n / 2},{n / 10}\n" for n in range(count))
    path.write_text(f"id,ra,dec,z\n{rows}")
    return path


def source(tmp_path: Path, server: CutoutServer, **given) -> CutoutSource:
    path = tmp_path / "positions.csv"
    if not path.exists():
        write_list(path)
    url = server.url + ("/hsc" if given.get("service") == "hsc" else "/viewer")
    how = {"size": 24, "per_second": 1000.0, "cache": tmp_path / "cache", "url": url}
    return CutoutSource(path, **how | given)


def take(tmp_path: Path, cutouts: CutoutSource, **options) -> tuple[Archive, IngestReport]:
    place = tmp_path / "a.skylore"
    archive = Archive.open(place) if place.exists() else Archive.create(place)
    return archive, ingest(archive, cutouts, IngestOptions(progress=False, **options))


def aside(archive: Archive) -> dict[str, str]:
    return {row["id"]: row["reason"] for row in archive.quarantine.read("ingest").to_pylist()}


def ra_of(number: int) -> str:
    return f"{10 + number:.7f}"


def test_flux_is_fetched_and_drawn_as_fits_cutouts_are(tmp_path: Path, serve) -> None:
    server = serve()
    archive, report = take(tmp_path, source(tmp_path, server))
    assert (report.added, report.failed) == (6, 0)
    asked = {"layer": "ls-dr10", "pixscale": "0.262", "size": "24", "bands": "griz"}
    assert all(asked.items() <= query.items() for query in server.asked)
    rows = {row["id"]: row for row in archive.read().to_pylist()}
    assert (rows["g3"]["ra"], rows["g3"]["dec"], rows["g3"]["z"]) == (13.0, -1.5, 0.3)
    flux = flux_at({"ra": ra_of(3), "bands": "griz", "size": "24"})
    expected = render_bands(flux[::-1], Rendering(bands=tuple("zirg")))[::-1]
    shown = np.array(Image.open(io.BytesIO(rows["g3"]["image"])))
    np.testing.assert_array_equal(shown, expected)
    made = provenance_of(archive.schema.field("z"))
    assert made is not None
    assert (made.parameters["layer"], made.parameters["kind"]) == (None, "cutouts")
    assert all(h["user-agent"].startswith("Skylore/") for h in server.headers)


def test_pictures_of_the_survey_are_kept_as_they_come(tmp_path: Path, serve) -> None:
    archive, report = take(tmp_path, source(tmp_path, serve(), file_format="jpeg"))
    assert report.added == 6
    row = archive.read(["image", "image_rendering"], limit=1).to_pylist()[0]
    assert row["image"][:2] == b"\xff\xd8"
    assert row["image_rendering"] == "as given"


def test_nothing_is_fetched_twice(tmp_path: Path, serve) -> None:
    server = serve()
    take(tmp_path, source(tmp_path, server), limit=2)
    take(tmp_path, source(tmp_path, server))
    assert len(server.asked) == 6
    again = source(tmp_path, server)
    elsewhere = Archive.create(tmp_path / "b.skylore")
    assert ingest(elsewhere, again, IngestOptions(progress=False)).added == 6
    assert len(server.asked) == 6
    assert "0 files fetched, 6 were in" in again.remarks[-1]


def fail_twice(fault: str) -> Callable[[dict[str, str], int], str | None]:
    return lambda query, nth: fault if nth <= 2 else None


@pytest.mark.parametrize("fault", ["500", "503", "429", "408", "cut", "truncated", "html"])
@pytest.mark.parametrize("file_format", ["fits", "jpeg"])
def test_passing_faults_pass(tmp_path: Path, serve, fault: str, file_format: str) -> None:
    server = serve(fault=fail_twice(fault))
    archive, report = take(tmp_path, source(tmp_path, server, file_format=file_format))
    assert (report.added, report.failed) == (6, 0)
    assert set(Counter(query["ra"] for query in server.asked).values()) == {3}
    assert aside(archive) == {}


def one_bad(fault: str) -> Callable[[dict[str, str], int], str | None]:
    return lambda query, nth: fault if query["ra"] == ra_of(4) else None


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("404", "has no image there: http"),
        ("blank", "the one that it gives is blank"),
        ("nan", "the one that it gives is blank"),
        ("empty", "the FITS file that it gives is empty"),
    ],
)
def test_positions_outside_the_footprint_are_asked_once(
    tmp_path: Path, serve, fault: str, reason: str
) -> None:
    server = serve(fault=one_bad(fault))
    cutouts = source(tmp_path, server)
    archive, report = take(tmp_path, cutouts)
    assert (report.added, report.failed, len(server.asked)) == (5, 1, 6)
    assert reason in aside(archive)["g4"]
    assert "has no image of a position" in cutouts.remarks[-1]
    take(tmp_path, source(tmp_path, server))
    _, report = take(tmp_path, source(tmp_path, server), **RETRY)
    assert (report.added, report.failed, len(server.asked)) == (0, 1, 6)


def test_a_blank_jpeg_is_no_image(tmp_path: Path, serve) -> None:
    archive, report = take(
        tmp_path, source(tmp_path, serve(fault=one_bad("blank")), file_format="jpeg")
    )
    assert (report.added, list(aside(archive))) == (5, ["g4"])


@pytest.mark.parametrize(
    ("fault", "reason", "times"),
    [
        ("500", "answers 500, at the last of 6 attempts", 6),
        ("html", "a web page instead of FITS", 6),
        ("truncated", "the answer", 6),
        ("400", "answers 400", 1),
    ],
)
def test_what_stays_broken_is_set_aside_until_asked_again(
    tmp_path: Path, serve, fault: str, reason: str, times: int
) -> None:
    server = serve(fault=one_bad(fault))
    archive, report = take(tmp_path, source(tmp_path, server))
    assert (report.added, report.failed) == (5, 1)
    assert len(server.asked) == 5 + times
    assert reason in aside(archive)["g4"]
    assert ".draft" not in aside(archive)["g4"]
    server.fault = lambda query, nth: None
    assert take(tmp_path, source(tmp_path, server))[1].added == 0
    assert take(tmp_path, source(tmp_path, server), **RETRY)[1].added == 1
    assert aside(archive) == {}


def test_a_service_that_is_down_ends_the_run_and_sets_nothing_aside(tmp_path: Path, serve) -> None:
    server = serve(fault=lambda query, nth: "503")
    write_list(tmp_path / "positions.csv", 150)
    with pytest.raises(SourceError, match=r"answers nothing any more.*run the same command again"):
        take(tmp_path, source(tmp_path, server))
    assert aside(Archive.open(tmp_path / "a.skylore")) == {}
    assert len(server.asked) < 80
    server.fault = lambda query, nth: None
    assert take(tmp_path, source(tmp_path, server))[1].added == 150


def test_nobody_there_at_all(tmp_path: Path, serve) -> None:
    server = serve()
    cutouts = source(tmp_path, server, url="http://127.0.0.1:1/viewer")
    write_list(tmp_path / "positions.csv", 50)
    with pytest.raises(SourceError, match=r"connection to http://127.0.0.1:1/viewer failed"):
        take(tmp_path, cutouts)


def test_pauses_that_the_server_asks_for_are_kept_by_all(tmp_path: Path, serve) -> None:
    server = serve(
        fault=lambda query, nth: "429" if query["ra"] == ra_of(0) and nth == 1 else None,
        retry_after="0.6",
    )
    write_list(tmp_path / "positions.csv", 30)
    take(tmp_path, source(tmp_path, server, concurrency=2, per_second=50.0))
    gaps = np.diff(server.times)
    assert gaps.max() > 0.5  # nothing at all was asked meanwhile


def test_no_more_at_a_time_than_allowed(tmp_path: Path, serve) -> None:
    server = serve(pause=0.2)
    write_list(tmp_path / "positions.csv", 12)
    take(tmp_path, source(tmp_path, server, concurrency=3))
    assert server.most_at_once == 3


def test_no_more_in_a_second_than_allowed(tmp_path: Path, serve) -> None:
    server = serve()
    write_list(tmp_path / "positions.csv", 21)
    take(tmp_path, source(tmp_path, server, per_second=20.0))
    assert server.times[-1] - server.times[0] > 0.8


def test_an_answer_that_drips_is_given_up(
    tmp_path: Path, serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    from skylore.sources.cutouts.settings import Manners

    server = serve(fault=lambda query, nth: "drip" if nth == 1 else None)
    cutouts = source(tmp_path, server)
    monkeypatch.setattr(cutouts, "_manners", Manners(per_second=1000.0, timeout=0.5))
    assert take(tmp_path, cutouts)[1].added == 6


def test_damaged_answers_in_the_cache_are_fetched_again(tmp_path: Path, serve) -> None:
    server = serve()
    take(tmp_path, source(tmp_path, server), limit=3)
    kept = sorted((tmp_path / "cache").rglob("*.bin"))
    assert len(kept) == 3
    kept[0].write_bytes(kept[0].read_bytes()[:3000])
    kept[1].write_bytes(b"")
    other = Archive.create(tmp_path / "b.skylore")
    assert ingest(other, source(tmp_path, server), IngestOptions(progress=False)).added == 6
    assert len(server.asked) == 8


def test_rows_without_a_position_are_set_aside(tmp_path: Path, serve) -> None:
    (tmp_path / "positions.csv").write_text("id,ra,dec\na,10,0\nb,,\nc,500,0\n")
    archive, report = take(tmp_path, source(tmp_path, serve()))
    assert (report.added, sorted(aside(archive))) == (1, ["b", "c"])
    (tmp_path / "positions.csv").write_text("id,x\na,10\n")
    with pytest.raises(SourceError, match="call them ra and dec"):
        source(tmp_path, serve()).ids()
    (tmp_path / "positions.csv").write_text("id,ra,dec\na,00:40:00,+1\n")
    with pytest.raises(SourceError, match=r'column "ra" has type .*numbers'):
        source(tmp_path, serve()).ids()


def test_bands_of_hsc_are_stacked_though_they_differ_by_a_pixel(
    tmp_path: Path, serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSP_PDR_USR", "someone")
    monkeypatch.setenv("SSP_PDR_PWD", SECRET)
    server = serve(account=f"someone:{SECRET}")
    archive, report = take(tmp_path, source(tmp_path, server, service="hsc"))
    assert (report.added, len(server.asked)) == (6, 18)
    assert server.asked[0].keys() >= {"ra", "dec", "sw", "sh", "type", "image", "filter", "rerun"}
    rows = archive.read(["image_width", "image_height", "image_rendering"]).to_pylist()
    assert {(row["image_width"], row["image_height"]) for row in rows} == {(24, 24)}
    assert '"bands": ["HSC-I", "HSC-R", "HSC-G"]' in rows[0]["image_rendering"]
    written = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert SECRET.encode() not in written
    assert b"c29tZW9uZTpjb3JyZWN0" not in written


def test_a_wrong_account_ends_the_run_without_telling_it(
    tmp_path: Path, serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login someone password {SECRET}\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server = serve(account="someone:else")
    with pytest.raises(
        SourceError, match=r"refuses to answer \(401\). HSC needs an account"
    ) as caught:
        take(tmp_path, source(tmp_path, server, service="hsc"))
    assert SECRET not in str(caught.value)
    assert len(server.asked) <= 4


def test_accounts_are_not_sent_in_the_clear_or_onwards(
    tmp_path: Path, serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceError, match="HSC needs an account"):
        CutoutSource(write_list(tmp_path / "a.csv"), service="hsc")
    monkeypatch.setenv("SSP_PDR_USR", "someone")
    monkeypatch.setenv("SSP_PDR_PWD", SECRET)
    with pytest.raises(SourceError, match="not encrypted"):
        CutoutSource(tmp_path / "a.csv", service="hsc", url="http://example.org/cutout")
    other = serve()
    first = serve(fault=lambda query, nth: "elsewhere", elsewhere=other.url)
    assert take(tmp_path, source(tmp_path, first, service="hsc"))[1].added == 6
    assert all("authorization" in headers for headers in first.headers)
    assert not any("authorization" in headers for headers in other.headers)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"size": 4000}, "option size"),
        ({"url": "ftp://x"}, "option url of a cutout service is refused: not a web address"),
        ({"url": "https://me:pw@x/viewer"}, "option url .* passwords go into the environment"),
        ({"service": "sdss"}, "option service"),
        ({"bands": "g,r"}, "option bands"),
        ({"concurrency": 99}, "option concurrency"),
        ({"service": "hsc", "file_format": "jpeg"}, "FITS files of 0.168"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path: Path, given, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        CutoutSource(write_list(tmp_path / "a.csv"), **given)
    assert "pw" not in str(caught.value)


def test_the_command_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    write_list(tmp_path / "positions.csv", 90)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    serving = subprocess.Popen(
        [sys.executable, "-m", "sources.cutout_server", "0.05"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        assert serving.stdout is not None
        url = serving.stdout.readline().strip()
        command = ["ingest", tmp_path / "a.skylore", tmp_path / "positions.csv", "--quiet"]
        command += ["--cutouts", "legacy", "--cutout-url", f"{url}/viewer", "--size", 24]
        command += ["--cutout-cache", tmp_path / "cache", "--per-second", 500]
        killed = subprocess.Popen([str(part) for part in [SKYLORE, *command]])
        while len(list((tmp_path / "cache").rglob("*.bin"))) < 75:
            assert killed.poll() is None
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        kept = len(list((tmp_path / "cache").rglob("*.bin")))
        done = run(*command)
        assert done.returncode == 0, done.stderr
        assert len(Archive.open(tmp_path / "a.skylore")) == 90
        with urlopen(f"{url}/log") as answer:
            delivered = [parse_qs(urlsplit(p).query)["ra"][0] for p in json.load(answer)]
        # What was on its way to the killed process is all that may come a second time.
        assert len(delivered) - len(set(delivered)) <= 4
        assert kept >= 75
    finally:
        serving.kill()
        serving.wait()
        if serving.stdout is not None:
            serving.stdout.close()


def test_options_of_services_need_a_service(tmp_path: Path) -> None:
    write_list(tmp_path / "a.csv")
    refused = run("ingest", tmp_path / "a.skylore", tmp_path / "a.csv", "--layer", "ls-dr9")
    assert refused.returncode == 2
    assert "--cutouts" in refused.stderr
