"""What is said where nothing is done: nobody is told that it was, and nobody else sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot.ports import Preview, Receive
from bot.types import (
    Choice,
    InboxState,
    IncomingMessage,
    Kind,
    Outcome,
    Receipt,
    ReceiptStatus,
    Reply,
    Turn,
    TurnId,
)
from tests.channels.discord.house import on_discord
from tests.servers.discord import DiscordServer


def closed(receive: Receive) -> Receive:
    """A door that lets nothing but texts in, and has said so before."""

    async def refusing(messages: Sequence[IncomingMessage]) -> Sequence[Receipt]:
        if messages[0].kind is Kind.TEXT:
            return await receive(messages)
        return [
            Receipt(
                event_id=one.event_id,
                turn_id=TurnId("01" + "t" * 24),
                status=ReceiptStatus.REFUSED,
                state=InboxState.REFUSED,
                is_refused=True,
            )
            for one in messages
        ]

    return refusing


async def test_who_is_not_let_in_is_not_told_that_it_is_done(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path, receiving=closed) as house:
        await house.ready()
        world = server.world
        ana = world.person("ana")
        answer = await house.answered(world.ask(ana, "hi", world.general), "answer to hi")
        await house.settled()
        pressed = await world.answer(world.press(ana, answer, "👍"))
        assert (pressed.content, pressed.components, pressed.is_ephemeral) == ("I could not take that.", [], True)
        await house.answered(world.slash(ana, world.general, "again"), "I could not take that.")


async def test_where_nobody_is_answered_a_command_is_not_either(server: DiscordServer, tmp_path: Path) -> None:
    world = server.world
    ben = world.person("ben")
    async with on_discord(server, tmp_path, answers="never") as house:
        await house.ready()
        refused = await world.answer(world.slash(ben, world.general, "again"))
        assert (refused.content, refused.is_ephemeral) == ("I answer nobody here; write to me in private.", True)
        await house.answered(world.slash(ben, world.dm(ben), "again"), "answer to /again")
        assert [one.text for one in house.taken] == ["/again"]
        assert await house.rows("SELECT count(*) FROM inbox") == [(1,)]


async def test_where_nobody_is_answered_an_admin_still_commands(server: DiscordServer, tmp_path: Path) -> None:
    world = server.world
    ana = world.person("ana")
    async with on_discord(server, tmp_path, answers="never", admins=[ana.id]) as house:
        await house.ready()
        await house.answered(world.slash(ana, world.general, "again"), "answer to /again")


async def test_a_press_under_somebody_elses_question_is_answered_for_ones_eyes_only(
    server: DiscordServer, tmp_path: Path
) -> None:
    def asking(turn: Turn, preview: Preview) -> object:
        if turn.message.choice is not None:
            return f"chosen by {turn.message.address.user}"
        return Outcome(reply=Reply(text="Which?", choices=(Choice(key="a", label="A"), Choice(key="b", label="B"))))

    async with on_discord(server, tmp_path, asking) as house:
        await house.ready()
        world = server.world
        ana, ben = world.person("ana"), world.person("ben")
        replied = await house.answered(world.ask(ana, "ask me", world.general), "Which?")
        commanded = await house.answered(world.slash(ana, world.general, "again"), "Which?")
        await house.settled()
        for question in (replied, commanded):
            assert (await house.answered(world.press(ben, question, "A"), f"chosen by {ben.id}")).is_ephemeral
            assert not (await house.answered(world.press(ana, question, "B"), f"chosen by {ana.id}")).is_ephemeral


async def test_a_thumb_taken_back_after_a_restart_leaves_the_other(server: DiscordServer, tmp_path: Path) -> None:
    world = server.world
    ana = world.person("ana")
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        answer = await house.answered(world.ask(ana, "hi"), "answer to hi")
        await house.settled()
        for emoji, value in (("👍", 1), ("👎", -1)):
            world.react(ana, answer, emoji)
            await house.rows_become("SELECT value FROM ratings", [(value,)])
    await asyncio.sleep(0.01)
    began = datetime.now(UTC)
    async with on_discord(server, tmp_path) as house:
        await world.until(lambda: server.gateway.identifies == 2 and server.gateway.connected)
        world.unreact(ana, answer, "👎")
        await house.rows_become("SELECT value FROM ratings", [(1,)])
        world.unreact(ana, answer, "👍")
        await house.rows_become("SELECT value FROM ratings", [(0,)])
        looked = [one for one in server.requests if one.method == "GET" and one.path.endswith(f"/messages/{answer.id}")]
        assert len(looked) == 1
        assert answer.sent_at < began
