"""jobd shell-init: shell functions that report, without a process for each call.

The text is for every POSIX shell that knows `local`, such as bash, zsh and dash. It holds no comments, takes the
options of these shells as they are set, and none of its functions ever fails. A report is written in one piece, so that
those of parallel writers do not mix.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from jobd.commands._shell import Shell

EXAMPLES = """\
eval "$(jobd shell-init)"                     # in a script; then, say: progress 3/10 resizing b.png
eval "$(jobd shell-init --prefix jobd_)"      # the functions are jobd_progress, jobd_stage and so on
jobd shell-init > report.sh                   # for a script that must also run where there is no jobd: . ./report.sh
"""

#: What is called, with which words before those of the caller, by the name of the function.
CALLS = {
    "progress": "_jobd_say",
    "stage": "_jobd_say stage",
    "stages": "_jobd_say stages",
    "item": "_jobd_item",
    "beat": "_jobd_say beat",
    "note": "_jobd_say message",
    "rate_limited": "_jobd_say rate_limited",
}
#: Bytes that each shell writes in one piece, with a newline (bash: 4096); what is longer is cut.
LONGEST = 4000
#: What a function's name can begin with.
PREFIX = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)?")

#: The arguments are the words of one line, in which newlines become spaces.
SAY = r"""_jobd_say() {
    [ -n "${JOBD_REPORT-}${JOBD_JOB_ID-}" ] || return 0
    [ -z "${ZSH_VERSION-}" ] || emulate -L sh +o multibyte
    local IFS _jobd_line _jobd_rest _jobd_report
    IFS=' '
    _jobd_report=${JOBD_REPORT-}
    case $_jobd_report in
        */"${JOBD_JOB_ID:-?}".[0-9]*/report) ;;
        */[0-9]*.[0-9]*/report) [ -z "${JOBD_JOB_ID-}" ] || _jobd_report='' ;;
    esac
    _jobd_line="$*"
    case $_jobd_line in
        *'
'*)
            _jobd_rest=$_jobd_line
            _jobd_line=''
            while [ "${#_jobd_line}" -lt @longest@ ]; do
                case $_jobd_rest in
                    *'
'*) ;;
                    *) break ;;
                esac
                _jobd_line="$_jobd_line${_jobd_rest%%'
'*} "
                _jobd_rest=${_jobd_rest#*'
'}
            done
            _jobd_line=$_jobd_line${_jobd_rest%%'
'*} ;;
    esac
    if [ -z "$_jobd_report" ]; then
        command -v jobd >/dev/null 2>&1 || return 0
        jobd progress --job "$JOBD_JOB_ID" "$_jobd_line" || return 0
    elif [ "/dev/fd/${JOBD_FD-}" -ef "$_jobd_report" ] && [ "${#JOBD_FD}" = 1 ]; then
        printf '%.@longest@s\n' "$_jobd_line" >&"$JOBD_FD" || return 0
    elif [ -f "$_jobd_report" ] && [ -w "$_jobd_report" ]; then
        printf '%.@longest@s\n' "$_jobd_line" >>"$_jobd_report" || return 0
    fi
}
"""

#: A KEY that is more than a plain word stands in quotes, as in JSON; a control character without a letter is refused.
ITEM = r"""_jobd_item() {
    [ -n "${JOBD_REPORT-}${JOBD_JOB_ID-}" ] || return 0
    [ -z "${ZSH_VERSION-}" ] || emulate -L sh +o multibyte
    local _jobd_quoted
    [ "$#" -lt 2 ] || case $1 in
        '' | *[!0-9A-Za-z_./:@%+,=-]*)
            _jobd_quote "$1"
            shift
            set -- "\"$_jobd_quoted\"" "$@" ;;
    esac
    _jobd_say item "$@"
}
_jobd_quote() {
    local _jobd_rest _jobd_part _jobd_letter
    _jobd_rest=$1
    _jobd_quoted=''
    while [ "${#_jobd_quoted}" -lt @longest@ ]; do
        _jobd_part=${_jobd_rest%%[\"\\[:cntrl:]]*}
        _jobd_rest=${_jobd_rest#"$_jobd_part"}
        _jobd_letter=${_jobd_rest%"${_jobd_rest#?}"}
        _jobd_rest=${_jobd_rest#?}
        case $_jobd_letter in
            '
') _jobd_letter='\n' ;;
            [[:blank:]]) _jobd_letter='\t' ;;
            [\"\\]) _jobd_letter=\\$_jobd_letter ;;
        esac
        _jobd_quoted=$_jobd_quoted$_jobd_part$_jobd_letter
        [ -n "$_jobd_rest" ] || break
    done
}
"""

#: A function hides a program of its name, but takes the place of no function, alias or builtin.
DEFINE = r"""_jobd_defined=${_jobd_defined-}
_jobd_define() {
    case " $_jobd_defined " in
        *" $1 "*) ;;
        *)
            if alias "$1" >/dev/null 2>&1 || [ "$(command -v "$1" || :)" = "$1" ]; then
                printf 'jobd shell-init: this shell has its own %s, which stays; see --prefix\n' "$1" >&2
                return 0
            fi
            _jobd_defined="$_jobd_defined $1" ;;
    esac
    eval "$1() { $2 \"\$@\"; }"
}
"""


@click.command("shell-init", epilog=EXAMPLES)
@click.option("--prefix", default="", metavar="WORD", help="Put this before the name of each function.")
@click.pass_obj
def command(shell: Shell, /, *, prefix: str) -> None:
    """Print shell functions by which a script reports without starting a process.

    For bash, zsh, dash and other POSIX shells: `progress`, `stage`, `stages`, `item`, `beat`, `note` and
    `rate_limited` write the line that the words after them make, such as `progress 3/10 resizing b.png`, `item clip-17
    failed no sound` or `rate_limited 30s`, into the report file of the job. The first word after `item` is the key,
    blanks and all: `item "my clip.mp4" 40%`. Outside of a job they do nothing; they never fail. After
    JOBD_JOB_ID=$(jobd begin NAME) they report for that job, by the program.

    A program of the same name is hidden (`command progress` still starts it); a function, an alias or a builtin of the
    shell stays what it is, and a line tells of it.
    """
    if not PREFIX.fullmatch(prefix):
        problem = f"{prefix!r} cannot begin the name of a function; take letters, digits and _"
        raise click.BadParameter(problem, param_hint="--prefix")
    shell.screen.write(text(prefix))


def text(prefix: str = "") -> str:
    """Write the functions; a text to be evaluated by a shell."""
    defined = "".join(f"_jobd_define '{prefix}{name}' '{called}'\n" for name, called in CALLS.items())
    return (SAY + ITEM).replace("@longest@", str(LONGEST)) + DEFINE + defined + "unset -f _jobd_define\n"
