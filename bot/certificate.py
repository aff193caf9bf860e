"""Makes the page's own certificate with the machine's `openssl` program, and knows the names of this machine at home."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import shutil
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bot.errors import CertificateError
from bot.locale import say
from bot.subprocesses import started

DAYS: Final = 825
"""The longest that Apple's devices accept of a certificate (support.apple.com/103769, read 2026-11-20)."""
_PEM: Final = "certificate.pem"
_KEY: Final = "key.pem"
_DEADLINE_S: Final = 60.0
_NEIGHBOURS: Final = ("192.0.2.1", "192.168.0.1", "10.0.0.1", "172.16.0.1")
"""Somewhere beyond this machine (RFC 5737), and in each private network (RFC 1918)."""
_NAME: Final = re.compile(r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9._-]{0,250}[A-Za-z0-9])?")
_REQUEST: Final = """\
[req]
prompt = no
distinguished_name = subject
x509_extensions = extensions
[subject]
CN = Martin
[extensions]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
subjectAltName = @names
[names]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A fresh certificate: its files, the names in it, and the SHA-256 fingerprint by which a browser shows it.

    `kept_aside` says whether an earlier one lies beside it, as `*.old`.
    """

    certificate: Path
    key: Path
    names: tuple[str, ...]
    fingerprint: str
    kept_aside: bool


def is_name(host: str) -> bool:
    """Whether a certificate can be made for this host name or address."""
    return _is_address(host) or _NAME.fullmatch(host) is not None


def lan_addresses() -> tuple[str, ...]:
    """This machine's IPv4 addresses as its neighbours see them. Sends nothing: UDP's `connect` only asks the routing table."""
    found = []
    for neighbour in _NEIGHBOURS:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((neighbour, 9))
            except OSError:  # no way there
                continue
            found.append(str(probe.getsockname()[0]))
    return tuple(dict.fromkeys(one for one in found if not ipaddress.ip_address(one).is_loopback))


def names_of_this_machine() -> tuple[str, ...]:
    """What a browser may call this machine: on itself, by its name, and by its addresses at home."""
    name = socket.gethostname().lower()
    named = (name, f"{name}.local") if is_name(name) and "." not in name else (name,) if is_name(name) else ()
    return tuple(dict.fromkeys(("localhost", *named, "127.0.0.1", "::1", *lan_addresses())))


async def make(folder: Path, names: Sequence[str], *, language: str) -> Made:
    """A self-signed certificate for `names` and its key in `folder`, both readable by this user alone.

    It can vouch for nothing but itself, so that whoever trusts it trusts this page only. Raises CertificateError, worded
    for the operator, when there is no `openssl` program or it fails; an earlier certificate is then as it was.
    """
    program = shutil.which("openssl")
    if program is None:
        raise CertificateError(
            say(
                language,
                "This needs the program openssl, and there is none. On Debian and Ubuntu: sudo apt-get install openssl. "
                "Elsewhere: https://openssl-library.org",
            )
        )
    try:
        with _workplace(folder, names) as fresh:
            await _run(program, fresh, language)
            return _put(fresh, folder, names)
    except OSError as error:
        raise CertificateError(
            say(language, "{folder} cannot be written: {cause}", folder=folder, cause=error.strerror or type(error).__name__)
        ) from error


@contextmanager
def _workplace(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """A folder inside `folder` with what OpenSSL is to make; gone at the end."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=".new-") as fresh:
        entries = [f"{'IP' if _is_address(name) else 'DNS'}.{number} = {name}\n" for number, name in enumerate(names, 1)]
        Path(fresh, "request").write_text(_REQUEST + "".join(entries))
        yield Path(fresh)


async def _run(program: str, fresh: Path, language: str) -> None:
    """Let OpenSSL (or LibreSSL) write both files. Raises CertificateError with its last line, which holds no secret."""
    arguments = (
        *("req", "-x509", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256"),
        *("-days", str(DAYS), "-config", str(fresh / "request"), "-keyout", str(fresh / _KEY), "-out", str(fresh / _PEM)),
    )
    async with started(program, *arguments) as process:
        try:
            async with asyncio.timeout(_DEADLINE_S):
                _, said = await process.communicate()
        except TimeoutError:
            said = b"no answer"
    if process.returncode != 0:
        last = (said.decode(errors="replace").strip().splitlines() or ["?"])[-1]
        raise CertificateError(say(language, "openssl could not make a certificate: {cause}", cause=last))


def _put(fresh: Path, folder: Path, names: Sequence[str]) -> Made:
    """Move both files from `fresh` into `folder`, mode 0600, and keep earlier ones aside."""
    digest = sha256(ssl.PEM_cert_to_DER_cert((fresh / _PEM).read_text())).hexdigest().upper()
    kept_aside = False
    for name in (_PEM, _KEY):
        (fresh / name).chmod(0o600)
        if (folder / name).exists():
            (folder / name).replace(folder / f"{name}.old")
            kept_aside = True
        (fresh / name).replace(folder / name)
    return Made(
        certificate=folder / _PEM,
        key=folder / _KEY,
        names=tuple(names),
        fingerprint=":".join(digest[place : place + 2] for place in range(0, len(digest), 2)),
        kept_aside=kept_aside,
    )


def _is_address(host: str) -> bool:
    try:
        return "%" not in host and bool(ipaddress.ip_address(host))
    except ValueError:
        return False
