"""Write man/ and completions/ anew: `python -m jobd.manual`; with --check only say what is not as it should be.

The only place where the manual touches files.
"""

import sys
from pathlib import Path

from jobd.cli import program
from jobd.commands import every
from jobd.manual.library import Library

ROOT = Path(__file__).parents[2]
FOLDERS = ("man", "completions")


def main(arguments: list[str]) -> int:
    """Write or check the files, and give the exit status: 1 if a check found a difference."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: python -m jobd.manual [--check]\n")
        return 2
    wanted = dict(Library(program(), every))
    found = {f"{path.parent.name}/{path.name}": path.read_text() for folder in FOLDERS for path in listed(folder)}
    stale = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    for name in stale:
        sys.stdout.write(f"{name}\n")
        if not arguments:
            write(ROOT / name, wanted.get(name))
    return 1 if stale and arguments else 0


def listed(folder: str) -> list[Path]:
    """List the files of a folder that are there now."""
    return [path for path in sorted((ROOT / folder).glob("*")) if path.is_file()]


def write(path: Path, text: str | None) -> None:
    """Write a file, or take away one that is wanted no more."""
    if text is None:
        path.unlink()
        return
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
