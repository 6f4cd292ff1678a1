"""How the index stands: what the server says, and what waits here. For `blueno elastic status` and `blueno doctor`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import BluenoError
from ..settings import Settings
from ..store import outbox
from ..store.database import open_store, store_exists
from . import state
from .access import Target
from .state import Refused

if TYPE_CHECKING:
    from .setup import Standing as Kinds

PROBE_S = 5.0


class Standing(NamedTuple):
    """`problem` is why it cannot be used now; `waits_for` why the last attempt to send left something waiting."""

    place: str
    prefix: str
    version: str | None
    problem: str
    kinds: list[Kinds]
    waiting: int
    oldest: str | None
    waits_for: str | None
    refused: list[Refused]

    @property
    def well(self) -> bool:
        set_up = all(each.index_name and not each.lacking and not each.other for each in self.kinds)
        return not self.problem and not self.refused and set_up

    def document(self) -> dict[str, Any]:
        """As one JSON document."""
        return {
            **self._asdict(),
            "well": self.well,
            "kinds": [each._asdict() for each in self.kinds],
            "refused": [each._asdict() for each in self.refused],
        }


def standing(settings: Settings, target: Target, now: float) -> Standing:
    """Asks the server and the store. Raises BluenoError for settings that cannot be, or a missing library."""
    version, problem, kinds = _server(target)
    waiting, oldest, waits_for, refused = _here(settings, target, now)
    return Standing(target.name, target.prefix, version, problem, kinds, waiting, oldest, waits_for, refused)


def _server(target: Target) -> tuple[str | None, str, list[Kinds]]:
    from .client import Unreachable, ask, connect
    from .setup import standings

    client = connect(target, PROBE_S)
    version: str | None = None
    try:
        ask(client, lambda it: it.cluster.health())
        version = _version(client)
        return version, "", standings(client, target.prefix)
    except Unreachable as error:
        return version, str(error), []
    finally:
        client.close()


def _version(client: Any) -> str:
    """The server's version; one that does not say it (as those for tests) is unknown."""
    from .client import Unreachable, ask

    try:
        return str(ask(client, lambda it: it.info())["version"]["number"])
    except Unreachable:
        return "unknown"


def _here(settings: Settings, target: Target, now: float) -> tuple[int, str | None, str | None, list[Refused]]:
    """What waits in the store: how much, since when, why; and what was set aside."""
    if not store_exists(settings.root):
        return 0, None, None, []
    file = state.read_state(settings.root, target)
    try:
        with closing(open_store(settings.root, now, read_only=True)) as db:
            waiting, oldest = outbox.waiting(db, state.position(file) if file else 0)
    except sqlite3.OperationalError as error:  # a store from before there was an outbox
        raise BluenoError("the store is older than the outbox", "run `blueno status` once, which updates it") from error
    finally:
        found = (state.fact(file, "waits"), state.refused(file)) if file else (None, [])
        if file:
            file.close()
    return waiting, oldest, *found
