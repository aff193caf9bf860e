"""The measure of what a message on a platform costs: every message is answered, and the ratios are those of its figures."""

from __future__ import annotations

import pytest

from benchmarks.overhead_platforms import BATCH, batches, measure
from bot.channels.telegram.wire import update_in, updates_in


def test_updates_come_in_full_batches_with_ids_of_their_own() -> None:
    payloads = batches(500, 3 * BATCH)
    ids = [update_in(raw).update_id for payload in payloads for raw in updates_in(payload)]
    assert [len(updates_in(payload)) for payload in payloads] == [BATCH] * 3
    assert ids == list(range(500, 500 + 3 * BATCH))


async def test_every_figure_is_there_and_a_ratio_is_over_what_ptb_takes() -> None:
    found = await measure(messages=2 * BATCH, stored=BATCH, rounds=1)
    for name in ("telegram", "telegram_durable", "telegram_stored"):
        assert found[f"{name}_ratio"] == pytest.approx(found[f"{name}_us"] / found["ptb_update_us"], abs=0.01)
    assert found["discord_us"] > 0
    assert found["telegram_stored_us"] > found["telegram_us"], "a disk costs something"
