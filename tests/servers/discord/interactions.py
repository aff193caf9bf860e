"""Interactions: the one answer within three seconds, and what their token is good for in the fifteen minutes after."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from tests.servers.discord.calls import Answer, Call, Route
from tests.servers.discord.nouns import (
    NO_FLAGS,
    CallbackKind,
    Interaction,
    InteractionKind,
    Json,
    Message,
    MessageFlag,
    MessageKind,
)
from tests.servers.discord.refusals import Form, refusal
from tests.servers.discord.rest import SETTABLE
from tests.servers.discord.rules import check_files, check_message, check_modal

_FITTING: Final[Mapping[CallbackKind, tuple[InteractionKind, ...]]] = {
    CallbackKind.MESSAGE: (InteractionKind.COMMAND, InteractionKind.COMPONENT, InteractionKind.MODAL),
    CallbackKind.DEFERRED_MESSAGE: (InteractionKind.COMMAND, InteractionKind.COMPONENT, InteractionKind.MODAL),
    CallbackKind.DEFERRED_UPDATE: (InteractionKind.COMPONENT, InteractionKind.MODAL),
    CallbackKind.UPDATE: (InteractionKind.COMPONENT, InteractionKind.MODAL),
    CallbackKind.CHOICES: (InteractionKind.AUTOCOMPLETE,),
    CallbackKind.MODAL: (InteractionKind.COMMAND, InteractionKind.COMPONENT),
}


# --- the one answer ---


def callback(call: Call) -> Answer:
    """Answer an interaction: once, in time, and in a way that fits it."""
    interaction = call.world.interactions.get(call.id("interaction_id"))
    waited_s = time.monotonic() - interaction.asked_at if interaction is not None else 0.0
    if interaction is None or interaction.token != call.names["webhook_token"]:
        raise refusal(10062)
    if interaction.answered is not None:
        raise refusal(40060)
    if waited_s > call.deadline_s:
        raise refusal(10062)
    kind = _kind(call.body, interaction)
    data = call.body.get("data") or {}
    _ANSWERS[kind](call, interaction, data)
    interaction.answered, interaction.answered_after_s = kind, waited_s
    call.world.touch()
    if call.query.get("with_response", "").lower() in ("1", "true"):
        return Answer(200, _described(call, interaction))
    return Answer(204)


def _kind(body: Json, interaction: Interaction) -> CallbackKind:
    form = Form()
    number = body.get("type")
    if number not in {int(one) for one in CallbackKind}:
        form.wrong("type", code="BASE_TYPE_CHOICES", message="Value must be one of (4, 5, 6, 7, 8, 9).")
        form.done()
    kind = CallbackKind(int(number or 0))
    updates = kind in (CallbackKind.DEFERRED_UPDATE, CallbackKind.UPDATE)
    if interaction.kind not in _FITTING[kind] or (updates and interaction.message is None):
        form.wrong("type", code="INTERACTION_CALLBACK_INVALID_TYPE", message="Invalid callback for this interaction.")
    form.done()
    return kind


def _message(call: Call, interaction: Interaction, data: Json) -> None:
    check_message(data, len(call.files))
    check_files([one for _, _, one in call.files])
    interaction.original = _add(call, interaction, data)


def _deferred(call: Call, interaction: Interaction, data: Json) -> None:
    flags = int(data.get("flags") or 0) & MessageFlag.EPHEMERAL | MessageFlag.LOADING
    interaction.original = _add(call, interaction, {"flags": int(flags)}, loading=MessageFlag.LOADING)


def _deferred_update(_: Call, interaction: Interaction, __: Json) -> None:
    interaction.original = interaction.message


def _update(call: Call, interaction: Interaction, data: Json) -> None:
    assert interaction.message is not None
    check_message(data, len(call.files), now=interaction.message)
    interaction.original = interaction.message
    call.world.edit_message(interaction.message, data, call.files)


def _choices(_: Call, interaction: Interaction, data: Json) -> None:
    form = Form()
    form.length("data", "choices", value=data.get("choices"), most=25)
    form.done()
    interaction.choices = data.get("choices") or []


def _modal(_: Call, interaction: Interaction, data: Json) -> None:
    check_modal(data)
    interaction.modal = data


_ANSWERS: Final[Mapping[CallbackKind, Callable[[Call, Interaction, Json], None]]] = {
    CallbackKind.MESSAGE: _message,
    CallbackKind.DEFERRED_MESSAGE: _deferred,
    CallbackKind.DEFERRED_UPDATE: _deferred_update,
    CallbackKind.UPDATE: _update,
    CallbackKind.CHOICES: _choices,
    CallbackKind.MODAL: _modal,
}


def _described(call: Call, interaction: Interaction) -> Json:
    """The answer's own answer, which names the message it made or changed."""
    assert interaction.answered is not None
    message = interaction.original
    told: Json = {"id": str(interaction.id), "type": int(interaction.kind), "channel_id": str(interaction.channel.id)}
    if message is not None:
        told |= {
            "response_message_id": str(message.id),
            "response_message_loading": message.is_loading,
            "response_message_ephemeral": message.is_ephemeral,
        }
    shape: Json = {"interaction": told}
    kind = CallbackKind(interaction.answered)
    if message is not None and kind in (CallbackKind.MESSAGE, CallbackKind.UPDATE):
        shape["resource"] = {"type": int(kind), "message": call.world.shapes.message(message)}
    return shape


