"""The page's certificate: the command that makes one, and how a wrong one is refused, in words and without its content."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from bot.__main__ import dotenv_value, execute
from bot.banner import Banner
from bot.certificate import is_name
from bot.config import load_config
from bot.errors import ConfigError, Problem
from bot.model_types import ModelStatus
from bot.types import Language
from tests.canaries import Canaries
from tests.certificates import command, made_in, needs_openssl, openssl

NAMES = ("MARTIN_WEB__CERTIFICATE", "MARTIN_WEB__CERTIFICATE_KEY")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its key."""
    return made_in(tmp_path_factory.mktemp("certificate"))


# --- the command ---


@needs_openssl
def test_what_the_command_prints_is_all_that_the_settings_need(tmp_path: Path) -> None:
    done = command(tmp_path, "--host", "mill.lan", "--host", "2001:db8::7")
    assert done.returncode == 0, done.stderr
    assert [line.partition("=")[0] for line in done.stdout.splitlines()] == list(NAMES)
    (tmp_path / ".env").write_text(done.stdout)
    folder = tmp_path / "data" / "tls"
    assert [path.stat().st_mode & 0o777 for path in (folder, *sorted(folder.iterdir()))] == [0o700, 0o600, 0o600]
    certificate = openssl("x509", "-in", "certificate.pem", "-noout", "-text", folder=folder)
    for name in ("DNS:localhost", "IP Address:127.0.0.1", "DNS:mill.lan", "IP Address:2001:DB8:0:0:0:0:0:7", "CA:FALSE"):
        assert name in certificate
    fingerprint = openssl("x509", "-in", "certificate.pem", "-noout", "-fingerprint", "-sha256", folder=folder)
    assert fingerprint.strip().rpartition("=")[2] in done.stderr
    openssl("x509", "-in", "certificate.pem", "-noout", "-checkend", str(824 * 86_400), folder=folder)


@needs_openssl
def test_the_printed_settings_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text(command(tmp_path, "--data-dir", "it's here #1").stdout)
    monkeypatch.chdir(tmp_path)
    tls = load_config(environ={}, folder=tmp_path).web.tls
    assert tls == (Path("it's here #1/tls/certificate.pem"), Path("it's here #1/tls/key.pem"))


@needs_openssl
def test_a_new_certificate_is_made_also_when_the_configured_one_is_gone_and_the_one_before_is_kept(tmp_path: Path) -> None:
    environment = {NAMES[0]: "data/tls/certificate.pem", NAMES[1]: "data/tls/key.pem"}
    assert command(tmp_path, **environment).returncode == 0
    folder = tmp_path / "data" / "tls"
    before = (folder / "certificate.pem").read_bytes()
    again = command(tmp_path, **environment)
    assert (again.returncode, "*.old" in again.stderr) == (0, True)
    assert (folder / "certificate.pem.old").read_bytes() == before != (folder / "certificate.pem").read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == [
        "certificate.pem", "certificate.pem.old", "key.pem", "key.pem.old",
    ]  # fmt: skip


