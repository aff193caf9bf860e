"""Slash commands, buttons, menus and forms on Discord: deferred in time, understood after any restart, never forged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot.buttons import button
from bot.commands import COMMANDS
from bot.ports import Preview, Receive
from bot.types import Choice, Chosen, IncomingMessage, Kind, Outcome, Receipt, Reply, Turn, TurnId
from tests.channels.discord.house import SECRET, Act, choose, on_discord, reply
from tests.fakes import FakeClock
from tests.servers.discord import DiscordServer, Permission
from tests.servers.discord.nouns import CallbackKind


async def slow(turn: Turn, preview: Preview) -> str:
    """A model that takes longer than Discord waits."""
    await asyncio.sleep(3.5)
    return "at last"


async def test_commands_are_registered_in_both_languages(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        names = {one["name"] for one in server.world.commands}
        assert names == {*(command.name for command in COMMANDS), "Correct this answer"}
        by_name = {one["name"]: one for one in server.world.commands}
        assert by_name["help"]["name_localizations"] == {"es-ES": "ayuda", "es-419": "ayuda"}
        assert by_name["forget"]["options"][0]["name"] == "what"
        assert by_name["forget"]["options"][0]["name_localizations"]["es-419"] == "qué"


async def test_a_slow_answer_to_a_command_is_deferred_in_time(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path, slow) as house:
        await house.ready()
        asked = server.world.slash(server.world.person("ana", "es-ES"), server.world.general, "again")
        answer = await house.answered(asked, "at last")
        assert asked.answered is CallbackKind.DEFERRED_MESSAGE
        assert asked.answered_after_s is not None
        assert asked.answered_after_s < 2
        assert len(server.world.from_bot()) == 1
        assert not answer.is_ephemeral
        assert (house.taken[0].text, house.taken[0].kind, house.taken[0].locale) == ("/again", Kind.COMMAND, "es-ES")
        await house.settled()
        assert await house.rows("SELECT platform_id FROM deliveries") == [(str(answer.id),)]


async def test_a_command_is_deferred_in_time_while_the_store_hangs(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path, receiving=held(3.0)) as house:
        await house.ready()
        asked = server.world.slash(server.world.person("ana"), server.world.general, "new")
        await house.answered(asked, "answer to /new")
        assert asked.answered_after_s is not None
        assert 1.4 < asked.answered_after_s < 2


async def test_what_is_private_is_answered_for_ones_eyes_only(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        ana = server.world.person("ana")
        here = server.world.slash(ana, server.world.general, "forget", what="the cat")
        assert (await house.answered(here, "answer to /forget the cat")).is_ephemeral
        alone = server.world.slash(ana, server.world.dm(ana), "mydata")
        assert not (await house.answered(alone, "answer to /mydata")).is_ephemeral


async def test_a_growing_answer_fills_the_interactions_own_message(server: DiscordServer, tmp_path: Path) -> None:
    async def growing(turn: Turn, preview: Preview) -> str:
        preview.show("so far")
        await server.world.until(lambda: server.world.from_bot() and server.world.from_bot()[0].content == "so far")
        return "so far and further"

    async with on_discord(server, tmp_path, growing) as house:
        await house.ready()
        asked = server.world.slash(server.world.person("ana"), server.world.general, "again")
        await house.answered(asked, "so far and further")
        assert len(server.world.from_bot()) == 1


async def test_further_parts_of_an_answer_are_channel_messages_with_a_nonce(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path, reply("Words and words. " * 300)) as house:
        await house.ready()
        server.world.slash(server.world.person("ana"), server.world.general, "again")
        await server.world.until(lambda: any(one.buttons for one in server.world.from_bot()))
        first, *others = server.world.from_bot()
        assert first.interaction is not None
        assert others
        assert all(one.interaction is None and one.nonce for one in others)


async def test_further_parts_follow_up_where_the_bot_may_not_write(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path, reply("Words and words. " * 300)) as house:
        await house.ready()
        server.world.forbid(server.world.general, Permission.SEND)
        server.world.slash(server.world.person("ana"), server.world.general, "again")
        await server.world.until(lambda: any(one.buttons for one in server.world.from_bot()))
        await house.settled()
        assert all(one.interaction is not None for one in server.world.from_bot())
        assert house.channel.doubles == {}


async def test_a_token_too_old_is_replaced_by_a_channel_message(server: DiscordServer, tmp_path: Path) -> None:
    clock = FakeClock()

    async def an_hour(turn: Turn, preview: Preview) -> str:
        clock.advance(3600)
        server.token_s = 0.0
        return "late"

    async with on_discord(server, tmp_path, an_hour, clock=clock) as house:
        await house.ready()
        clock.set(datetime.now(UTC))
        server.world.slash(server.world.person("ana"), server.world.general, "again")
        await server.world.until(lambda: any(one.content == "late" for one in server.world.from_bot()))
        late = next(one for one in server.world.from_bot() if one.content == "late")
        assert (late.interaction, bool(late.nonce), late.reference) == (None, True, None)


async def test_a_token_that_discord_forgot_is_replaced_too(server: DiscordServer, tmp_path: Path) -> None:
    async def forgotten(turn: Turn, preview: Preview) -> str:
        server.token_s = 0.0
        return "late"

    async with on_discord(server, tmp_path, forgotten) as house:
        await house.ready()
        server.world.slash(server.world.person("ana"), server.world.general, "again")
        await server.world.until(lambda: any(one.content == "late" and one.nonce for one in server.world.from_bot()))


async def test_a_restart_fills_the_answer_of_before(server: DiscordServer, tmp_path: Path) -> None:
    async def never(turn: Turn, preview: Preview) -> str:
        await asyncio.Event().wait()
        return ""

    async with on_discord(server, tmp_path, never) as house:
        await house.ready()
        asked = server.world.slash(server.world.person("ana"), server.world.general, "again")
        await server.world.until(lambda: asked.answered)
        await house.rows_become("SELECT state FROM inbox", [("received",)])
    async with on_discord(server, tmp_path, reply("after all")) as house:
        await house.answered(asked, "after all")
        assert len(server.world.from_bot()) == 1


async def test_stop_is_heard_at_once_and_answered_for_ones_eyes_only(server: DiscordServer, tmp_path: Path) -> None:
    async def until_stopped(turn: Turn, preview: Preview) -> str:
        await preview.stopped()
        return "stopped"

    async with on_discord(server, tmp_path, until_stopped) as house:
        await house.ready()
        world = server.world
        ana = world.person("ana")
        asked = world.ask(ana, "tell me everything", world.general)
        await world.until(lambda: house.taken)
        await house.rows_become("SELECT state FROM inbox", [("received",)])
        began = time.monotonic()
        stop = world.slash(ana, world.general, "stop")
        await house.answered(asked, "stopped")
        assert time.monotonic() - began < 5, "at once, on a quiet machine"
        assert (await world.answer(stop)).is_ephemeral


async def test_a_press_is_thanked_and_a_reason_asked_for_and_taken(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        world = server.world
        ana = world.person("ana", "es-ES")
        answer = await house.answered(world.ask(ana, "hi", world.general), "answer to hi")
        await house.settled()
        thanks = await world.answer(world.press(ana, answer, "👎"))
        assert thanks.is_ephemeral
        menu = thanks.components[0]["components"][0]
        assert [one["value"] for one in menu["options"]][:3] == ["wrong", "long", "short"]
        chosen = choose(server, ana, thanks, "long")
        await world.until(lambda: chosen.answered)
        await house.rows_become("SELECT value, reason FROM ratings", [(-1, "long")])
        assert chosen.answered is CallbackKind.UPDATE
        assert len(world.from_bot()) == 2  # the thanks were changed, not added to


async def test_a_rating_can_be_taken_back(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        world = server.world
        ana = world.person("ana")
        answer = await house.answered(world.ask(ana, "hi"), "answer to hi")
        await house.settled()
        thanks = await world.answer(world.press(ana, answer, "👍"))
        await house.rows_become("SELECT value FROM ratings", [(1,)])
        world.press(ana, thanks, "Take my rating back")
        await house.rows_become("SELECT value FROM ratings", [(0,)])


async def test_buttons_of_before_a_restart_work(server: DiscordServer, tmp_path: Path) -> None:
    world = server.world
    ana = world.person("ana")
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        answer = await house.answered(world.ask(ana, "hi"), "answer to hi")
        await house.settled()
    async with on_discord(server, tmp_path) as house:
        await world.until(lambda: server.gateway.identifies == 2 and server.gateway.connected)
        await world.answer(world.press(ana, answer, "👍"))
        await house.rows_become("SELECT value FROM ratings", [(1,)])


async def test_forged_buttons_are_refused_politely_and_nothing_is_stored(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        world = server.world
        ana = world.person("ana")
        answer = await house.answered(world.ask(ana, "hi"), "answer to hi")
        await house.settled()
        turn_id = TurnId(str((await house.rows("SELECT id FROM turns"))[0][0]))
        forged = ["", "x" * 100, f"{turn_id}:+:000000000000000000", button(b"another secret", turn_id, "+")]
        forged += [button(SECRET, turn_id, says) for says in ("#", "#x", "?", "r", "rnothing")]
        for data in forged:
            if data:
                said = await world.answer(world.forge(ana, answer, data))
                assert said.is_ephemeral
                assert said.content.startswith("I don't know that answer")
        assert await house.rows("SELECT count(*) FROM inbox") == [(1,)]
        assert await house.rows("SELECT count(*) FROM ratings") == [(0,)]


async def test_somebody_elses_answer_cannot_be_rated(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        world = server.world
        answer = await house.answered(world.ask(world.person("ana"), "hi", world.general), "answer to hi")
        await house.settled()
        refused = await world.answer(world.press(world.person("bea"), answer, "👍"))
        assert (refused.content, refused.components) == ("not yours", [])
        assert await house.rows("SELECT count(*) FROM ratings") == [(0,)]


async def test_choices_are_buttons_and_a_choice_is_answered(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path, asking(3)) as house:
        await house.ready()
        world = server.world
        ana = world.person("ana")
        question = await house.answered(world.ask(ana, "ask me"), "Which?")
        await house.settled()
        pressed = world.press(ana, question, "Option 1")
        await house.answered(pressed, "You chose option-1.")
        assert house.taken[-1].choice == Chosen(turn_id=TurnId(house.taken[-1].target or ""), key="#1")


async def test_many_choices_are_menus(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path, asking(30)) as house:
        await house.ready()
        world = server.world
        ana = world.person("ana")
        question = await house.answered(world.ask(ana, "ask me"), "Which?")
        await house.settled()
        await house.answered(choose(server, ana, question, "27"), "You chose option-27.")


async def test_a_correction_is_written_into_a_form(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        world = server.world
        ana = world.person("ana", "es-419")
        answer = await house.answered(world.ask(ana, "capital of France?", world.general), "answer to capital of France?")
        await house.settled()
        for opened in (world.press(ana, answer, "✏️"), world.use_on(ana, answer, "Correct this answer")):
            await world.until(lambda opened=opened: opened.modal)  # type: ignore[misc]
            sent = world.submit(opened, "Paris.")
            assert (await world.answer(sent)).is_ephemeral
        await house.rows_become("SELECT value, correction FROM ratings", [(-1, "Paris.")])


async def test_a_part_without_buttons_can_be_corrected_from_its_menu(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path, reply("Words and words. " * 200)) as house:
        await house.ready()
        world = server.world
        ana = world.person("ana")
        world.ask(ana, "much")
        await world.until(lambda: any(one.buttons for one in world.from_bot()))
        await house.settled()
        first = world.from_bot()[0]
        assert not first.buttons
        opened = world.use_on(ana, first, "Correct this answer")
        await world.until(lambda: opened.modal)
        other = world.use_on(ana, world.say(ana, world.dm(ana), "mine"), "Correct this answer")
        assert (await world.answer(other)).is_ephemeral


def asking(count: int) -> Act:
    """Asks with so many options, and says which one was chosen."""

    def act(turn: Turn, preview: Preview) -> object:
        if turn.message.choice is not None:
            return f"You chose {turn.message.choice.key}."
        choices = tuple(Choice(key=f"option-{number}", label=f"Option {number}", row=number // 3) for number in range(count))
        return Outcome(reply=Reply(text="Which?", choices=choices))

    return act


def held(seconds: float) -> Callable[[Receive], Receive]:
    """A store that takes its time."""

    def around(receive: Receive) -> Receive:
        async def later(messages: Sequence[IncomingMessage]) -> Sequence[Receipt]:
            await asyncio.sleep(seconds)
            return await receive(messages)

        return later

    return around
