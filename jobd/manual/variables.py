"""Environment variables, for the manual: what jobd reads, and what a job finds in its environment."""

READ = {
    "JOBD_DIR": "The state directory, instead of `~/.local/state/jobd`.",
    "JOBD_AUTOSTART": "`0` keeps commands from starting the daemon, as `--no-start` does.",
    "JOBD_OUTPUT": "`json` makes JSON the default output, as if `--json` was given.",
    "JOBD_SECTION_KEY": "Any setting of jobd.toml(5), for example `JOBD_JOBS_SLOTS`.",
    "NO_COLOR": "Print without color, unless `--color` or a setting says otherwise.",
}

IN_JOBS = {
    "JOBD_JOB_ID": "The id of the job. What `jobd submit`, `run` and `begin` make in it is a part of it.",
    "JOBD_JOB_NAME": "Its name.",
    "JOBD_GROUP": "Its group.",
    "JOBD_ATTEMPT": "The number of the attempt; it grows with each retry.",
    "JOBD_FD": "A file descriptor, one digit, to report progress to: `echo 40% >&$JOBD_FD`.",
    "JOBD_REPORT": 'The file behind it, for programs that have lost the descriptor: `echo 40% >> "$JOBD_REPORT"`.',
    "JOBD_ITEMS": (
        "Only after `jobd retry --failed-items`: a file with the keys of the items that are still to be done, one a "
        "line. Those that are completed or were skipped are not in it, and keep their state."
    ),
    "NOTIFY_SOCKET": (
        "For programs that speak sd_notify(3): `STATUS=` is the message, or the progress if it begins with `40%` or "
        "`3/10`; `WATCHDOG=1` is a beat, `X_JOBD_PROGRESS=` any line of the report file. Each message becomes a line "
        "of that file, so none is lost while the daemon is away. A program started by `env -u NOTIFY_SOCKET` goes "
        "without; so does a job whose state directory has a path too long for sockets, of more than 80 bytes or so."
    ),
    "JOBD_DIR": "The state directory, so that `jobd` inside a job means the same daemon.",
    "JOBD_SOCKET": "The socket of the daemon, jobd-protocol(7).",
    "JOBD_COOKIE": "A word by which jobd knows the processes of this attempt.",
}
