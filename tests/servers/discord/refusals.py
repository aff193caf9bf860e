"""How the local Discord says no: a status, its own code, a sentence, and for a wrong form the tree of what is wrong where."""

from __future__ import annotations

from typing import Final

from tests.servers.discord.nouns import Json

_REFUSALS: Final = {
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10008: (404, "Unknown Message"),
    10013: (404, "Unknown User"),
    10014: (400, "Unknown Emoji"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    40060: (400, "Interaction has already been acknowledged."),
    50001: (403, "Missing Access"),
    50003: (403, "Cannot execute action on a DM channel"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50013: (403, "Missing Permissions"),
    50027: (401, "Invalid Webhook Token"),
    50083: (400, "Thread is archived"),
    50109: (400, "The request body contains invalid JSON."),
    160002: (400, "Cannot reply without permission to read message history"),
    160004: (400, "A thread has already been created for this message"),
}


class Refusal(Exception):
    """A request that is refused."""

    def __init__(self, status: int, code: int, message: str, errors: Json | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.body: Json = {"message": message, "code": code} | ({"errors": errors} if errors else {})


def refusal(code: int) -> Refusal:
    """The refusal that Discord knows by this number."""
    status, message = _REFUSALS[code]
    return Refusal(status, code, message)


class Form:
    """What is wrong with a form, gathered place by place. `done` raises once anything is."""

    def __init__(self) -> None:
        self._errors: Json = {}

    def wrong(self, *place: str | int, code: str, message: str) -> None:
        """Something at this place is wrong."""
        here = self._errors
        for step in place:
            here = here.setdefault(str(step), {})
        here.setdefault("_errors", []).append({"code": code, "message": message})

    def length(self, *place: str | int, value: object, least: int = 0, most: int) -> None:
        """The value at this place must be a text (or a list) of such a length; None is left alone."""
        if value is None:
            return
        if not isinstance(value, str | list):
            self.wrong(*place, code="BASE_TYPE_BAD", message="This field has the wrong type.")
        elif not least <= len(value) <= most:
            if least and len(value) < least and least == most:
                self.wrong(*place, code="BASE_TYPE_BAD_LENGTH", message=f"Must be {least} in length.")
            elif len(value) > most and not least:
                self.wrong(*place, code="BASE_TYPE_MAX_LENGTH", message=f"Must be {most} or fewer in length.")
            else:
                self.wrong(*place, code="BASE_TYPE_BAD_LENGTH", message=f"Must be between {least} and {most} in length.")

    def done(self) -> None:
        """Refuse the form if anything in it is wrong."""
        if self._errors:
            raise Refusal(400, 50035, "Invalid Form Body", self._errors)
