"""``skylore caption`` with a model, as users call it."""

from __future__ import annotations

from typer.testing import CliRunner

from skylore.archive.table import Archive
from skylore.cli.app import app
from vlm.conftest import KEY
from vlm.desk import DeskBehaviour
from vlm.galaxies import make_archive


def caption(path, *options, answer: str = ""):
    command = ["caption", str(path), "--quiet", *map(str, options)]
    return CliRunner().invoke(app, command, input=answer)


def test_it_says_what_it_costs_asks_and_goes_on(tmp_path, serve) -> None:
    path = tmp_path / "a.skylore"
    make_archive(path, 30)
    server = serve(key=KEY)
    given = ["--captioner", "openai:seer-1", "--base-url", server.url, "--image-size", 64]
    given += ["--price-in", 0.4, "--price-out", 1.6]

    refused = caption(path, *given)
    assert refused.exit_code == 6
    assert "--budget" in refused.output

    given += ["--budget", "1USD"]
    declined = caption(path, *given, answer="n\n")
    assert declined.exit_code == 0
    assert "30 objects to caption; 16 of them were" in declined.output
    assert "cost:" in declined.output
    assert "not begun" in declined.output
    assert len(server.log) == 16

    done = caption(path, *given, "--yes")
    assert done.exit_code == 0
    assert "caption: 30 done" in done.output
    assert len(server.log) == 30

    again = caption(path)
    assert again.exit_code == 0
    assert "30 were there already" in again.output
    assert Archive.open(path).filled("captions") == 30


def test_options_of_models_need_a_model(tmp_path) -> None:
    make_archive(tmp_path / "a.skylore", 1)
    wrong = caption(tmp_path / "a.skylore", "--budget", "3USD")
    assert wrong.exit_code == 2
    assert "--captioner openai:MODEL" in wrong.output


def test_batches_from_the_command_line(tmp_path, serve) -> None:
    path = tmp_path / "a.skylore"
    make_archive(path, 30)
    server = serve(desk=DeskBehaviour(seconds=600))
    given = ["--captioner", "openai:seer-1", "--base-url", server.url, "--image-size", 64]
    given += ["--price-in", 0.4, "--price-out", 1.6, "--budget", "1USD"]
    wrong = caption(path, *given, "--no-wait")
    assert wrong.exit_code == 2
    assert "go with --batch" in wrong.output
    given += ["--batch", "--batch-discount", "0.5", "--no-wait"]
    assert "up to a day for a batch" in caption(path, *given, answer="n\n").output
    left = caption(path, *given, "--yes")
    assert left.exit_code == 0
    assert "with the provider: 14 requests in batches" in left.output
    server.desk.hurry()
    done = caption(path, *given)
    assert "caption: 14 done" in done.output
    assert "Go on?" not in done.output
    assert caption(path, *given, "--batch-discount", "half").exit_code == 6


def test_wrong_key_is_said_in_one_line(tmp_path, serve) -> None:
    make_archive(tmp_path / "a.skylore", 3)
    server = serve(key="another")
    failed = caption(
        tmp_path / "a.skylore", "--captioner=openai:x", f"--base-url={server.url}",
        "--price-in=0", "--price-out=0",
    )  # fmt: skip
    assert failed.exit_code == 6
    assert "Check OPENAI_API_KEY" in failed.output
    assert KEY not in failed.output
