"""The outbox on disk."""

from __future__ import annotations

from dataclasses import replace

from bot.store.folder import DataFolder
from bot.store.open import Stores
from bot.types import Choice, Flag, OutboxId, OutgoingKind, PlatformId, Reply, ReplyFile
from tests.store.tables import files_with, found
from tests.talk import Talk


async def test_files_and_choices_survive_a_restart(stores: Stores, talk: Talk) -> None:
    message = talk.message()
    stored = await talk.accept(message)
    said = await talk.answer(message, stored.id)
    reply = Reply(
        text="toma",
        choices=(Choice(key="a", label="A", row=2),),
        files=(ReplyFile(name="datos.json", media_type="application/json", content=b"\x00\xff{}"),),
        rateable=True,
    )
    outgoing = replace(
        said.outgoing, id=OutboxId("notice"), kind=OutgoingKind.DUE, turn_id=None, reply=reply, flags=frozenset({Flag.CRISIS})
    )
    due = replace(said.record, outgoing=None)
    assert due.outgoing is None
    from bot.store.db import Unit
    from bot.store.statements import INSERT_OUTGOING
    from bot.store.writes import outgoing_row

    await stores.database.commit(Unit((INSERT_OUTGOING, outgoing_row(outgoing, talk.clock.now()))))
    assert outgoing in await stores.outbox.pending()


async def test_a_sent_reply_keeps_its_address_but_not_its_text(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    message = talk.message()
    said = await talk.answer(message, (await talk.accept(message)).id, "una respuesta")
    await stores.outbox.tried(said.outgoing, "connection refused", talk.clock.now())
    await stores.outbox.sent(said.outgoing, [PlatformId("5")], talk.clock.now())
    rows = found(folder.database, "SELECT state, message, error, user, attempts, ended_at IS NOT NULL FROM outbox")
    assert rows == [("sent", None, None, "ana", 1, 1)]


async def test_marking_a_reply_sent_twice_changes_nothing(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    said = await talk.say(parts=["5", "6"])
    before = found(folder.database, "SELECT * FROM outbox"), found(folder.database, "SELECT * FROM deliveries")
    await stores.outbox.sent(said.outgoing, [PlatformId("5"), PlatformId("6")], talk.clock.now())
    assert (found(folder.database, "SELECT * FROM outbox"), found(folder.database, "SELECT * FROM deliveries")) == before


async def test_a_reply_delivered_while_its_person_is_forgotten_brings_nothing_back(
    stores: Stores, talk: Talk, folder: DataFolder
) -> None:
    message = talk.message("recuerdo", event="evento 7")
    said = await talk.answer(message, (await talk.accept(message)).id, "respuesta")
    await stores.erasure.forget_person(said.context.person.id)
    await stores.outbox.sent(said.outgoing, [PlatformId("part 1")], talk.clock.now())
    assert found(folder.database, "SELECT state FROM inbox") == [("erased",)]
    assert files_with(folder.path, "recuerdo", "respuesta", "evento 7", "part 1") == []


async def test_the_oldest_row_is_delivered_first(stores: Stores, talk: Talk) -> None:
    ids = []
    for number in range(3):
        message = talk.message(str(number))
        ids.append((await talk.answer(message, (await talk.accept(message)).id)).outgoing.id)
    assert [outgoing.id for outgoing in await stores.outbox.pending()] == ids
