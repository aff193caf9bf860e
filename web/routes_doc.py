"""The table of routes for the documentation, read from the same tuples that build the application."""

from __future__ import annotations

import inspect

from web.api import ROUTES
from web.page import PAGE_ROUTES


def routes() -> tuple[tuple[str, str, str], ...]:
    """Method, path and description of every address, the API's first."""
    return tuple((method, path, inspect.getdoc(answer) or "") for method, path, answer in (*ROUTES, *PAGE_ROUTES))


def markdown() -> str:
    """The routes as a Markdown list, with a paragraph each."""
    return "\n".join(f"### `{method} {path}`\n\n{description}\n" for method, path, description in routes())
