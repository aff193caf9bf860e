"""Sixty ways to write the configuration wrongly: each is refused whole, in words, without a traceback and without a value."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.backends import price_of
from bot.config import Config, load_config, read_config
from bot.errors import ConfigError, Problem
from bot.setting_types import is_near
from bot.settings import every_setting, machine_zone
from tests.canaries import Canaries

GOOD_TOKEN = "a-token-of-sixteen-letters"


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A configuration with `paths` wrong in it; `says` must stand in what is reported."""

    name: str
    paths: tuple[str, ...]
    toml: str | bytes = ""
    env: dict[str, str] = field(default_factory=dict)
    dotenv: str | bytes = ""
    says: str = ""
    nearest: str = ""


def toml(name: str, path: str, text: str, says: str = "", nearest: str = "") -> Broken:
    """A file with one thing wrong."""
    return Broken(name=name, paths=(path,), toml=text, says=says, nearest=nearest)


def env(name: str, says: str = "", nearest: str = "", **values: str) -> Broken:
    """An environment with one thing wrong in its first name."""
    return Broken(name=name, paths=(next(iter(values)),), env=values, says=says, nearest=nearest)


BROKEN = (
    toml("unknown key", "config.toml: web.prot", "[web]\nprot = 1", "no setting", "web.port"),
    toml("unknown section", "config.toml: wep", "[wep]\nport = 1", "no setting", "web"),
    toml("unknown key at the top", "config.toml: datadir", 'datadir = "x"', "no setting", "data_dir"),
    toml(
        "unknown deep key", "config.toml: models.local.total", "[models.local]\ntotal = 3", "no setting", "models.local.total_s"
    ),
    toml("key in the wrong section", "config.toml: web.level", '[web]\nlevel = "info"', "no setting"),
    toml("value for a section", "config.toml: web", "web = 3", "section"),
    toml("list for a section", "config.toml: store", "store = [1]", "section"),
    toml("tables for a section", "config.toml: log", "[[log]]\nlevel = 'info'", "section"),
    toml("section for a value", "config.toml: web.port", "[web.port]\nx = 1", "number"),
    toml("word for a number", "config.toml: web.port", '[web]\nport = "eighty"', "a whole number from 0 to 65535"),
    toml("truth for a number", "config.toml: web.port", "[web]\nport = true", "number"),
    toml("half a port", "config.toml: web.port", "[web]\nport = 80.5", "number"),
    toml("port too high", "config.toml: web.port", "[web]\nport = 70000", "bounds"),
    toml("port below zero", "config.toml: web.port", "[web]\nport = -1", "bounds"),
    toml("endless number", "config.toml: models.temperature", "[models]\ntemperature = inf", "bounds"),
    toml("no number", "config.toml: models.temperature", "[models]\ntemperature = nan", "bounds"),
    toml("huge number", "config.toml: web.port", "[web]\nport = 1" + "0" * 300, "number"),
    toml("date for a number", "config.toml: store.backup_hour", "[store]\nbackup_hour = 2026-11-20"),
    toml("hour 24", "config.toml: store.backup_hour", "[store]\nbackup_hour = 24", "from 0 to 23"),
    toml("no backups", "config.toml: store.backup_keep", "[store]\nbackup_keep = 0", "bounds"),
    toml("keys kept too short", "config.toml: store.key_days", "[store]\nkey_days = 6", "from 7"),
    toml("impatient database", "config.toml: store.busy_timeout_s", "[store]\nbusy_timeout_s = 1", "bounds"),
    toml("unknown zone", "config.toml: store.timezone", '[store]\ntimezone = "Mars/Olympus"', "Europe/Madrid"),
    toml("zone outside the data", "config.toml: store.timezone", '[store]\ntimezone = "../../etc/passwd"', "time zone"),
    toml(
        "unknown provider",
        "config.toml: models.provider",
        '[models]\nprovider = "ofline"',
        "auto, ollama, mistral, openai, offline, scripted",
        "offline",
    ),
    toml(
        "mistral without key",
        "config.toml: models.provider",
        '[models]\nprovider = "mistral"',
        "MARTIN_MODELS__MISTRAL__API_KEY",
    ),
    toml("mistral without key in the chain", "config.toml: models.chain", '[models]\nchain = ["mistral"]', "needs a key"),
    Broken(
        name="temperature beyond Mistral's",
        paths=("config.toml: models.temperature",),
        toml='[models]\nprovider = "mistral"\ntemperature = 1.8',
        env={"MISTRAL_API_KEY": "k"},
        says="at most 1.5",
    ),
    env("money without prices", "never be reached", MARTIN_LIMITS__MONEY_PER_DAY="0.5"),
    toml("money of all without prices", "config.toml: limits.money_per_day_all", "[limits]\nmoney_per_day_all = 2", "prices"),
    toml("openai without address", "config.toml: models.chain", '[models]\nchain = ["ollama", "openai"]', "server's address"),
    toml(
        "text in the clear over the internet",
        "config.toml: models.ollama.host",
        '[models]\nprovider = "ollama"\n[models.ollama]\nhost = "http://ollama.example.com"',
        "https://",
    ),
    toml("address of another kind", "config.toml: models.openai.base_url", '[models.openai]\nbase_url = "ftp://x"', "address"),
    toml(
        "address with a password",
        "config.toml: models.openai.base_url",
        '[models.openai]\nbase_url = "http://a:b@c"',
        "address",
    ),
    toml("address with a port of letters", "config.toml: models.ollama.host", '[models.ollama]\nhost = "x:port"', "address"),
    toml("model with a space", "config.toml: models.ollama.model", '[models.ollama]\nmodel = "a b"', "model's name"),
    toml("half a digest", "config.toml: models.ollama.digest", '[models.ollama]\ndigest = "abc"', "hexadecimal"),
    toml("price without an answer's", "config.toml: models.prices", '[models]\nprices = ["mistral/*=1"]', "MODEL=IN/OUT"),
    toml("price below nothing", "config.toml: models.prices", '[models]\nprices = ["x=-1/1"]', "MODEL=IN/OUT"),
    toml("currency spelt out", "config.toml: models.currency", '[models]\ncurrency = "euro"', "three-letter"),
    toml("key in the file", "config.toml: models.mistral.api_key", '[models.mistral]\napi_key = "k"', "environment"),
    toml("token in the file", "config.toml: telegram.token", '[telegram]\ntoken = "x"', "environment"),
    toml("unknown way in", "config.toml: telegram.mode", '[telegram]\nmode = "push"', "polling, webhook"),
    toml("gateway over http", "config.toml: discord.gateway", '[discord]\ngateway = "http://x"', "wss://"),
    toml("gateway of nothing", "config.toml: discord.gateway", '[discord]\ngateway = "wss://"', "wss://"),
    toml("name on a list", "config.toml: access.allow", '[access]\nallow = ["ana"]', "telegram:1234"),
    toml("platform unheard of", "config.toml: access.block", '[access]\nblock = ["irc:5"]', "telegram:1234"),
    toml("prefix of two words", "config.toml: groups.prefix", '[groups]\nprefix = "hey you"', "without spaces"),
    toml("prefix of a command", "config.toml: groups.prefix", '[groups]\nprefix = "/m"', "begin with"),
    toml("number for a chain", "config.toml: models.chain", "[models]\nchain = 3", "list"),
    toml("unknown language", "config.toml: language.default", '[language]\ndefault = "fr"', "es, en"),
    toml("unknown level", "config.toml: log.level", '[log]\nlevel = "verbose"', "debug, info, warning, error"),
    toml("level in capitals", "config.toml: log.level", '[log]\nlevel = "INFO"', "accepted words"),
    toml("unknown format", "config.toml: log.format", '[log]\nformat = "jason"', "accepted", "json"),
    toml("maybe", "config.toml: log.text", '[log]\ntext = "maybe"', "neither true nor false"),
    toml("name for an admin", "config.toml: admins.telegram", '[admins]\ntelegram = ["ana"]', "whole numbers"),
    toml("negative admin", "config.toml: admins.telegram", "[admins]\ntelegram = [-5]", "bounds"),
    toml("admin without list", "config.toml: admins.discord", "[admins]\ndiscord = 5", "list"),
    toml("empty name", "config.toml: bot.name", '[bot]\nname = ""', "too short"),
    toml("endless name", "config.toml: bot.name", f'[bot]\nname = "{"x" * 41}"', "at most 40"),
    toml("country spelt out", "config.toml: privacy.crisis_country", '[privacy]\ncrisis_country = "Spain"', "two-letter"),
    toml("host with a path", "config.toml: web.host", '[web]\nhost = "127.0.0.1/x"', "host name"),
    toml("host with a port", "config.toml: web.host", '[web]\nhost = "localhost:80"', "without port"),
    toml("open to all without token", "config.toml: web.host", '[web]\nhost = "0.0.0.0"', "without an access token"),
    toml("open on IPv6 without token", "config.toml: web.host", '[web]\nhost = "::"', "MARTIN_WEB__ACCESS_TOKEN"),
    toml("secret in the file", "config.toml: web.access_token", f'[web]\naccess_token = "{GOOD_TOKEN}"', "environment"),
    toml("not TOML", "config.toml", "[web]\nport = = 1", "line 2"),
    toml("unfinished text", "config.toml", '[web]\nhost = "x', "line 2"),
    toml("a key twice", "config.toml", "[web]\nport = 1\nport = 2", "line 3"),
    toml("too deep", "config.toml", "x = " + "[" * 50_000, "TOML"),
    Broken(name="not text", paths=("config.toml",), toml=b"\xff\xfe\x00[web]", says="UTF-8"),
    Broken(name="too large", paths=("config.toml",), toml=b"#" * 1_100_000, says="1 MiB"),
    env("mistyped name", "no setting", "MARTIN_WEB__PORT", MARTIN_WEB__PROT="1"),
    env("one underscore", "no setting", "MARTIN_WEB__PORT", MARTIN_WEB_PORT="1"),
    env("only the prefix", "no setting", MARTIN_="1"),
    env("whole section as JSON", "no setting", MARTIN_WEB='{"port": 1}'),
    env("platform's token of two words", "plain", MARTIN_TELEGRAM__TOKEN="123456:abc def"),
    env("secret in the wrong section", "no setting", "MARTIN_MODELS__MISTRAL__API_KEY", MARTIN_MISTRAL__API_KEY="abc"),
    env("provider without its address", "MARTIN_MODELS__OPENAI__BASE_URL", MARTIN_MODELS__PROVIDER="openai"),
    env("key of two words", "plain", MISTRAL_API_KEY="two words"),
    env("somebody's host", "address", OLLAMA_HOST="ftp://x"),
    env("hosting platform's port", "number", PORT="tcp://1.2.3.4"),
    env("short token", "at least 16", MARTIN_WEB__ACCESS_TOKEN="short"),
    env("token with a space", "at least 16", MARTIN_WEB__ADMIN_TOKEN="two words and more"),
    env("token in letters that headers cannot carry", "plain", MARTIN_WEB__ADMIN_TOKEN="contraseña-muy-larga"),
    Broken(
        name="one token for both",
        paths=("MARTIN_WEB__ADMIN_TOKEN",),
        env={"MARTIN_WEB__ADMIN_TOKEN": GOOD_TOKEN, "MARTIN_WEB__ACCESS_TOKEN": GOOD_TOKEN},
        says="must not be the access token",
    ),
    env("admins as words", "whole numbers", MARTIN_ADMINS__TELEGRAM="12, ana"),
    env("data in the void", "folder", MARTIN_DATA_DIR="/dev/null"),
    env("data under an endless name", "folder", MARTIN_DATA_DIR="x" * 5000),
    env("data of nobody", "folder", MARTIN_DATA_DIR="~nobody-of-this-name/data"),
    Broken(name="no equals sign", paths=(".env",), dotenv="A=1\nMARTIN_WEB__PORT 80\n", says="line 2"),
    Broken(name="mistyped in .env", paths=(".env: MARTIN_WEB__HSOT",), dotenv="MARTIN_WEB__HSOT=x", nearest="MARTIN_WEB__HOST"),
    Broken(name="wrong in .env", paths=(".env: MARTIN_WEB__PORT",), dotenv="MARTIN_WEB__PORT=x", says="number"),
    Broken(name=".env not text", paths=(".env",), dotenv=b"\xff\xff", says="UTF-8"),
    Broken(
        name="everything at once",
        paths=(
            "MARTIN_WEB__PROT",
            ".env: MARTIN_LOG__LEVEL",
            "config.toml: models.provider",
            "config.toml: store.backup_hour",
            "config.toml: nonsense",
            "MARTIN_WEB__HOST",
        ),
        toml='nonsense = 1\n[models]\nprovider = "gpt"\n[store]\nbackup_hour = 99\n',
        env={"MARTIN_WEB__PROT": "1", "MARTIN_WEB__HOST": "0.0.0.0"},
        dotenv="MARTIN_LOG__LEVEL=loud\n",
    ),
)


def place(folder: Path, case: Broken) -> None:
    """Write the case's files."""
    for name, content in (("config.toml", case.toml), (".env", case.dotenv)):
        if content:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def problems(folder: Path, environ: dict[str, str], language: str = "en") -> tuple[Problem, ...]:
    """What is wrong."""
    with pytest.raises(ConfigError) as caught:
        load_config(environ=environ, folder=folder, language=language)
    return caught.value.problems


def test_there_are_at_least_sixty_ways() -> None:
    assert len({case.name for case in BROKEN}) == len(BROKEN) >= 60


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.name)
def test_every_broken_configuration_is_refused_with_all_its_errors(case: Broken, tmp_path: Path) -> None:
    place(tmp_path, case)
    found = problems(tmp_path, case.env)
    assert sorted(problem.path.removeprefix(f"{tmp_path}/") for problem in found) == sorted(case.paths)
    told = " ".join(f"{problem.reason} {problem.accepted}" for problem in found)
    assert case.says in told
    assert case.nearest in [problem.nearest for problem in found] if case.nearest else True
    assert all(problem.reason for problem in found)


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.name)
def test_problems_are_told_in_spanish_too(case: Broken, tmp_path: Path) -> None:
    place(tmp_path, case)
    english, spanish = problems(tmp_path, case.env), problems(tmp_path, case.env, language="es")
    assert [problem.path for problem in english] == [problem.path for problem in spanish]
    assert all(one.reason != other.reason for one, other in zip(english, spanish, strict=True))


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "none.toml", environ={}, folder=tmp_path)
    assert caught.value.problems[0].path.endswith("none.toml")


def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    assert "directory" in problems(tmp_path, {})[0].reason


def test_no_value_of_a_wrong_setting_is_shown(tmp_path: Path, canaries: Canaries) -> None:
    secret, glued = canaries.api_key, canaries.access_token
    (tmp_path / "config.toml").write_text(
        f'[web]\nadmin_token = "{canaries.telegram}"\nport = "{secret}"\n[log]\nlevel = "{secret}"\nformat = "x{secret}'
    )
    (tmp_path / ".env").write_text(f"MARTIN_WEB__ADMIN_TOKEN {glued}\nMARTIN_WEB__ADMIN_TOKEN:{glued}\n{secret}\n")
    found = problems(
        tmp_path,
        {
            "MARTIN_MODELS__PROVIDER": secret,
            "MARTIN_ADMINS__TELEGRAM": canaries.telegram,
            "MARTIN_WEB__ACCESS_TOKEN": canaries.discord[:15],
            f"MARTIN_WEB__ADMIN_TOKEN{glued}": "",
            "MARTIN_STORE__TIMEZONE": secret,
        },
    )
    assert len(found) >= 7
    assert canaries.found_in(repr(found), str(ConfigError(found))) == []


def test_a_good_secret_is_never_shown(tmp_path: Path, canaries: Canaries) -> None:
    loaded = read_config(
        environ={"MARTIN_WEB__ACCESS_TOKEN": canaries.access_token, "MARTIN_WEB__ADMIN_TOKEN": canaries.admin_token},
        folder=tmp_path,
    )
    shown = (repr(loaded), str(loaded.config), loaded.config.model_dump_json(), repr(loaded.config.web))
    assert canaries.found_in(*shown) == []
    assert loaded.config.secrets == (canaries.access_token, canaries.admin_token)


def test_the_environment_beats_dotenv_which_beats_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('data_dir = "a"\n[web]\nport = 1\n[core]\nhistory = 1\n[limits]\nqueue_all = 1\n')
    (tmp_path / ".env").write_text("MARTIN_WEB__PORT=2\nMARTIN_CORE__HISTORY='2'\nOTHER=$x\n")
    environ = {"martin_web__port": "3", "PORT": "4", "MARTIN_LOG__LEVEL": "", "MARTIN_ADMINS__TELEGRAM": "[12, 34]"}
    loaded = read_config(environ=environ, folder=tmp_path, data_dir=tmp_path)
    assert (loaded.config.web.port, loaded.config.core.history, loaded.config.limits.queue_all) == (3, 2, 1)
    assert loaded.config.data_dir == tmp_path
    assert loaded.config.admins.telegram == (12, 34)
    assert loaded.config.log.level == "info"
    assert loaded.sources["web", "port"] == "MARTIN_WEB__PORT"
    assert loaded.sources["core", "history"] == ".env: MARTIN_CORE__HISTORY"
    assert loaded.sources["limits", "queue_all"] == "config.toml: limits.queue_all"
    assert ("log", "level") not in loaded.sources


def test_the_platforms_port_is_honoured(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[web]\nport = 1\n")
    assert load_config(environ={"PORT": "5000"}, folder=tmp_path).web.port == 5000


def test_an_access_token_opens_the_page_beyond_this_machine(tmp_path: Path) -> None:
    environ = {"MARTIN_WEB__HOST": "0.0.0.0", "MARTIN_WEB__ACCESS_TOKEN": GOOD_TOKEN}
    web = load_config(environ=environ, folder=tmp_path).web
    assert not web.is_loopback
    for host in ("127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "LOCALHOST"):
        assert load_config(environ={"MARTIN_WEB__HOST": host}, folder=tmp_path).web.is_loopback


def test_offline_always_comes_last_and_nothing_twice(tmp_path: Path) -> None:
    def providers(**environ: str) -> tuple[str, ...]:
        return load_config(environ=environ, folder=tmp_path).providers

    assert providers() == ("ollama", "openai", "offline")
    assert providers(MARTIN_MODELS__PROVIDER="offline") == ("offline",)
    assert providers(MARTIN_MODELS__CHAIN="mistral,auto", MISTRAL_API_KEY="k") == ("mistral", "ollama", "openai", "offline")
    assert providers(MARTIN_MODELS__PROVIDER="scripted") == ("scripted", "offline")
    assert providers(MARTIN_MODELS__CHAIN="offline,scripted,scripted") == ("scripted", "offline")


def test_names_that_others_gave_to_our_settings_are_honoured_and_ours_win(tmp_path: Path) -> None:
    environ = {"OLLAMA_HOST": "0.0.0.0:9", "MISTRAL_API_KEY": "a-key-of-mistral"}
    models = load_config(environ=environ, folder=tmp_path).models
    assert models.ollama.host == "http://127.0.0.1:9"
    assert models.mistral.api_key is not None
    assert models.mistral.api_key.get_secret_value() == "a-key-of-mistral"
    shutil.copy("config.toml", tmp_path)
    assert load_config(environ=environ, folder=tmp_path).models.ollama.host == "http://127.0.0.1:9", "a default says nothing"
    (tmp_path / "config.toml").write_text('[models.ollama]\nhost = "http://file.lan:2"\n')
    assert load_config(environ=environ, folder=tmp_path).models.ollama.host == "http://file.lan:2"
    (tmp_path / ".env").write_text("MARTIN_MODELS__OLLAMA__HOST=http://dotenv.lan:3\nMISTRAL_API_KEY=another-key\n")
    config = load_config(environ=environ, folder=tmp_path)
    assert config.models.ollama.host == "http://dotenv.lan:3"
    assert config.secrets == ("a-key-of-mistral",), "the environment beats .env"
    ours = {**environ, "MARTIN_MODELS__OLLAMA__HOST": "http://box.lan:1/", "MARTIN_MODELS__MISTRAL__API_KEY": "ours-of-mistral"}
    config = load_config(environ=ours, folder=tmp_path)
    assert config.models.ollama.host == "http://box.lan:1"
    assert config.secrets == ("ours-of-mistral",)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("127.0.0.1", "http://127.0.0.1:11434"),
        (":8", "http://127.0.0.1:8"),
        ("http://[::]:5", "http://[::1]:5"),
        ("https://ollama.example.com/", "https://ollama.example.com"),
        ("box", "http://box:11434"),
        ("::1", "http://[::1]:11434"),
        ('"127.0.0.1"', "http://127.0.0.1:11434"),
    ],
)
def test_an_ollama_host_is_read_as_ollamas_own_client_reads_it(given: str, meant: str, tmp_path: Path) -> None:
    assert load_config(environ={"OLLAMA_HOST": given}, folder=tmp_path).models.ollama.host == meant


@pytest.mark.parametrize(
    "host", ["localhost", "127.9.9.9", "::1", "10.1.2.3", "172.31.0.1", "192.168.1.5", "fd00::1", "fe80::1%eth0",
             "ollama", "box.local", "nas.lan", "host.docker.internal", "::ffff:10.0.0.1", "a.localhost", "LOCALHOST."],
)  # fmt: skip
def test_this_machine_and_its_private_network_are_near(host: str) -> None:
    assert is_near(host)


@pytest.mark.parametrize(
    "host", ["ollama.com", "8.8.8.8", "172.32.0.1", "100.64.0.1", "2606:4700::1", "::ffff:8.8.8.8", "192.0.2.1", "203.0.113.5",
             "local.example.com", "134744072", "169.254.169.254", "0x08080808", "8", "0.0.0.1", "evil.lan.example"],
)  # fmt: skip
def test_everything_else_is_far(host: str) -> None:
    assert not is_near(host)


def test_a_price_names_what_a_million_tokens_cost(tmp_path: Path) -> None:
    environ = {"MARTIN_MODELS__PRICES": "mistral/*=0.10/0.30, openai/big = 2/8"}
    price = price_of(load_config(environ=environ, folder=tmp_path).models.prices)
    assert price("mistral/mistral-small-latest", 1_000_000, 0) == 100_000
    assert price("mistral/mistral-small-latest", 0, 1_000_000) == 300_000
    assert price("openai/big", 500, 100) == 1_800
    assert price("ollama/qwen3:4b", 10**6, 10**6) == 0


def test_the_zone_is_the_one_named_else_the_machines(tmp_path: Path) -> None:
    named = load_config(environ={"MARTIN_STORE__TIMEZONE": "Atlantic/Canary"}, folder=tmp_path)
    assert named.zone == ZoneInfo("Atlantic/Canary")
    assert Config().zone == machine_zone()


def test_the_configuration_is_frozen() -> None:
    with pytest.raises(ValidationError):
        Config().web.port = 1


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xef\xbb\xbf# nothing\n")
    assert load_config(environ={}, folder=tmp_path) == Config()


def test_every_setting_says_what_it_is_for_in_both_languages() -> None:
    for path, setting in every_setting():
        extra = setting.json_schema_extra
        assert isinstance(extra, dict)
        assert setting.description and extra["es"] and setting.description != extra["es"], path


@given(content=st.binary(max_size=300) | st.text(alphabet="[]=\"'\n.# ab1{}", max_size=60).map(str.encode))
def test_whatever_stands_in_the_file_nothing_but_a_config_error_comes_out(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    folder.mkdir(exist_ok=True)
    for name in ("config.toml", ".env"):
        (folder / name).write_bytes(content)
    try:
        load_config(environ={}, folder=folder)
    except ConfigError as error:
        assert error.problems
