"""Give the man pages and completions of a wheel their places below share/.

The files lie flat in man/ and completions/; each goes where its reader looks for it, so adding a page needs no list.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPLETIONS = {
    "jobd.bash": "share/bash-completion/completions/jobd",
    "_jobd": "share/zsh/site-functions/_jobd",
    "jobd.fish": "share/fish/vendor_completions.d/jobd.fish",
}


class SharedData(BuildHookInterface):  # type: ignore[misc]
    """Add every file of man/ and completions/ to the shared data of a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fill in the places; a completion of an unknown shell is an error, not a loss."""
        root = Path(self.root)
        places = build_data["shared_data"]
        for page in sorted((root / "man").glob("*.[1-9]")):
            places[str(page)] = f"share/man/man{page.suffix[1:]}/{page.name}"
        for script in sorted((root / "completions").glob("[!.]*")):
            places[str(script)] = COMPLETIONS[script.name]
