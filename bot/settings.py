"""Every setting of Martín: its type, default, bounds, unit and reason, in the one place that documents are checked against."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.channel_settings import AccessSettings, DiscordSettings, GroupSettings, TelegramSettings
from bot.learning_settings import LearningSettings
from bot.memory_settings import MemorySettings
from bot.model_settings import ModelSettings
from bot.setting_types import (
    Accepts,
    AdminIds,
    Country,
    Flag,
    Folder,
    Host,
    Hosts,
    PemFile,
    Real,
    Section,
    ShortText,
    Token,
    Whole,
    Zone,
    is_loopback,
    setting,
)

MIN_SECRET = 8
"""A shorter key (local servers take `x` or `none`) guards nothing, and hiding it would blot out half of every log line."""
AUTO = ("ollama", "openai")
"""What `auto` looks for, besides `offline`: never anything beyond this machine and its private network."""


class BotSettings(Section):
    """Who the bot says it is."""

    name: ShortText = setting("Martín", "The name the bot uses for itself.", "El nombre con el que el bot se presenta.")


class WebSettings(Section):
    """The page and its JSON surface."""

    host: Host = setting(
        "127.0.0.1",
        "Where the page listens. Anything beyond this machine (`0.0.0.0`) demands `MARTIN_WEB__ACCESS_TOKEN`.",
        "Dónde escucha la página. Más allá de esta máquina (`0.0.0.0`) hace falta `MARTIN_WEB__ACCESS_TOKEN`.",
    )
    port: Whole = setting(
        8080,
        "Its port; 0 takes any free one. `PORT` in the environment is honoured too, as hosting platforms set it.",
        "Su puerto; 0 toma uno libre. También vale `PORT` en el entorno, como lo ponen las plataformas.",
        ge=0,
        le=65535,
    )
    allowed_hosts: Hosts = setting(
        (),
        "Further names of this machine (behind a proxy, in a home network); a request with any other `Host` is refused.",
        "Otros nombres de esta máquina (tras un proxy, en casa); una petición con otro `Host` se rechaza.",
    )
    access_token: Token = setting(
        None,
        "Secret. Who may open the page when it listens beyond this machine.",
        "Secreto. Quién puede abrir la página cuando escucha más allá de esta máquina.",
    )
    admin_token: Token = setting(
        None, "Secret. Whoever signs in with it on the page is an admin.", "Secreto. Quien entra con él en la página es admin."
    )

    certificate: PemFile = setting(
        None,
        "With `web.certificate_key`: the page is served over https. `python -m bot certificate` makes both. Browsers on other "
        "devices sign in over https only. Relative to where the bot is started.",
        "Con `web.certificate_key`: la página se sirve por https. `python -m bot certificate` hace los dos. Los navegadores de "
        "otros dispositivos solo inician sesión por https. Relativo a donde se arranca el bot.",
    )
    certificate_key: PemFile = setting(
        None,
        "The certificate's private key, without passphrase. A new certificate counts from the next start.",
        "La clave privada del certificado, sin contraseña. Un certificado nuevo vale desde el próximo arranque.",
    )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the page."""
        return is_loopback(self.host)

    @property
    def tls(self) -> tuple[Path, Path] | None:
        """The certificate and its key, None where the page is served over plain http."""
        return (self.certificate, self.certificate_key) if self.certificate and self.certificate_key else None


class AdminSettings(Section):
    """Admins are numeric platform ids, never names (R-55)."""

    telegram: AdminIds = setting((), "Numeric Telegram ids of the admins.", "Ids numéricos de Telegram de quienes administran.")
    discord: AdminIds = setting((), "Numeric Discord ids of the admins.", "Ids numéricos de Discord de quienes administran.")


class StoreSettings(Section):
    """The database and its copies."""

    retention_days: Whole = setting(
        0,
        "Conversations older than this are erased every night; 0 keeps them.",
        "Las conversaciones más viejas se borran cada noche; 0 las conserva.",
        unit="days",
        ge=0,
        le=36_500,
    )
    key_days: Whole = setting(
        7,
        "How long the keys of handled messages stay, so that a repeated one is not answered twice.",
        "Cuánto se guardan las claves de mensajes atendidos, para no responder dos veces a uno repetido.",
        unit="days",
        ge=7,
        le=3650,
    )
    backup_keep: Whole = setting(
        7,
        "Nightly backups kept. What a person erased is gone from the last of them after as many nights.",
        "Copias nocturnas que se guardan. Lo que alguien borró desaparece de la última tras otras tantas noches.",
        unit="backups",
        ge=1,
        le=3650,
    )
    backup_hour: Whole = setting(
        3,
        "Local hour from which the nightly backup is made.",
        "Hora local a partir de la que se hace la copia nocturna.",
        unit="h",
        ge=0,
        le=23,
    )
    timezone: Zone = setting(
        "",
        "Whose local time it is, such as `Europe/Madrid`; empty is this machine's, else UTC.",
        "La hora local de dónde, como `Europe/Madrid`; vacío es la de esta máquina y, si no, UTC.",
    )
    busy_timeout_s: Real = setting(
        5.0,
        "How long to wait for a database that another program has locked.",
        "Cuánto se espera a una base de datos bloqueada por otro programa.",
        unit="s",
        ge=5,
        le=600,
    )


