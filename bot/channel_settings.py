"""The settings of Telegram and Discord, and of who may talk with the bot where."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from bot.setting_types import Accepts, ApiKey, Flag, GatewayUrl, People, Prefix, Section, Token, Url, Whole, setting

TELEGRAM_API: Final = "https://api.telegram.org"
DISCORD_API: Final = "https://discord.com/api/v10"


class TelegramSettings(Section):
    """The bot on Telegram; with a token it is there."""

    token: ApiKey = setting(
        None,
        "Secret. What @BotFather gave you for this bot. Without it the bot is not on Telegram.",
        "Secreto. Lo que te dio @BotFather para este bot. Sin él, el bot no está en Telegram.",
    )
    api_base: Url = setting(
        TELEGRAM_API,
        "Where the Bot API is: Telegram's own, or a server of yours.",
        "Dónde está la Bot API: la de Telegram o un servidor tuyo.",
    )
    mode: Annotated[Literal["polling", "webhook"], Accepts("words", ("polling", "webhook"))] = setting(
        "polling",
        "How messages come in: the bot asks for them (`polling`, works anywhere), or Telegram posts them to `webhook_url`.",
        "Cómo llegan los mensajes: el bot los pide (`polling`, va en todas partes) o Telegram los manda a `webhook_url`.",
    )
    webhook_url: Url = setting(
        "",
        "The https address under which Telegram reaches this bot's page; `/telegram` is added to it.",
        "La dirección https por la que Telegram llega a la página de este bot; se le añade `/telegram`.",
    )
    webhook_secret: Token = setting(
        None,
        "Secret. What Telegram has to show at every post; empty makes one up at each start.",
        "Secreto. Lo que Telegram debe mostrar en cada envío; vacío inventa uno en cada arranque.",
    )
    streaming: Annotated[Literal["edit", "draft"], Accepts("words", ("edit", "draft"))] = setting(
        "edit",
        "How an answer is shown while it is written. `edit` fills a message bit by bit; `draft` shows a draft in private "
        "chats and sends the whole at the end, which after a crash may come twice.",
        "Cómo se ve una respuesta mientras se escribe. `edit` va llenando un mensaje; `draft` muestra un borrador en chats "
        "privados y al final manda el todo, que tras una caída puede llegar dos veces.",
    )
    after_crash: Annotated[Literal["resend", "skip"], Accepts("words", ("resend", "skip"))] = setting(
        "resend",
        "With `draft`: what to do with an answer of which nobody knows whether it was sent when the bot died.",
        "Con `draft`: qué hacer con una respuesta de la que no se sabe si salió cuando el bot murió.",
    )


class DiscordSettings(Section):
    """The bot on Discord; with a token it is there."""

    token: ApiKey = setting(
        None,
        "Secret. The bot's token from Discord's developer portal. Without it the bot is not on Discord.",
        "Secreto. El token del bot, del portal de Discord. Sin él, el bot no está en Discord.",
    )
    api_base: Url = setting(DISCORD_API, "Where Discord's API is.", "Dónde está la API de Discord.")
    gateway: GatewayUrl = setting(
        "",
        "Where its gateway is (`wss://…`); empty asks the API.",
        "Dónde está su gateway (`wss://…`); vacío lo pregunta a la API.",
    )
    shards: Whole = setting(
        1,
        "How many connections to share the servers among; 0 takes as many as Discord recommends. One is enough for 2,500 of "
        "them.",
        "Entre cuántas conexiones repartir los servidores; 0 toma las que Discord recomiende. Una basta para 2500 servidores.",
        ge=0,
        le=1_000,
    )


class GroupSettings(Section):
    """How the bot behaves in groups, servers and channels."""

    answers: Annotated[Literal["mention", "always", "never"], Accepts("words", ("mention", "always", "never"))] = setting(
        "mention",
        "When it answers in a group: when it is mentioned, replied to or given a command (`mention`), always, or never. "
        "Admins change it for one chat with `/admin here`.",
        "Cuándo responde en un grupo: si se le menciona, se le contesta o recibe una orden (`mention`), siempre (`always`) "
        "o nunca (`never`). Quien administra lo cambia para un chat con `/admin here`.",
    )
    prefix: Prefix = setting(
        "",
        "A beginning of a message that calls it too, such as `!m`; empty is for none.",
        "Un comienzo de mensaje que también lo llama, como `!m`; vacío es ninguno.",
    )


class AccessSettings(Section):
    """Who may talk with the bot on Telegram and Discord."""

    is_open: Flag = setting(
        True,
        "Whether anybody may. Otherwise only `allow`, the admins, and whoever sends a code from `/admin pair`.",
        "Si puede cualquiera. Si no, solo `allow`, quienes administran y quien mande un código de `/admin pair`.",
    )
    allow: People = setting((), "Who may in any case, as numeric ids.", "Quién puede en todo caso, por id numérico.")
    block: People = setting((), "Who may not; counts more than anything else.", "Quién no puede; cuenta más que todo lo demás.")