# --- what the token is good for afterwards ---


def follow_up(call: Call) -> Answer:
    """Another message; the first one after "thinking…" takes its place."""
    interaction, data = _alive(call), call.body
    check_message(data, len(call.files))
    check_files([one for _, _, one in call.files])
    original = interaction.original
    if original is not None and original.is_loading and not original.is_deleted:
        call.world.edit_message(original, {key: value for key, value in data.items() if key != "flags"}, call.files)
        message = original
    else:
        message = _add(call, interaction, data)
    return Answer(200, call.world.shapes.message(message))


def get_answer(call: Call) -> Answer:
    """A message that answers the interaction."""
    return Answer(200, call.world.shapes.message(_answer(call)))


def edit_answer(call: Call) -> Answer:
    """Change it; what is "thinking…" becomes what it is changed to."""
    message = _answer(call)
    check_message(call.body, len(call.files), now=message)
    call.world.edit_message(message, call.body, call.files)
    return Answer(200, call.world.shapes.message(message))


def delete_answer(call: Call) -> Answer:
    """Take it away."""
    call.world.delete_message(_answer(call))
    return Answer(204)


def _alive(call: Call) -> Interaction:
    """The interaction of the path's token, if that is answered and not too old."""
    interaction = call.world.tokens.get(call.names["webhook_token"])
    if interaction is None or call.id("webhook_id") != call.world.bot.id or interaction.answered is None:
        raise refusal(10015)
    if time.monotonic() - interaction.asked_at > call.token_s:
        raise refusal(50027)
    return interaction


def _answer(call: Call) -> Message:
    interaction, name = _alive(call), call.names.get("message_id", "@original")
    if name == "@original":
        found = interaction.original
    else:
        answers = [*interaction.answers, *([interaction.original] if interaction.original is not None else [])]
        found = next((one for one in answers if str(one.id) == name), None)
    if found is None or found.is_deleted:
        raise refusal(10008)
    return found


def _add(call: Call, interaction: Interaction, data: Json, loading: MessageFlag = NO_FLAGS) -> Message:
    is_command = interaction.kind is InteractionKind.COMMAND
    kind = MessageKind.DEFAULT
    if is_command and interaction.original is None:
        kind = MessageKind.CONTEXT_MENU if interaction.data.get("type") == 3 else MessageKind.CHAT_INPUT
    asked = MessageFlag(int(data.get("flags") or 0))
    message = call.world.add_message(
        interaction.channel,
        call.world.bot,
        data.get("content") or "",
        kind=kind,
        allowed=data.get("allowed_mentions"),
        interaction=interaction,
        flags=asked & (SETTABLE | MessageFlag.EPHEMERAL) | loading,
        embeds=data.get("embeds") or (),
        components=data.get("components") or (),
        files=call.files,
    )
    interaction.answers.append(message)
    return message


_WEBHOOK: Final = "/webhooks/{webhook_id}/{webhook_token}"
ROUTES: Final = (
    Route("POST", "/interactions/{interaction_id}/{webhook_token}/callback", callback, is_open=True),
    Route("POST", _WEBHOOK, follow_up, is_open=True),
    Route("GET", f"{_WEBHOOK}/messages/@original", get_answer, is_open=True),
    Route("PATCH", f"{_WEBHOOK}/messages/@original", edit_answer, is_open=True),
    Route("DELETE", f"{_WEBHOOK}/messages/@original", delete_answer, is_open=True),
    Route("GET", f"{_WEBHOOK}/messages/{{message_id}}", get_answer, is_open=True),
    Route("PATCH", f"{_WEBHOOK}/messages/{{message_id}}", edit_answer, is_open=True),
    Route("DELETE", f"{_WEBHOOK}/messages/{{message_id}}", delete_answer, is_open=True),
)
