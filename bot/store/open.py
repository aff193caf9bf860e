"""The table groups on one database, opened and closed together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.ports import Clock, Ids
from bot.store.access import StoredAdmissions
from bot.store.admins import StoredAudit, StoredBlocks, StoredBroadcasts
from bot.store.chats import StoredChats
from bot.store.crowd import StoredCrowd
from bot.store.db import BeforeCall, Database
from bot.store.due import StoredDue
from bot.store.erasure import Erasure
from bot.store.examples import StoredExamples
from bot.store.folder import DataFolder
from bot.store.inbox import StoredInbox
from bot.store.jobs import StoredJobs
from bot.store.keys import Keys
from bot.store.linking import StoredLinks
from bot.store.measurements import StoredMeasurements
from bot.store.memories import StoredMemories
from bot.store.notices import StoredNotices
from bot.store.order import STATEMENTS
from bot.store.outbox import StoredOutbox
from bot.store.people import StoredPeople
from bot.store.personal import TableOwner, owners
from bot.store.profiles import StoredProfiles
from bot.store.sharing import StoredSharing
from bot.store.tombstones import Tombstones
from bot.store.training import StoredTraining
from bot.store.turns import StoredTurns
from bot.store.usage import StoredUsage
from bot.store.vectors import StoredVectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Everything that the rest of Martín asks of the database."""

    database: Database
    keys: Keys
    inbox: StoredInbox
    people: StoredPeople
    turns: StoredTurns
    outbox: StoredOutbox
    chats: StoredChats
    admissions: StoredAdmissions
    links: StoredLinks
    due: StoredDue
    jobs: StoredJobs
    examples: StoredExamples
    profiles: StoredProfiles
    memories: StoredMemories
    vectors: StoredVectors
    measurements: StoredMeasurements
    training: StoredTraining
    sharing: StoredSharing
    usage: StoredUsage
    notices: StoredNotices
    audit: StoredAudit
    blocks: StoredBlocks
    broadcasts: StoredBroadcasts
    crowd: StoredCrowd
    erasure: Erasure
    personal: tuple[TableOwner, ...]


def build_stores(database: Database, *, keys: Keys, tombstones: Tombstones, clock: Clock, ids: Ids) -> Stores:
    """The table groups of an open database."""
    erasure = Erasure(database, keys, tombstones, clock)
    return Stores(
        database=database,
        keys=keys,
        inbox=StoredInbox(database, keys, clock),
        people=StoredPeople(database, ids),
        turns=StoredTurns(database, ids),
        outbox=StoredOutbox(database),
        chats=StoredChats(database),
        admissions=StoredAdmissions(database),
        links=StoredLinks(database, ids),
        due=StoredDue(database, ids),
        jobs=StoredJobs(database),
        examples=StoredExamples(database),
        profiles=StoredProfiles(database),
        memories=StoredMemories(database, ids),
        vectors=StoredVectors(database),
        measurements=StoredMeasurements(database, keys),
        training=StoredTraining(database, keys),
        sharing=StoredSharing(database),
        usage=StoredUsage(database),
        notices=StoredNotices(database),
        audit=StoredAudit(database),
        blocks=StoredBlocks(database),
        broadcasts=StoredBroadcasts(database, ids, clock),
        crowd=StoredCrowd(database),
        erasure=erasure,
        personal=owners(database, erasure),
    )


@asynccontextmanager
async def open_folder(
    folder: DataFolder,
    *,
    clock: Clock,
    ids: Ids,
    readers: int = 2,
    busy_timeout_s: float = 5,
    before_call: BeforeCall | None = None,
) -> AsyncIterator[Stores]:
    """The stores of a folder whose database is migrated. `erasure.apply_tombstones` is to be called before serving.

    Raises StoreError when the database cannot be opened, StoreDamaged when the folder's key is not what it was.
    """
    keys = Keys(folder.secret_key())
    async with await Database.open(
        folder.database, STATEMENTS, readers=readers, busy_timeout_s=busy_timeout_s, before_call=before_call
    ) as database:
        yield build_stores(database, keys=keys, tombstones=Tombstones(folder.tombstones, keys), clock=clock, ids=ids)
