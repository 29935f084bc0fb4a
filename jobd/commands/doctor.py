"""jobd doctor: whether everything jobd needs is as it should be, each with what to do if not."""

import click

from jobd.commands import _checks as checks
from jobd.commands._checks import Finding
from jobd.commands._shell import Shell
from jobd.commands.options.kept import json_option

EXAMPLES = """\
jobd doctor            # one line for each thing that was looked at
jobd doctor --json | jq '.[] | select(.status != "ok")'
"""

STYLES = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command("doctor", epilog=EXAMPLES)
@json_option(Finding)
@click.pass_obj
def command(shell: Shell) -> int:
    """Look at everything jobd needs and say what is wrong and what to do about it.

    Exit status: 1 if anything fails; warnings are none.
    """
    findings = [finding for check in checks.ALL for finding in check(shell)]
    shell.emit_all(findings, lambda: _show(shell, findings))
    return 1 if any(finding.status == "fail" for finding in findings) else 0


def _show(shell: Shell, findings: list[Finding]) -> None:
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        status = shell.screen.paint(f"{finding.status:<4}", STYLES[finding.status])
        shell.screen.data(f"{status}  {finding.what:<{width}}  {finding.said}")
        if finding.advice:
            shell.screen.data(f"      {'':<{width}}  {finding.advice}")
