"""Commands that do nothing heavy, each in a process of its own from start to end."""

from functools import partial

from cornernet.benchmarks.conditions import Conditions
from cornernet.benchmarks.processes import run_python
from cornernet.benchmarks.record import Claim, Result, timed
from cornernet.benchmarks.timing import Spread, Times, time_in_turn

COMMANDS = (("--help",), ("plan",), ("status",))
YARDSTICK = "python -c pass"  # the interpreter itself, the floor under every command
AIM_SECONDS = 1.0


def run(conditions: Conditions) -> Result:
    """Time each command from the call to its end, its imports included."""
    window = conditions.window(rounds=11, seconds=30)
    profile = conditions.params.profile
    sides = {YARDSTICK: partial(run_python, ["-c", "pass"])}
    for command in COMMANDS:
        wanted = command if command == ("--help",) else (*command, "--profile", profile)
        sides[f"cornernet {' '.join(command)}"] = partial(run_python, ["-m", "cornernet", *wanted])
    times = time_in_turn(sides, window)
    return Result(
        measurements=tuple(timed("", times, precision="")),
        claims=tuple(
            Claim("", f"{side}: seconds", _seconds(taken), AIM_SECONDS, at_least=False)
            for side, taken in times.items()
            if side != YARDSTICK
        ),
        sizes={"profile": profile},
        window=window,
    )


def _seconds(times: Times) -> Spread:
    return Spread.of(list(times.seconds))
