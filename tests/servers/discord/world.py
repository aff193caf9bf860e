"""The people of the local Discord, and what one of them can do: write, reply, react, press, use commands, fill in a form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from tests.servers.discord.nouns import (
    ALL_PERMISSIONS,
    Channel,
    ChannelKind,
    Guild,
    Interaction,
    InteractionKind,
    Json,
    Message,
    Permission,
    User,
)
from tests.servers.discord.rules import inputs_of
from tests.servers.discord.store import Store

_MEDIA: dict[str, str] = {".txt": "text/plain; charset=utf-8", ".md": "text/markdown", ".png": "image/png", ".ogg": "audio/ogg"}


class World(Store):
    """One guild with one channel, and nobody but the bot in it, to begin with."""

    def __init__(self, *, has_small_ids: bool = False) -> None:
        super().__init__(has_small_ids=has_small_ids)
        self.guild: Guild = self.add_guild("Casa")
        self.general: Channel = self.add_channel(self.guild, "general")

    # --- what people do ---

    def person(self, name: str, locale: str = "en-GB") -> User:
        """Somebody; the same one for the same name."""
        for one in self.people.values():
            if one.name == name and not one.is_bot:
                return one
        return self.add_person(name, locale)

    def say(
        self,
        person: User,
        channel: Channel,
        text: str,
        *,
        reply_to: Message | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> Message:
        """Write a message. A reply wakes its author up, as Discord has it unless told otherwise."""
        attached = [
            (name, _MEDIA.get(PurePath(name).suffix, "application/octet-stream"), data) for name, data in (files or {}).items()
        ]
        return self.add_message(channel, person, text, replied=reply_to, files=attached)

    def dm(self, person: User) -> Channel:
        """This person's direct messages with the bot."""
        return self.open_dm(person)

    def ask(self, person: User, text: str, channel: Channel | None = None) -> Message:
        """Write to the bot: with a mention in the channel, or as a direct message where none is given."""
        if channel is None:
            return self.say(person, self.dm(person), text)
        return self.say(person, channel, f"{self.bot.mention} {text}")

    def edit(self, message: Message, text: str) -> None:
        """Change what somebody wrote."""
        self.edit_message(message, {"content": text})

    def delete(self, message: Message) -> None:
        """Take a message away."""
        self.delete_message(message)

    def react(self, person: User, message: Message, emoji: str) -> None:
        """React to a message."""
        self.add_reaction(message, person, emoji)

    def unreact(self, person: User, message: Message, emoji: str) -> None:
        """Take a reaction back."""
        self.remove_reaction(message, person, emoji)

    def thread(
        self, person: User, channel: Channel, name: str, *, on: Message | None = None, is_private: bool = False
    ) -> Channel:
        """Open a thread."""
        kind = ChannelKind.PRIVATE_THREAD if is_private else ChannelKind.THREAD
        return self.add_thread(channel, name, person, on=on, kind=kind)

    def close_dms(self, person: User) -> None:
        """From now on the bot cannot write to this person."""
        person.takes_dms = False

    def forbid(self, channel: Channel, *permissions: Permission) -> None:
        """Take permissions of the bot away in a channel."""
        left = ALL_PERMISSIONS
        for one in permissions:
            left &= ~one
        self.allow(channel, left)

    def press(self, person: User, message: Message, button: str) -> Interaction:
        """Press the button with this label, emoji or `custom_id`. Raises LookupError when there is none to press."""
        for one in message.buttons:
            names = (one.get("label"), one.get("custom_id"), one.get("emoji", {}).get("name"))
            if button in names and not one.get("disabled") and not message.is_deleted:
                data = {"component_type": 2, "custom_id": one["custom_id"], "id": one["id"]}
                return self._interact(InteractionKind.COMPONENT, person, message.channel, data, message=message)
        raise LookupError(f"no button {button!r} among {[one.get('label') for one in message.buttons]}")

    def forge(self, person: User, message: Message, custom_id: str) -> Interaction:
        """Press a button that is not there, as a tampered client would."""
        data = {"component_type": 2, "custom_id": custom_id, "id": 2}
        return self._interact(InteractionKind.COMPONENT, person, message.channel, data, message=message)

    def slash(self, person: User, channel: Channel, name: str, **options: object) -> Interaction:
        """Use a slash command that the bot registered. Raises LookupError or ValueError where Discord would not let one."""
        command = self._command(name, 1, channel)
        data = _command_data(command) | {"options": _filled(command, options)}
        return self._interact(InteractionKind.COMMAND, person, channel, data)

    def complete(self, person: User, channel: Channel, name: str, option: str, typed: str) -> Interaction:
        """Begin to type an option for which the bot proposes choices."""
        command = self._command(name, 1, channel)
        kinds = {one["name"]: one["type"] for one in command.get("options", []) if one.get("autocomplete")}
        if option not in kinds:
            raise LookupError(f"{name!r} proposes nothing for {option!r}")
        data = _command_data(command) | {"options": [{"name": option, "type": kinds[option], "value": typed, "focused": True}]}
        return self._interact(InteractionKind.AUTOCOMPLETE, person, channel, data)

    def use_on(self, person: User, message: Message, name: str) -> Interaction:
        """Use an entry of a message's context menu."""
        command = self._command(name, 3, message.channel)
        shape = self.shapes.message(message)
        data = _command_data(command) | {"target_id": str(message.id), "resolved": {"messages": {str(message.id): shape}}}
        return self._interact(InteractionKind.COMMAND, person, message.channel, data)

    def submit(self, interaction: Interaction, values: Mapping[str, str] | str) -> Interaction:
        """Send the form that the bot opened: values by `custom_id`, or one text for its only input."""
        if interaction.modal is None:
            raise LookupError("the bot opened no form")
        inputs = inputs_of(interaction.modal)
        given = {inputs[0]["custom_id"]: values} if isinstance(values, str) else dict(values)
        for one in inputs:
            text = given.setdefault(one["custom_id"], one.get("value") or "")
            most, least = one.get("max_length") or 4000, one.get("min_length") or 0
            if (one.get("required", True) and not text) or not least <= len(text) <= most:
                raise ValueError(f"the form does not take {len(text)} characters")
        data = {
            "custom_id": interaction.modal["custom_id"],
            "components": [_submitted(one, given) for one in interaction.modal["components"]],
        }
        return self._interact(
            InteractionKind.MODAL,
            interaction.user,
            interaction.channel,
            data,
            message=interaction.message,
            opened_by=interaction,
        )

    # --- what there is to see ---

    def from_bot(self, channel: Channel | None = None) -> list[Message]:
        """What the bot wrote and did not take away, oldest first; ephemeral messages are among it."""
        return [one for one in self.messages() if one.author is self.bot and channel in (None, one.channel)]

    def answers_to(self, asked: Message | Interaction) -> list[Message]:
        """The bot's messages that reply to a message or answer an interaction."""
        if isinstance(asked, Interaction):
            return [one for one in asked.answers if not one.is_deleted]
        return [one for one in self.from_bot(asked.channel) if one.reference == asked.id]

    async def answer(self, asked: Message | Interaction, timeout_s: float = 10.0) -> Message:
        """The first answer that is no longer "thinking…"."""
        found = await self.until(lambda: [one for one in self.answers_to(asked) if not one.is_loading], timeout_s)
        return found[0]

    def doubled_nonces(self) -> int:
        """How many messages of the bot are there again under a nonce that was used."""
        used = Counter(str(one.nonce) for one in self.from_bot() if one.nonce is not None)
        return sum(count - 1 for count in used.values())

    def doubled_answers(self) -> int:
        """How often one question has the very same answer more than once."""
        said = Counter(
            (one.channel.id, one.reference or (one.interaction.id if one.interaction else 0), one.content)
            for one in self.from_bot()
            if one.content and (one.reference is not None or one.interaction is not None)
        )
        return sum(count - 1 for count in said.values())

    def pings(self) -> set[str]:
        """Everybody whom some message of the bot woke up, deleted ones included."""
        every = (one for channel in self.channels.values() for one in channel.messages.values())
        return {ping for one in every if one.author is self.bot for ping in one.pings}

    # --- helpers ---

    def _interact(
        self,
        kind: InteractionKind,
        person: User,
        channel: Channel,
        data: Json,
        *,
        message: Message | None = None,
        opened_by: Interaction | None = None,
    ) -> Interaction:
        interaction = Interaction(
            id=self.ids.new(),
            token=self.new_token(),
            kind=kind,
            user=person,
            channel=channel,
            data=data,
            message=message,
            opened_by=opened_by,
        )
        self.add_interaction(interaction)
        return interaction

    def _command(self, name: str, kind: int, channel: Channel) -> Json:
        for one in self.commands:
            names = {one["name"], *(one.get("name_localizations") or {}).values()}
            if name in names and one.get("type", 1) == kind:
                contexts = one.get("contexts")
                if contexts is not None and (1 if channel.is_dm else 0) not in contexts:
                    raise LookupError(f"{name!r} cannot be used here")
                return one
        raise LookupError(f"{name!r} is not registered: {sorted(one['name'] for one in self.commands)}")


