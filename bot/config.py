"""`config.toml`, `.env` and environment become one frozen `Config`, or one `ConfigError` with everything wrong with them.

Precedence: what the caller gives, environment, `.env`, `config.toml`, defaults. pydantic-settings merges the layers;
reading them is ours: its own sources stop at the first unreadable value and ignore names they do not know (docs/design.md).
"""

from __future__ import annotations

import io
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dotenv.parser import parse_stream
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from bot.errors import ConfigError, Problem
from bot.locale import say
from bot.model_settings import ModelSettings
from bot.setting_problems import (
    ALIASES,
    BY_NAME,
    CERTIFICATE,
    CERTIFICATE_KEY,
    KNOWN,
    PLATFORM,
    PREFIX,
    PathOf,
    certificate_problems,
    environment_name,
    explain,
    lonely_certificate,
    model_problems,
    unknown_name,
)
from bot.setting_types import is_loopback
from bot.settings import Config, is_secret

__all__ = ["Config", "Loaded", "load_config", "read_config"]

_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A configuration and where each setting that is not a default came from, for `doctor`."""

    config: Config
    sources: Mapping[PathOf, str]


@dataclass(slots=True, kw_only=True)
class _Layer:
    """One place that settings come from: nested values, and how each one is called there."""

    values: dict[str, Any] = field(default_factory=dict)
    names: dict[PathOf, str] = field(default_factory=dict)

    def put(self, path: PathOf, name: str, value: object) -> None:
        """Add a setting whose path is known."""
        section = self.values
        for key in path[:-1]:
            section = section.setdefault(key, {})
        section[path[-1]] = value
        self.names[path] = name


class _Source(PydanticBaseSettingsSource):
    """A layer in the shape that pydantic-settings merges."""

    def __init__(self, settings: type[BaseSettings], values: dict[str, Any]) -> None:
        super().__init__(settings)
        self._values = values

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """One top-level value, as the base class asks."""
        return self._values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """All values."""
        return self._values


def load_config(
    file: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path = Path(),
    data_dir: Path | None = None,
    language: str = "en",
) -> Config:
    """The configuration of this process. Raises ConfigError with every problem found; see `read_config`."""
    return read_config(file, environ=environ, folder=folder, data_dir=data_dir, language=language).config


def read_config(
    file: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path = Path(),
    data_dir: Path | None = None,
    language: str = "en",
    reads_certificate: bool = True,
) -> Loaded:
    """The configuration and its sources.

    `file` must exist when given; else `config.toml` in `folder` is read if there is one, and `.env` in
    `folder` always. `environ` is the process's own by default. `language` words the problems. Without
    `reads_certificate` the page's certificate may be missing or wrong, for the command that makes it. Raises ConfigError;
    no problem ever shows a value.
    """
    problems: list[Problem] = []
    environment = os.environ if environ is None else environ
    given = _Layer()
    if data_dir is not None:
        given.put(("data_dir",), "--data-dir", data_dir)
    dotenv = _read_dotenv(folder / ".env", problems, language)
    layers = (
        given,
        _from_names(environment, "", problems, language),
        _from_names(dotenv, ".env: ", problems, language),
        _from_toml(file or folder / "config.toml", problems, language, is_required=file is not None),
        _from_aliases(environment, ""),
        _from_aliases(dotenv, ".env: "),
    )
    names = {path: name for layer in reversed(layers) for path, name in layer.names.items()}
    try:
        config = Config(_build_sources=(tuple(_Source(Config, layer.values) for layer in layers), {}))  # type: ignore[call-arg]
    except ValidationError as error:
        shown = file or Path("config.toml")
        problems.extend(explain(detail, names, shown, language) for detail in error.errors(include_url=False))
        config = None
    wrong = {problem.path for problem in problems}
    problems.extend(_check_together(layers, names, wrong, language, reads_certificate=reads_certificate))
    if config is None or problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    return Loaded(config=config, sources=names)


def _from_names(values: Mapping[str, str], where: str, problems: list[Problem], language: str) -> _Layer:
    """The layer that `MARTIN_…` names make. An empty value counts as not given."""
    layer = _Layer()
    for alias, path in PLATFORM.items() if not where else ():
        if value := values.get(alias, "").strip():
            layer.put(path, alias, value)
    for name, value in values.items():
        known = BY_NAME.get(name.upper())
        if known is not None and value.strip():
            layer.put(known, where + environment_name(known), value.strip())
        elif known is None and name.upper().startswith(PREFIX):
            problems.append(unknown_name(name, where, language))
    return layer


def _from_aliases(values: Mapping[str, str], where: str) -> _Layer:
    """The layer of names that others gave to settings of ours: below everything that names ours."""
    layer = _Layer()
    for alias, path in ALIASES.items():
        if value := values.get(alias, "").strip():
            layer.put(path, where + alias, value)
    return layer


def _read_dotenv(file: Path, problems: list[Problem], language: str) -> dict[str, str]:
    text = _read_text(file, problems, language, is_required=False)
    found: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text or "")):
        if binding.error or (binding.key is not None and binding.value is None and binding.key.upper().startswith(PREFIX)):
            reason = say(language, "line {line} is not NAME=value", line=binding.original.line)
            problems.append(Problem(path=file.name, reason=reason, accepted="MARTIN_WEB__PORT=8080"))
        elif binding.key is not None and binding.value is not None:
            found[binding.key] = binding.value
    return found


def _from_toml(file: Path, problems: list[Problem], language: str, *, is_required: bool) -> _Layer:
    layer = _Layer()
    text = _read_text(file, problems, language, is_required=is_required)
    if text is None:
        return layer
    try:
        layer.values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        line = found.group(1) if found else str(len(text.splitlines()))
        reason = say(language, "line {line} is not TOML", line=line)
        problems.append(Problem(path=file.name, reason=reason, accepted=say(language, "lines such as `port = 8080`")))
    except (RecursionError, ValueError):
        problems.append(Problem(path=file.name, reason=say(language, "it cannot be read as TOML")))
    for path in _leaves(layer.values):
        layer.names[path] = f"{file.name}: {'.'.join(path)}"
        problem = _misplaced(path, layer.names[path], language)
        if problem is not None:
            problems.append(problem)
        if problem is not None or _says_nothing(path, layer.values):
            _take(layer.values, path)
            del layer.names[path]
    return layer


def _says_nothing(path: PathOf, values: Mapping[str, Any]) -> bool:
    """Whether the file only repeats a default, as the one that we deliver does: then a name that others gave counts."""
    if path not in ALIASES.values():
        return False
    for key in path:
        values = values[key]
    return bool(values == KNOWN[path].default)


def _misplaced(path: PathOf, name: str, language: str) -> Problem | None:
    """What is wrong with a value standing at this place of the file, whatever the value is."""
    if path in KNOWN and is_secret(KNOWN[path]):
        reason = say(language, "a secret does not belong into this file")
        accepted = say(language, "{name} in the environment or in `.env`", name=environment_name(path))
        return Problem(path=name, reason=reason, accepted=accepted)
    if path not in KNOWN and any(known[: len(path)] == path for known in KNOWN):
        return Problem(path=name, reason=say(language, "this is a section, not a value"), accepted=f"[{'.'.join(path)}]")
    return None


def _read_text(file: Path, problems: list[Problem], language: str, *, is_required: bool) -> str | None:
    """The file's text; None with a problem when it cannot be read, without one when it may be absent and is."""
    try:
        if not file.exists() and not is_required:
            return None
        with file.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
        if len(content) <= _MAX_BYTES:
            return content.decode("utf-8-sig")
        reason = say(language, "it is larger than 1 MiB")
    except UnicodeDecodeError:
        reason = say(language, "it is not UTF-8 text")
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else say(language, "not a usable file name")
        reason = say(language, "it cannot be read ({cause})", cause=cause)
    problems.append(Problem(path=str(file), reason=reason, accepted=say(language, "a readable UTF-8 file")))
    return None


