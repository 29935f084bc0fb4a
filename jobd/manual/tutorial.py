"""The manual page of programs that use jobd, jobd-tutorial(7): each to be copied, made executable and run as it is.

A test takes them from the page and does so.
"""

import inspect
from typing import NamedTuple

from jobd.manual.mdoc import Page


class Chapter(NamedTuple):
    """A program to copy: the heading above it, what is said before it and after it, and its file name."""

    heading: str
    before: str
    name: str
    program: str
    after: str

    @property
    def lines(self) -> list[str]:
        """The lines of the program."""
        return inspect.cleandoc(self.program).splitlines()


CHAPTERS = (
    Chapter(
        "A BASH SCRIPT",
        """
        The line with `eval` brings functions that report. A call starts no process, never fails, and does nothing
        outside of a job. For a machine that may have no jobd, give the script a copy of the functions, made by
        `jobd shell-init > report.sh`, and write `. ./report.sh` instead.
        """,
        "squeeze",
        r"""
        #!/usr/bin/env bash
        set -eu
        eval "$(jobd shell-init)"

        stages pack:4 check:1
        stage pack
        n=0
        for file in "$@"; do
            gzip --keep --force -- "$file"
            n=$((n + 1))
            progress "$n/$# $file"
        done

        stage check
        gzip --test -- "${@/%/.gz}"
        progress 100% "all is well"
        """,
        """
        Run it with `jobd run -- ./squeeze *.txt`, or in the background with `jobd submit -- ./squeeze *.txt`; `jobd
        tail -f squeeze` shows how far it is, from any terminal.

        `progress` takes `40%` or `3/10`, and a message; `stages` tells what is to come, and how much of the whole each
        part is; `stage` begins a part, with numbers of its own; `item` tells how each of many things fares, as in
        `item "$file" failed no space left`; `note` says something, and `beat` only that the script lives.
        jobd-shell-init(1) tells of them all. Without them it is a line for a descriptor: `echo 40% >&$JOBD_FD`.
        """,
    ),
    Chapter(
        "A SCRIPT THAT JOBD DID NOT START",
        """
        A script that something else starts begins a record itself, and ends it with its own exit status, however it
        ends. The functions report for the job in JOBD_JOB_ID.
        """,
        "copy-notes",
        r"""
        #!/bin/sh
        set -eu
        eval "$(jobd shell-init)"

        JOBD_JOB_ID=$(jobd begin copy-notes --pid $$)
        trap 'jobd end "$JOBD_JOB_ID" --exit $? >/dev/null' EXIT
        trap 'exit 129' HUP
        trap 'exit 130' INT
        trap 'exit 143' TERM

        mkdir -p ~/copies
        progress 0/2 "copy"
        cp -R ~/notes ~/copies
        progress 1/2 "compare"
        diff -r ~/notes ~/copies/notes
        progress 2/2 "done"
        """,
        """
        A shell runs what is trapped at EXIT also when `set -e` ends it, but some do not when a signal does: that is
        what the other lines are for. Should the script be killed, the job fails as lost, because of `--pid`.
        """,
    ),
    Chapter(
        "CRON",
        """
        A line for `crontab -e`. With `--quiet-ok` it says nothing if all is well; if not, cron mails the output and
        a summary. cron knows few directories, so the programs are named by their paths; `command -v jobd` tells
        that of jobd.
        """,
        "crontab",
        r"""
        15 3 * * * ~/.local/bin/jobd run --quiet-ok -J backup -- ~/bin/backup
        """,
        """
        `jobd history --name backup` lists the nights, and `jobd log backup` shows the last one.
        """,
    ),
    Chapter(
        "A PYTHON LOOP",
        """
        `jobd.track` goes through a list, or anything else, and tells how far it is; outside of a job it only goes
        through it. The Python that runs the program needs the package of jobd; for one that has none, a line of text
        in the file that JOBD_REPORT names does the same.
        """,
        "checksums",
        r"""
        #!/usr/bin/env python3
        import sys
        import zlib

        import jobd

        for path in jobd.track(sys.argv[1:]):
            with open(path, "rb") as file:
                print(f"{zlib.crc32(file.read()):08x}  {path}")
        """,
        """
        Run it with `jobd run -- ./checksums *.txt`.
        """,
    ),
    Chapter(
        "A SYSTEMD UNIT",
        """
        A service of the user, `~/.config/systemd/user/backup.service`. It ends as the job does, with the same exit
        status; to stop it cancels the job. Once, `jobd daemon install --now` gives the daemon a unit of its own, so
        that it depends on no other.
        """,
        "backup.service",
        r"""
        [Unit]
        Description=Backup, as a job

        [Service]
        Type=oneshot
        ExecStart=%h/.local/bin/jobd run --name backup -- %h/bin/backup
        """,
        """
        `systemctl --user start backup` runs it, and a timer, `backup.timer`, every night. The output is in the
        journal and in `jobd log backup`.
        """,
    ),
)


def tutorial_page() -> str:
    """Write jobd-tutorial(7)."""
    page = Page("jobd-tutorial", 7, "programs that use jobd, to be copied")
    page.heading("DESCRIPTION")
    page.paragraph(
        "Five programs that report how far they are, or run as a job. Each works as it stands: copy it into a file of "
        "the name above it, make it executable with `chmod +x`, and put your own work in the place of what it does."
    )
    for chapter in CHAPTERS:
        page.heading(chapter.heading)
        for text in _paragraphs(chapter.before):
            page.paragraph(text)
        page.paragraph(f"`{chapter.name}`:")
        page.literal(chapter.lines)
        for text in _paragraphs(chapter.after):
            page.paragraph(text)
    page.see_also([(1, "jobd"), (1, "jobd-begin"), (1, "jobd-progress"), (1, "jobd-run"), (1, "jobd-shell-init")])
    return page.text()


def _paragraphs(text: str) -> list[str]:
    return [" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n")]
