"""When a backend is worth another request: a circuit breaker and a retry budget, both without any I/O."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile

from bot.ports import Clock


class BreakerState(StrEnum):
    """Closed: requests pass. Open: none passes. Probing: one request is out to see whether the backend is back."""

    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings:
    """R-15: open after `failures` within `window_s`, then one probe every `probe_s`."""

    failures: int = 5
    window_s: float = 30.0
    probe_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave for one request. `epoch` tells its outcome from those of requests sent before the breaker changed its mind."""

    epoch: int
    is_probe: bool


class Breaker:
    """Says whether a request may go out, from how the last ones ended.

    It opens when the failures of the last `window_s` are many enough, and came in a row or are at least half of all that ended
    in that time: five bad answers among hundreds of good ones are no reason to leave everybody without a model, but five
    without a good one between them are its death, however well it was before. Deadlines that passed are also counted in a
    row, however far apart: with 90 s to the first token no window of 30 s would ever hold five of them.
    """

    def __init__(self, settings: BreakerSettings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._state = BreakerState.CLOSED
        self._ended: deque[tuple[float, bool]] = deque(maxlen=1000)
        self._timeouts_in_a_row = 0
        self._epoch = 0
        self._next_probe_at = 0.0

    @property
    def state(self) -> BreakerState:
        """How it stands now."""
        return self._state

    @property
    def wait_s(self) -> float:
        """Seconds until it lets a request through: 0 when closed; while a probe is out, those until the next one could be."""
        return 0.0 if self._state is BreakerState.CLOSED else max(0.0, self._next_probe_at - self._clock.monotonic())

    def admit(self) -> Permit | None:
        """Leave to send one request now, or None. Whoever gets one reports back with exactly one of the three below."""
        if self._state is BreakerState.CLOSED:
            return Permit(self._epoch, is_probe=False)
        if self._state is BreakerState.OPEN and self.wait_s == 0:
            self._state = BreakerState.PROBING
            self._next_probe_at = self._clock.monotonic() + self._settings.probe_s
            return Permit(self._epoch, is_probe=True)
        return None

    def is_current(self, permit: Permit) -> bool:
        """Whether the breaker still stands as it did when it gave the permit."""
        return permit.epoch == self._epoch

    def succeeded(self, permit: Permit) -> None:
        """The request was answered. A probe's success closes the breaker."""
        if not self.is_current(permit):
            return
        self._timeouts_in_a_row = 0
        if permit.is_probe:
            self._change(BreakerState.CLOSED)
        else:
            self._ended.append((self._clock.monotonic(), True))

    def failed(self, permit: Permit, *, is_timeout: bool) -> None:
        """The request failed. A probe's failure opens the breaker again until the next probe."""
        if not self.is_current(permit):
            return
        if permit.is_probe:
            self._open()
            return
        now = self._clock.monotonic()
        self._ended.append((now, False))
        while self._ended[0][0] <= now - self._settings.window_s:
            self._ended.popleft()
        self._timeouts_in_a_row += is_timeout
        if self._is_down() or self._timeouts_in_a_row >= self._settings.failures:
            self._open()

    def released(self, permit: Permit) -> None:
        """The request said nothing of the backend (cancelled, or never sent): a probe's place is free again."""
        if permit.is_probe and self.is_current(permit):
            self._state = BreakerState.OPEN

    def _is_down(self) -> bool:
        """Whether what ended within the window has enough failures, in a row or at least half of it."""
        most = self._settings.failures
        failures = sum(not is_good for _, is_good in self._ended)
        in_a_row = sum(1 for _ in takewhile(lambda one: not one[1], reversed(self._ended)))
        return failures >= most and (in_a_row >= most or 2 * failures >= len(self._ended))

    def _open(self) -> None:
        self._change(BreakerState.OPEN)
        self._next_probe_at = self._clock.monotonic() + self._settings.probe_s

    def _change(self, state: BreakerState) -> None:
        self._state = state
        self._epoch += 1
        self._ended.clear()
        self._timeouts_in_a_row = 0


class RetryBudget:
    """Keeps retries at `share` of the requests, so that a backend in trouble is not given more of it.

    A quiet house may retry `reserve` times at once; `ceiling` bounds what good times can save up.
    """

    def __init__(self, *, share: float = 0.1, reserve: float = 3.0, ceiling: float = 10.0) -> None:
        self._share, self._ceiling = share, ceiling
        self._saved = reserve

    @property
    def saved(self) -> float:
        """How many retries may go out now."""
        return self._saved

    def earn(self) -> None:
        """A first try went out."""
        self._saved = min(self._ceiling, self._saved + self._share)

    def spend(self) -> bool:
        """Whether one retry may go out now; it is counted."""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True
