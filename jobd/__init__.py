"""Run, follow and remember the jobs of one Unix machine.

Nothing is loaded here: every start of a client passes through this file.
"""

__version__ = "0.1.0"
