from __future__ import annotations

import subprocess
import sys

import skylore


def test_public_names_are_these_and_no_more() -> None:
    assert set(skylore.__all__) == {
        "Alignment", "Archive", "Cone", "FillOptions", "FillReport", "GalaxAlign", "Hit",
        "IngestOptions", "IngestReport", "Query", "Range", "Results",
        "SkyloreError", "align", "build", "caption", "create", "embed", "evaluate", "index",
        "ingest", "join", "measure", "open", "pretrain",
    }  # fmt: skip
    assert len(skylore.__all__) <= 25
    assert skylore.__all__ == sorted(skylore.__all__)


def test_every_public_name_is_there_and_documented() -> None:
    for name in skylore.__all__:
        assert getattr(skylore, name).__doc__, name


def test_unknown_name() -> None:
    assert not hasattr(skylore, "nonsense")


def test_importing_loads_nothing_heavy() -> None:
    heavy = {"torch", "numpy", "pyarrow", "lance", "pydantic", "astropy", "scipy", "PIL", "fastapi"}
    for module in ("skylore", "skylore.cli.app"):
        code = f"import sys, {module}; print(*sys.modules)"
        loaded = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert not heavy & set(loaded.stdout.split()), module


def test_nothing_imports_torchvision() -> None:
    code = (
        "import pkgutil, importlib, sys, skylore\n"
        "for module in pkgutil.walk_packages(skylore.__path__, 'skylore.'):\n"
        "    importlib.import_module(module.name)\n"
        "print('torchvision' in sys.modules)"
    )
    assert run(code).strip() == "False"


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout
