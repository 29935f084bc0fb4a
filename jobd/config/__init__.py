"""The settings of jobd and the places of its files.

`sections` says every setting once, `loading` reads them, `places` names files. Others import from here.
"""

from jobd.config.loading import Loaded, known, load, template
from jobd.config.places import Environment, Paths, config_files, state_directory
from jobd.config.sections import Config, Daemon, Jobs, Output, Storage, processors

__all__ = [
    "Config",
    "Daemon",
    "Environment",
    "Jobs",
    "Loaded",
    "Output",
    "Paths",
    "Storage",
    "config_files",
    "known",
    "load",
    "processors",
    "state_directory",
    "template",
]
