"""Run benchmarks and print a line for each figure: `python -m tests.bench [ROW …]`."""

import compileall
import sys
from pathlib import Path

import jobd
from tests.bench import (
    commands,
    eta,
    following,
    history,
    looping,
    measure,
    memory,
    removing,
    reports,
    starting,
    telling,
    updates,
)

ROOMS = (reports, looping, commands, updates, starting, following, memory, eta, telling, history, removing)


def main(wanted: list[str]) -> int:
    """Run the rows named, or all, with everything compiled as after an installation; 1 = a goal was missed."""
    unknown = set(wanted) - set(measure.ROWS)
    if unknown:
        print(f"no row {', '.join(sorted(unknown))}; there are {', '.join(measure.ROWS)}", file=sys.stderr)
        return 2
    compileall.compile_dir(Path(jobd.__file__).parent, quiet=1)
    short = 0
    for name, (what, run) in measure.ROWS.items():
        if wanted and name not in wanted:
            continue
        try:
            figures = run()
        except measure.Missing as missing:
            print(f"{name:4} {what}: reference missing (Debian package {missing})", flush=True)
            continue
        for figure in figures if isinstance(figures, list) else [figures]:
            short += not figure.met
            print(f"{name:4} {what}: {line(figure)}", flush=True)
    return 1 if short else 0


def line(figure: measure.Figure) -> str:
    """Say a figure: both medians, the ratio, the goal, and whether it is met."""
    sign = ">=" if figure.more_is_better else "<="
    against = f" against {figure.reference:.4g} {figure.unit}, ratio {figure.value:.2f}" if figure.reference else ""
    note = f" ({figure.note})" if figure.note else ""
    verdict = "ok" if figure.met else "SHORT"
    return f"{figure.ours:.4g} {figure.unit}{against}, goal {sign} {figure.goal:g}: {verdict}{note}"


if __name__ == "__main__":
    assert ROOMS
    sys.exit(main(sys.argv[1:]))