class LimitSettings(Section):
    """What one person, and all together, may use; counted per UTC day.

    When tokens or money are used up the offline answerer goes on; when messages are, they are refused in words.
    """

    messages_per_day: Whole = setting(
        0, "Messages per person and day; 0 is no limit.", "Mensajes por persona y día; 0 es sin límite.", ge=0, le=10**9
    )
    tokens_per_day: Whole = setting(
        0,
        "Tokens per person and day; 0 is no limit.",
        "Tokens por persona y día; 0 es sin límite.",
        unit="tokens",
        ge=0,
        le=10**12,
    )
    tokens_per_day_all: Whole = setting(
        0,
        "Tokens per day for everyone together; 0 is no limit.",
        "Tokens por día entre todas las personas; 0 es sin límite.",
        unit="tokens",
        ge=0,
        le=10**12,
    )
    money_per_day: Real = setting(
        0.0,
        "Money per person and day, in `models.currency`; 0 is no limit.",
        "Dinero por persona y día, en `models.currency`; 0 es sin límite.",
        ge=0,
        le=1e9,
    )
    money_per_day_all: Real = setting(
        0.0,
        "Money per day for everyone together; 0 is no limit.",
        "Dinero por día entre todas las personas; 0 es sin límite.",
        ge=0,
        le=1e9,
    )
    queue_per_person: Whole = setting(
        5,
        "Messages of one person that may wait; more are refused with a notice.",
        "Mensajes de una persona que pueden esperar; los demás se rechazan con un aviso.",
        unit="messages",
        ge=1,
        le=1000,
    )
    queue_all: Whole = setting(
        1000, "Messages that may wait in all.", "Mensajes que pueden esperar en total.", unit="messages", ge=1, le=1_000_000
    )
    text_max_chars: Whole = setting(
        8000,
        "The longest message; a longer one is refused in words, never cut.",
        "El mensaje más largo; uno más largo se rechaza con palabras, nunca se corta.",
        unit="characters",
        ge=100,
        le=200_000,
    )


class CoreSettings(Section):
    """How a conversation runs."""

    history: Whole = setting(
        12,
        "Earlier questions and answers of the conversation that a model sees, as far as `models.prompt_budget` holds them.",
        "Preguntas y respuestas anteriores de la conversación que ve el modelo, si caben en `models.prompt_budget`.",
        unit="exchanges",
        ge=0,
        le=100,
    )
    preview_interval_ms: Whole = setting(
        100,
        "The least time between two views of an answer being written.",
        "El tiempo mínimo entre dos vistas de una respuesta que se está escribiendo.",
        unit="ms",
        ge=10,
        le=60_000,
    )
    drain_s: Real = setting(
        15.0,
        "How long running answers may finish when the bot is told to end.",
        "Cuánto pueden tardar en acabar las respuestas en curso cuando se para el bot.",
        unit="s",
        ge=0,
        le=600,
    )


class RecallSettings(Section):
    """What the bot finds again of what a person taught it."""

    deadline_ms: Whole = setting(
        500,
        "How long it may search; afterwards it answers without.",
        "Cuánto puede buscar; después responde sin ello.",
        unit="ms",
        ge=1,
        le=60_000,
    )
    budget: Whole = setting(
        1200, "The most that it may add to a prompt.", "Lo más que puede añadir a un prompt.", unit="tokens", ge=0, le=100_000
    )


class ProfileSettings(Section):
    """How answers follow a person's preference profile, and how it is measured whether that helps."""

    holdout_percent: Whole = setting(
        20,
        "Of the conversation threads of people with a profile, how many are answered without it, so that its benefit can be "
        "measured. 20 until there is a first result, then 10; 0 measures nothing. People are told, and can opt out.",
        "De los hilos de conversación de quienes tienen perfil, cuántos se responden sin él, para poder medir si ayuda. 20 "
        "hasta que haya un primer resultado, después 10; 0 no mide nada. A la gente se le dice, y puede decir que no.",
        unit="per cent",
        ge=0,
        le=50,
    )
    context_percent: Whole = setting(
        0,
        "How many are answered with level, goal and length but no style: tells what style alone is worth, where there is much "
        "talk.",
        "Cuántos se responden con nivel, objetivo y largo pero sin estilo: dice qué aporta solo el estilo, donde se habla "
        "mucho.",
        unit="per cent",
        ge=0,
        le=50,
    )


class KnowledgeSettings(Section):
    """The operator's own texts."""

    folder: Folder = setting(
        Path("knowledge"),
        "Markdown, text and question/answer CSV files to answer from; relative to where the bot is started.",
        "Ficheros Markdown, texto y CSV de preguntas y respuestas; relativo a donde se arranca el bot.",
    )
    limit: Whole = setting(
        4, "Passages used for one answer.", "Pasajes que se usan en una respuesta.", unit="passages", ge=0, le=50
    )


