"""Certificates for tests: made by the product's own command, or by `openssl` where a test needs one that is wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="the program openssl is not installed")


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without settings of its own, in English unless told otherwise."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MARTIN_") and name != "PORT"}
    return {**kept, "PYTHONPATH": str(ROOT), "LANG": "en_US.UTF-8", "LC_ALL": "", **more}


def command(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What `python -m bot certificate` does when it is called in `folder`."""
    return subprocess.run(
        [sys.executable, "-m", "bot", "certificate", *arguments],
        cwd=folder,
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        check=False,
    )


def made_in(folder: Path) -> tuple[Path, Path]:
    """A certificate and its key, made by the command in `folder`."""
    done = command(folder)
    assert done.returncode == 0, done.stderr
    return folder / "data" / "tls" / "certificate.pem", folder / "data" / "tls" / "key.pem"


def openssl(*arguments: str, folder: Path) -> str:
    """What the program prints. Fails when it does."""
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def made_in_2020(folder: Path) -> tuple[Path, Path]:
    """A certificate that was good for a month, years ago, and its key."""
    authority = "database=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n"
    (folder / "ca").write_text(f"[ca]\ndefault_ca=a\n[a]\n{authority}[p]\ncommonName=supplied\n")
    (folder / "index").touch()
    (folder / "serial").write_text("01\n")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    openssl("req", "-new", *curve, "-nodes", "-subj", "/CN=old", "-keyout", "key.pem", "-out", "request", folder=folder)
    dates = ("-startdate", "20200101000000Z", "-enddate", "20200201000000Z")
    openssl(*("ca", "-batch", "-selfsign", "-notext", "-config", "ca", "-keyfile", "key.pem", "-in", "request"), *dates,
            "-out", "certificate.pem", folder=folder)  # fmt: skip
    return folder / "certificate.pem", folder / "key.pem"
