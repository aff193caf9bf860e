"""Runs a campaign in a data folder of its own and prints what it found."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

Found = Mapping[str, object]


def run(
    campaign: Callable[[Path], Coroutine[None, None, Found]], *, must_be_zero: tuple[str, ...], must_hold: tuple[str, ...]
) -> int:
    """Print the campaign's findings as one JSON object; 1 unless all of `must_be_zero` are 0 and none of `must_hold`."""
    with TemporaryDirectory() as folder:
        found = asyncio.run(campaign(Path(folder) / "data"))
    print(json.dumps(found))
    return 1 if any(found.get(name) for name in must_be_zero) or not all(found[name] for name in must_hold) else 0