@pytest.mark.parametrize(("language", "says"), [("en_US.UTF-8", "sudo apt-get install openssl"), ("es_ES.UTF-8", "no está")])
def test_without_openssl_it_says_what_to_install(tmp_path: Path, language: str, says: str) -> None:
    done = command(tmp_path, PATH=str(tmp_path), LANG=language)
    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_when_openssl_fails_the_earlier_certificate_stays(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "tls"
    folder.mkdir(parents=True)
    (folder / "key.pem").write_text("the earlier one")
    (tmp_path / "openssl").write_text("#!/bin/sh\necho this is too old >&2\nexit 1\n")
    (tmp_path / "openssl").chmod(0o700)
    done = command(tmp_path, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == ["openssl could not make a certificate: this is too old"]
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"key.pem": "the earlier one"}


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tls").write_text("in the way")
    done = command(tmp_path, PATH=os.environ["PATH"])
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["", " ", "a b", "a\n[evil]", "$ENV::HOME", "a,DNS:b", "-x", "[::1]", "fe80::1%eth0", "ñ.lan"])
def test_what_is_no_name_is_refused_before_anything_is_made(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert not is_name(name)
    assert execute(["certificate", f"--host={name}"], "en") == 2
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "data").exists()


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1))
def test_any_path_comes_back_from_dotenv_as_it_was(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    file = tmp_path_factory.getbasetemp() / "quoted.env"
    file.write_text(f"X={dotenv_value(value)}\n", "utf-8")
    assert dotenv_values(file, interpolate=False)["X"] == value


# --- a wrong one ---


def nothing(folder: Path, good: tuple[Path, Path]) -> tuple[Path, Path]:
    return folder / "missing.pem", good[1]


def a_folder(folder: Path, good: tuple[Path, Path]) -> tuple[Path, Path]:
    return good[0], folder


def a_pipe(folder: Path, good: tuple[Path, Path]) -> tuple[Path, Path]:
    os.mkfifo(folder / "pipe")
    return good[0], folder / "pipe"


def a_text(folder: Path, good: tuple[Path, Path]) -> tuple[Path, Path]:
    (folder / "text.pem").write_text("hello")
    return folder / "text.pem", good[1]


def a_huge_file(folder: Path, good: tuple[Path, Path]) -> tuple[Path, Path]:
    (folder / "huge.pem").write_bytes(good[0].read_bytes() + b"\n" * (1 << 20))
    return folder / "huge.pem", good[1]


def swapped(folder: Path, good: tuple[Path, Path]) -> tuple[Path, Path]:
    return good[1], good[0]


def no_key(folder: Path, good: tuple[Path, Path]) -> tuple[Path, Path]:
    return good[0], good[0]


def a_strangers_key(folder: Path, good: tuple[Path, Path]) -> tuple[Path, Path]:
    openssl(*["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", "other.pem"], folder=folder)
    return good[0], folder / "other.pem"


def a_key_of_another_kind(folder: Path, good: tuple[Path, Path]) -> tuple[Path, Path]:
    openssl(*["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "rsa.pem"], folder=folder)
    return good[0], folder / "rsa.pem"


def a_weak_certificate(folder: Path, good: tuple[Path, Path]) -> tuple[Path, Path]:
    weak = "req -x509 -newkey rsa:512 -nodes -subj /CN=weak -keyout weak.key -out weak.pem"
    openssl(*weak.split(), folder=folder)
    return folder / "weak.pem", folder / "weak.key"


def a_locked_key(folder: Path, good: tuple[Path, Path]) -> tuple[Path, Path]:
    openssl("pkey", "-in", str(good[1]), "-aes128", "-passout", "pass:hunter2", "-out", "locked.pem", folder=folder)
    return good[0], folder / "locked.pem"


WRONG: tuple[tuple[Callable[[Path, tuple[Path, Path]], tuple[Path, Path]], str, str], ...] = (
    (nothing, NAMES[0], "it cannot be read"),
    (a_folder, NAMES[1], "this is not a file"),
    (a_pipe, NAMES[1], "this is not a file"),
    (a_text, NAMES[0], "no certificate"),
    (a_huge_file, NAMES[0], "1 MiB"),
    (swapped, NAMES[0], "no certificate"),
    (no_key, NAMES[1], "no private key"),
    (a_strangers_key, NAMES[1], "does not belong"),
    (a_key_of_another_kind, NAMES[1], "does not belong"),
    (a_locked_key, NAMES[1], "passphrase"),
    (a_weak_certificate, NAMES[0], "too weak"),
)


def problems(environ: dict[str, str], folder: Path, language: str = "en") -> tuple[Problem, ...]:
    """What is wrong with a configuration."""
    with pytest.raises(ConfigError) as caught:
        load_config(environ=environ, folder=folder, language=language)
    return caught.value.problems


@needs_openssl
@pytest.mark.parametrize(("make", "path", "says"), WRONG, ids=lambda value: getattr(value, "__name__", None))
def test_a_certificate_that_cannot_be_served_is_refused_in_both_languages(
    make: Callable[[Path, tuple[Path, Path]], tuple[Path, Path]],
    path: str,
    says: str,
    good: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    environ = dict(zip(NAMES, map(str, make(tmp_path, good)), strict=True))
    (english,), (spanish,) = problems(environ, tmp_path), problems(environ, tmp_path, "es")
    assert english.path == spanish.path == path
    assert says in english.reason
    assert "python -m bot certificate" in english.accepted
    assert (english.reason, english.accepted) != (spanish.reason, spanish.accepted)


@needs_openssl
@pytest.mark.parametrize(("given_name", "other"), [NAMES, NAMES[::-1]])
def test_one_without_the_other_is_refused(given_name: str, other: str, good: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[web]\ncertificate = ""\ncertificate_key = ""\n')
    (problem,) = problems({given_name: str(good[0])}, tmp_path)
    assert (problem.path, other in problem.accepted) == (given_name, True)


def test_a_key_pasted_in_place_of_its_path_is_not_shown(tmp_path: Path, canaries: Canaries) -> None:
    pasted = f"-----BEGIN PRIVATE KEY-----\n{canaries.api_key}\n-----END PRIVATE KEY-----"
    found = problems({NAMES[0]: pasted, NAMES[1]: pasted * 100}, tmp_path)
    assert [problem.path for problem in found] == list(NAMES)
    assert canaries.found_in(repr(found)) == []
    assert "BEGIN" not in repr(found)


def test_a_value_that_is_no_path_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[web]\ncertificate = 5\ncertificate_key = "key.pem"\n')
    assert [problem.path for problem in problems({}, tmp_path)] == ["config.toml: web.certificate"]


def test_a_wrong_certificate_stops_every_command_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(f"{NAMES[0]}=a.pem\n{NAMES[1]}=b.pem\n")
    assert execute(["run"], "en") == 2
    shown = capsys.readouterr().err
    assert re.findall(r"\.env: (\w+): it cannot be read", shown) == list(NAMES)
    assert "Traceback" not in shown


# --- what the bot says at the start ---


def phone_line(language: Language, *, is_encrypted: bool, elsewhere: tuple[str, ...] = ()) -> str:
    """What a bot that listens beyond this machine says of phones."""
    banner = Banner(
        name="Martín",
        version="1",
        address="https://127.0.0.1:8080",
        folder="data",
        chosen="auto",
        statuses=[ModelStatus(name="offline", is_ready=True, detail="", is_remote=False)],
        is_loopback=False,
        is_encrypted=is_encrypted,
        elsewhere=elsewhere,
    )
    (line,) = [line for line in banner.lines(language) if line.startswith(("  Phone", "  Móvil"))]
    return line


def test_without_a_certificate_the_start_names_the_settings_that_phones_need() -> None:
    english, spanish = phone_line("en", is_encrypted=False), phone_line("es", is_encrypted=False)
    for line in (english, spanish):
        assert all(part in line for part in ("https", "web.certificate ", "web.certificate_key"))
    assert english != spanish


def test_with_one_the_start_says_where_phones_go() -> None:
    assert "https://192.0.2.7:8080" in phone_line("es", is_encrypted=True, elsewhere=("https://192.0.2.7:8080",))
    assert "https://127.0.0.1:8080" in phone_line("en", is_encrypted=True)