def _leaves(values: Mapping[str, Any], prefix: PathOf = ()) -> Iterator[PathOf]:
    for key, value in list(values.items()):
        if isinstance(value, dict) and (*prefix, key) not in KNOWN:
            yield from _leaves(value, (*prefix, key))
        else:
            yield (*prefix, key)


def _take(values: dict[str, Any], path: PathOf) -> None:
    for key in path[:-1]:
        values = values[key]
    del values[path[-1]]


def _check_together(
    layers: Sequence[_Layer], names: Mapping[PathOf, str], wrong: set[str], language: str, *, reads_certificate: bool
) -> Iterator[Problem]:
    """What settings owe each other, told also when others are wrong; silent about those that are wrong themselves."""

    def given(*path: str) -> str:
        """The value in force, empty when it is the default or already told to be wrong."""
        name = names.get(path, "")
        values: Any = next((layer.values for layer in layers if path in layer.names), {})
        for key in path:
            values = values.get(key, {})
        return "" if name in wrong or not name else str(values)

    access, admin, host = given("web", "access_token"), given("web", "admin_token"), given("web", "host")
    if host and not is_loopback(host.strip("[]")) and ("web", "access_token") not in names:
        reason = say(language, "the page would listen beyond this machine without an access token")
        accepted = say(
            language, "127.0.0.1, or {name} of at least 16 characters", name=environment_name(("web", "access_token"))
        )
        yield Problem(path=names["web", "host"], reason=reason, accepted=accepted)
    if access and access == admin:
        reason = say(language, "the admin token must not be the access token")
        yield Problem(path=names["web", "admin_token"], reason=reason, accepted=say(language, "two different secrets"))
    if (folder := given("data_dir")) and not _can_be_folder(folder):
        reason = say(language, "this is not a folder and cannot become one")
        yield Problem(path=names["data_dir",], reason=reason, accepted=say(language, "a folder"))
    with suppress(ValidationError):  # told already
        models = ModelSettings.model_validate(_section(layers, "models"))
        yield from model_problems(models, names, language)
        for name in ("money_per_day", "money_per_day_all"):
            if not models.prices and given("limits", name) not in ("", "0", "0.0"):
                reason = say(language, "without prices nothing costs anything, and this limit would never be reached")
                accepted = say(language, "models.prices as well, such as `mistral/*=0.10/0.30`")
                yield Problem(path=names["limits", name], reason=reason, accepted=accepted)
    certificate, key = given(*CERTIFICATE).strip(), given(*CERTIFICATE_KEY).strip()
    if not reads_certificate:
        return
    if certificate and key:
        yield from certificate_problems(Path(certificate).expanduser(), Path(key).expanduser(), names, language)
    elif certificate or key:
        path, other = (CERTIFICATE, CERTIFICATE_KEY) if certificate else (CERTIFICATE_KEY, CERTIFICATE)
        if names.get(other) not in wrong:
            yield lonely_certificate(path, names, language)


def _section(layers: Sequence[_Layer], name: str) -> dict[str, Any]:
    """One section as all layers make it, the first layer that has a value winning."""
    merged = _Layer()
    for path in dict.fromkeys(path for layer in layers for path in layer.names if path[0] == name):
        values: Any = next(layer.values for layer in layers if path in layer.names)
        for key in path:
            values = values[key]
        merged.put(path, "", values)
    found: dict[str, Any] = merged.values.get(name, {})
    return found


def _can_be_folder(name: str) -> bool:
    try:
        path = Path(name).expanduser()
        return path.is_dir() or not path.exists()
    except (OSError, ValueError, RuntimeError):
        return False