def _command_data(command: Json) -> Json:
    return {"id": command["id"], "name": command["name"], "type": command.get("type", 1)}


_KINDS: Mapping[int, type | tuple[type, ...]] = {3: str, 4: int, 5: bool, 10: (int, float)}


def _filled(command: Json, given: Mapping[str, object]) -> list[Json]:
    """The options of a command's data. Raises ValueError for a missing, unknown or wrong one."""
    known: Sequence[Json] = command.get("options") or []
    if unknown := set(given) - {one["name"] for one in known}:
        raise ValueError(f"{command['name']!r} has no option {sorted(unknown)}")
    filled: list[Json] = []
    for one in known:
        if one["name"] not in given:
            if one.get("required"):
                raise ValueError(f"{command['name']!r} needs {one['name']!r}")
            continue
        value = given[one["name"]]
        choices = [choice["value"] for choice in one.get("choices") or []]
        is_right = isinstance(value, _KINDS.get(one["type"], str)) and (not choices or value in choices)
        if isinstance(value, str):
            is_right = is_right and (one.get("min_length") or 0) <= len(value) <= (one.get("max_length") or 6000)
        if not is_right:
            raise ValueError(f"{one['name']!r} does not take that value")
        filled.append({"name": one["name"], "type": one["type"], "value": value})
    return filled


def _submitted(one: Json, given: Mapping[str, str]) -> Json:
    """A row or label of a form with what was typed."""

    def value(part: Json) -> Json:
        return {
            "type": part["type"],
            "id": part.get("id") or 0,
            "custom_id": part["custom_id"],
            "value": given[part["custom_id"]],
        }

    shape: Json = {"type": one["type"], "id": one.get("id") or 0}
    if "component" in one:
        return shape | {"component": value(one["component"])}
    if "components" in one:
        return shape | {"components": [value(part) for part in one["components"]]}
    return shape
