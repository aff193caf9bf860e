"""What Discord lets into a message: lengths, components, embeds, replies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tests.servers.discord.nouns import Channel, Json, Message, MessageFlag
from tests.servers.discord.refusals import Form, refusal

MOST_CHARS: Final = 2000
MOST_EMBED_CHARS: Final = 6000
_MOST_ROWS = _MOST_BUTTONS = 5
_MOST_FILE_BYTES: Final = 10 * 1024 * 1024
_SELECTS: Final = (3, 5, 6, 7, 8)


def check_message(payload: Mapping[str, Any], files: int, *, now: Message | None = None) -> None:
    """Refuse a wrong form, or a message that would be empty; `now` is the message that is edited."""
    form = Form()
    form.length("content", value=payload.get("content"), most=MOST_CHARS)
    form.length("embeds", value=payload.get("embeds"), most=10)
    if isinstance(payload.get("nonce"), str):
        form.length("nonce", value=payload["nonce"], most=25)
    _check_embeds(form, payload.get("embeds") or [])
    check_components(
        form, payload.get("components") or [], is_v2=bool(int(payload.get("flags") or 0) & MessageFlag.COMPONENTS_V2)
    )
    _check_allowed(form, payload.get("allowed_mentions"))
    form.done()
    if now is None:
        parts: list[object] = [payload.get(key) for key in ("content", "embeds", "components", "sticker_ids", "poll")]
    else:
        parts = [payload.get("content", now.content), payload.get("embeds", now.embeds)]
        parts += [payload.get("components", now.components), now.attachments]
    if not files and not any(part.strip() if isinstance(part, str) else part for part in parts):
        raise refusal(50006)


def check_components(form: Form, components: list[Json], *, is_v2: bool = False) -> None:
    """Rows, what is in them, and that no id is there twice."""
    if is_v2:
        return  # the published description is all that is held against these
    if len(components) > _MOST_ROWS:
        form.length("components", value=components, least=1, most=_MOST_ROWS)
    seen: set[str] = set()
    for row, one in enumerate(components):
        if one.get("type") != 1:
            form.wrong("components", row, "type", code="BASE_TYPE_CHOICES", message="Value must be one of (1,).")
            continue
        form.length("components", row, "components", value=one.get("components"), least=1, most=_MOST_BUTTONS)
        for place, part in enumerate(one.get("components") or []):
            _check_part(form, ("components", row, "components", place), part, seen)


def _check_part(form: Form, place: tuple[str | int, ...], part: Json, seen: set[str]) -> None:
    kind = part.get("type")
    if kind not in (2, *_SELECTS):
        form.wrong(*place, "type", code="BASE_TYPE_CHOICES", message="Value must be one of (2, 3, 5, 6, 7, 8).")
        return
    needs_id = kind != 2 or part.get("style") in (1, 2, 3, 4)
    name = part.get("custom_id")
    if needs_id and not isinstance(name, str):
        form.wrong(*place, "custom_id", code="BASE_TYPE_REQUIRED", message="This field is required")
    form.length(*place, "custom_id", value=name, least=1, most=100)
    if kind == 2:
        form.length(*place, "label", value=part.get("label"), most=80)
        if needs_id and not part.get("label") and not part.get("emoji"):
            form.wrong(*place, code="BUTTON_COMPONENT_LABEL_REQUIRED", message="A label or an emoji is required")
        if part.get("style") == 5 and not part.get("url"):
            form.wrong(*place, "url", code="BASE_TYPE_REQUIRED", message="A url is required")
    if isinstance(name, str):
        if name in seen:
            form.wrong(
                *place,
                "custom_id",
                code="COMPONENT_CUSTOM_ID_DUPLICATED",
                message="Component custom id cannot be duplicated",
            )
        seen.add(name)


def _check_embeds(form: Form, embeds: list[Json]) -> None:
    whole = 0
    for number, one in enumerate(embeds[:10]):
        for key, most in (("title", 256), ("description", 4096)):
            form.length("embeds", number, key, value=one.get(key), most=most)
            whole += len(one.get(key) or "")
    if whole > MOST_EMBED_CHARS:
        form.wrong("embeds", code="MAX_EMBED_SIZE_EXCEEDED", message=f"Embed size exceeds maximum size of {MOST_EMBED_CHARS}")


def _check_allowed(form: Form, allowed: Json | None) -> None:
    """`parse` and a list of the same kind exclude each other."""
    for kind in ("users", "roles") if allowed else ():
        assert allowed is not None
        if kind in (allowed.get("parse") or ()) and allowed.get(kind):
            form.wrong(
                "allowed_mentions",
                code="MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                message=f"parse:[{kind!r}] and {kind}: [ids...] are mutually exclusive.",
            )


def check_files(files: list[bytes]) -> None:
    """Refuse too many or too large files."""
    form = Form()
    if len(files) > 10:
        form.wrong("attachments", code="BASE_TYPE_MAX_LENGTH", message="Must be 10 or fewer in length.")
    for number, one in enumerate(files):
        if len(one) > _MOST_FILE_BYTES:
            form.wrong("files", number, code="BASE_TYPE_MAX_LENGTH", message="The file is too large.")
    form.done()


def check_modal(data: Json) -> None:
    """Refuse a form that Discord would not open."""
    form = Form()
    form.length("data", "custom_id", value=data.get("custom_id", ""), least=1, most=100)
    form.length("data", "title", value=data.get("title", ""), least=1, most=45)
    form.length("data", "components", value=data.get("components", []), least=1, most=5)
    for number, part in enumerate(inputs_of(data)):
        form.length("data", "components", number, "custom_id", value=part.get("custom_id", ""), least=1, most=100)
        form.length("data", "components", number, "value", value=part.get("value"), most=4000)
        form.length("data", "components", number, "placeholder", value=part.get("placeholder"), most=100)
    form.done()


def inputs_of(modal: Json) -> list[Json]:
    """The text inputs of a modal, whether in rows or under labels."""
    found: list[Json] = []
    for one in modal.get("components", []):
        inner = [*one.get("components", []), *([one["component"]] if "component" in one else [])]
        found += [part for part in inner if part.get("type") == 4]
    return found


def replied_message(payload: Mapping[str, Any], channel: Channel) -> Message | None:
    """The message that a new one replies to. Refuses where it is not there and the request insists."""
    asked = payload.get("message_reference")
    if not asked:
        return None
    found = channel.messages.get(int(asked["message_id"]))
    if found is not None and not found.is_deleted and not found.is_ephemeral:
        return found
    if asked.get("fail_if_not_exists", True):
        form = Form()
        form.wrong("message_reference", code="REPLIES_UNKNOWN_MESSAGE", message="Unknown message")
        form.done()
    return None
