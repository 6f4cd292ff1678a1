"""All that is imported: data views first, then each dashboard after its visualizations."""

from __future__ import annotations

from .axes import Facts
from .config import config
from .failures import failures
from .machines import machines
from .overview import overview
from .saved import Dashboard, Saved, objects_of
from .sweep import sweep
from .views import views


def dashboards(prefix: str, sweeps: list[Facts]) -> list[Dashboard]:
    """The dashboards of a prefix: the general ones, and two for each of some sweeps."""
    made_for = [make(prefix, facts) for facts in sweeps for make in (sweep, config)]
    return [overview(prefix), config(prefix), failures(prefix), machines(prefix), *made_for]


def bundle(prefix: str, sweeps: list[Facts]) -> list[Saved]:
    """All saved objects. The same names and facts make the same objects, and the same names the same ids."""
    return [*views(prefix), *(each for dashboard in dashboards(prefix, sweeps) for each in objects_of(dashboard))]
