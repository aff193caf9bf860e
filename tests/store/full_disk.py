"""Writes to the ledger at argv[1] until a limit on file sizes stops it, then without the limit: run as a process."""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

from bot.errors import StoreFull
from bot.store.db import Database, Unit
from tests.store import ledger
from tests.store.ledger import step

LIMIT = 400_000


async def main(path: Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    async with await Database.open(path, ledger.STATEMENTS) as database:
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, hard))
        number = 0
        try:
            for number in range(1000):
                await database.commit(unit(number))
        except StoreFull as error:
            print(type(error).__name__)
        assert isinstance(database.last_error, StoreFull)
        assert len(await database.rows(ledger.LOGGED)) == number
        print("read")
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        await database.commit(unit(number))
        assert database.is_healthy
        assert len(await database.rows(ledger.LOGGED)) == number + 1
        print("recovered")


def unit(number: int) -> Unit:
    return Unit(step(ledger.ADD_PARENT, id=str(number), name="x" * 3000), step(ledger.LOG, id=number))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
