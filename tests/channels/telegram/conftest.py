"""What the Telegram channel's tests share."""

from __future__ import annotations

from tests.servers.telegram.fixtures import server

__all__ = ["server"]
