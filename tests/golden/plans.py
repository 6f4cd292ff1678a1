"""The plans of the specs in `specs/` as golden files hold them: with all trials, and no path of this machine."""

from __future__ import annotations

from pathlib import Path

from blueno.planning import Plan, compile_spec
from blueno.planning.describe import plan_json
from blueno.spec import load

ROOT = Path(__file__).parent.parent.parent
GOLDEN = Path(__file__).parent
SPECS = [*sorted(ROOT.glob("specs/*.yaml")), *sorted(ROOT.glob("specs/language/**/*.yaml"))]


def golden_file(spec: Path) -> Path:
    """Where the golden plan of a spec is."""
    return GOLDEN / f"{spec.relative_to(ROOT / 'specs').with_suffix('').as_posix().replace('/', '-')}.plan.json"


def compiled(spec: Path, scratch: Path) -> Plan:
    """The plan of a spec."""
    return compile_spec(load(spec, root=ROOT), scratch)


def plan_text(plan: Plan) -> str:
    """The JSON of `plan --json --trials`."""
    return "".join(plan_json(plan, with_trials=True)).replace(f"{ROOT}/", "") + "\n"
