"""The settings of jobd and the places of its files.

`places` names the files; it is all that most commands need, so only it is loaded at once. `sections` says every
setting, `loading` reads them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from jobd.config.places import Environment, Paths, config_files, state_directory

if TYPE_CHECKING:
    from jobd.config.loading import Loaded, known, load, template
    from jobd.config.sections import Config, Daemon, Jobs, Output, Retention, Storage, processors

__all__ = [
    "Config",
    "Daemon",
    "Environment",
    "Jobs",
    "Loaded",
    "Output",
    "Paths",
    "Retention",
    "Storage",
    "config_files",
    "known",
    "load",
    "processors",
    "state_directory",
    "template",
]


def __getattr__(name: str) -> Any:
    """Find a name of `sections` or `loading` when it is first asked for."""
    for module in ("sections", "loading") if name in __all__ else ():
        found = getattr(import_module(f"jobd.config.{module}"), name, None)
        if found is not None:
            return found
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