class LanguageSettings(Section):
    """Spanish and English are equals."""

    default: Annotated[Literal["es", "en"], Accepts("words", ("es", "en"))] = setting(
        "en",
        "The language when neither the person, nor their client, nor the text tells.",
        "El idioma cuando ni la persona, ni su programa, ni el texto lo dicen.",
    )


class LogSettings(Section):
    """What the bot writes about itself."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Accepts("words", ("debug", "info", "warning", "error"))] = (
        setting("info", "How much is written.", "Cuánto se escribe.")
    )
    format: Annotated[Literal["auto", "console", "json"], Accepts("words", ("auto", "console", "json"))] = setting(
        "auto",
        "`auto` is `console` on a terminal and `json` elsewhere.",
        "`auto` es `console` en un terminal y `json` fuera de él.",
    )
    text: Flag = setting(
        False,
        "Whether message texts may appear in logs. Leave it off: logs outlive `/forgetme`.",
        "Si los textos de los mensajes pueden aparecer. Mejor que no: los registros sobreviven a `/olvidame`.",
    )


class PrivacySettings(Section):
    """Care for the person."""

    crisis_country: Country = setting(
        "",
        "Two-letter country (`ES`, `US`, …) whose help lines come first in a crisis; empty names several.",
        "País de dos letras (`ES`, `US`, …) cuyos teléfonos de ayuda van primero en una crisis; vacío nombra varios.",
    )


class Config(BaseSettings):
    """All settings, frozen. `bot.config.load_config` makes one from file and environment; `Config()` is the defaults."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    data_dir: Folder = setting(
        Path("data"),
        "The folder with everything the bot keeps; `MARTIN_DATA_DIR`. Relative to where the bot is started.",
        "La carpeta con todo lo que guarda el bot; `MARTIN_DATA_DIR`. Relativa a donde se arranca.",
    )
    bot: BotSettings = BotSettings()
    web: WebSettings = WebSettings()
    admins: AdminSettings = AdminSettings()
    models: ModelSettings = ModelSettings()
    store: StoreSettings = StoreSettings()
    limits: LimitSettings = LimitSettings()
    core: CoreSettings = CoreSettings()
    telegram: TelegramSettings = TelegramSettings()
    discord: DiscordSettings = DiscordSettings()
    groups: GroupSettings = GroupSettings()
    access: AccessSettings = AccessSettings()
    memory: MemorySettings = MemorySettings()
    recall: RecallSettings = RecallSettings()
    knowledge: KnowledgeSettings = KnowledgeSettings()
    profile: ProfileSettings = ProfileSettings()
    learning: LearningSettings = LearningSettings()
    language: LanguageSettings = LanguageSettings()
    log: LogSettings = LogSettings()
    privacy: PrivacySettings = PrivacySettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what the caller gives: the environment comes in through `bot.config.load_config`."""
        return (init_settings,)

    @property
    def providers(self) -> tuple[str, ...]:
        """The providers in the order they are tried, each once, `auto` as what it may find, `offline` last."""
        named = [one for name in self.models.named for one in (AUTO if name == "auto" else (name,))]
        return tuple(dict.fromkeys([*(name for name in named if name != "offline"), "offline"]))

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that must never be shown, for the logs' filter."""
        tokens = (
            *(self.web.access_token, self.web.admin_token),
            *(self.models.mistral.api_key, self.models.openai.api_key, self.memory.chroma_token),
            *(self.telegram.token, self.telegram.webhook_secret, self.discord.token),
        )
        values = (token.get_secret_value() for token in tokens if token is not None)
        return tuple(value for value in values if len(value) >= MIN_SECRET)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone whose date and hour nightly chores follow."""
        return ZoneInfo(self.store.timezone) if self.store.timezone else machine_zone()


def every_setting(model: type[BaseModel] = Config, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """Each setting's path and field, in the order of `config.toml`: a section's own settings before its sub-sections."""
    for name, field in sorted(model.model_fields.items(), key=lambda item: _section_of(item[1]) is not None):
        section = _section_of(field)
        if section is None:
            yield (*prefix, name), field
        else:
            yield from every_setting(section, (*prefix, name))


def accepts(field: FieldInfo) -> Accepts:
    """What kind of value a setting takes."""
    return next(item for item in field.metadata if isinstance(item, Accepts))


def is_secret(field: FieldInfo) -> bool:
    """Whether the value must never be shown or stand in `config.toml`."""
    return accepts(field).kind in ("token", "key")


def machine_zone() -> ZoneInfo:
    """The operating system's time zone: `TZ`, else what `/etc/localtime` points to, else UTC."""
    names = [os.environ.get("TZ", "").removeprefix(":"), str(Path("/etc/localtime").resolve()).rpartition("zoneinfo/")[2]]
    for name in names:
        try:
            if name and not name.startswith("/"):
                return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return ZoneInfo("UTC")


def _section_of(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
