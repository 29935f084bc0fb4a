"""The completion script for bash: static words cost no process, only the names of jobs ask `jobd __complete`.

It needs bash 3.2 and no library. The words of the command line are walked once, by tables written here as `case`.
"""

from collections.abc import Iterator

from jobd.manual.tree import Source, Verb, every

HEAD = r"""# bash completion for jobd. Made by jobd.manual from the program itself: do not edit.

_jobd_offer() {
    local word
    for word in "$@"; do
        [[ $word == "$cur"* ]] && COMPREPLY+=("$lead$word")
    done
}

_jobd_jobs() {
    local id rest before=${cur%"${cur##*,}"}
    while IFS=$'\t' read -r id rest; do
        _jobd_offer "$before$id"
    done < <("$jobd" __complete ids 2>/dev/null)
}

_jobd_files() {
    local name
    while IFS= read -r name; do
        COMPREPLY+=("$lead$name")
    done < <(compgen "$1" -- "$cur")
    compopt -o filenames 2>/dev/null
}

_jobd_command() {
    if declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif ((COMP_CWORD == $1)); then
        _jobd_files -c
    else
        _jobd_files -f
    fi
}
"""

BODY = r"""
_jobd() {
    local jobd=$1 cur=${COMP_WORDS[COMP_CWORD]} lead= path= option= given=0 i word
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ -n $option ]]; then
            [[ $word == = ]] || option=
        elif [[ $word == -- ]]; then
            _jobd_after_dashes "$((i + 1))"
            return
        elif [[ $word == -* ]]; then
            _jobd_takes_value && option=$word
        elif [[ $word == = ]]; then
            option=${COMP_WORDS[i - 1]}
        elif ! _jobd_enter; then
            _jobd_is_command && { _jobd_command "$i"; return; }
            ((given += 1))
        fi
    done
    [[ $cur == = ]] && cur= option=${COMP_WORDS[COMP_CWORD - 1]}
    if [[ -z $option && $cur == --*=* ]]; then
        option=${cur%%=*} lead=${cur%%=*}= cur=${cur#*=}
    fi
    if [[ -n $option ]]; then
        _jobd_value
    elif [[ $cur == -* ]]; then
        _jobd_options
    else
        _jobd_words
    fi
}

complete -F _jobd jobd
"""


def script(program: Verb) -> str:
    """Write the script for the whole program."""
    verbs = list(every(program))
    return "\n".join(
        [
            HEAD,
            *_function("_jobd_enter", "$path:$word", _enter(program), "return 1"),
            *_function("_jobd_takes_value", "$path:$word", _valued(verbs), "return 1"),
            *_function("_jobd_value", "$path:$option", _values(verbs)),
            *_function("_jobd_verbs", "", iter([(["''"], _offer(tuple(verb.name for verb in program.verbs)))])),
            *_function("_jobd_options", "$path", _options(verbs)),
            *_function("_jobd_words", "$path:$given", _words(verbs)),
            *_function("_jobd_is_command", "$path:$given", _commands(verbs), "return 1"),
            *_function("_jobd_after_dashes", "$path", _after_dashes(verbs)),
            BODY.strip("\n") + "\n",
        ]
    )


def quote(word: str) -> str:
    """Quote a word for a shell."""
    return "'" + word.replace("'", "'\\''") + "'"


def _function(name: str, subject: str, cases: Iterator[tuple[list[str], str]], otherwise: str = "") -> list[str]:
    lines = [f"{name}() {{", f'    case "{subject}" in']
    for patterns, action in cases:
        lines += [f"        {' | '.join(patterns)})", f"            {action}", "            ;;"]
    lines += [f"        *) {otherwise or ':'} ;;", "    esac", "}", ""]
    return lines


def _enter(verb: Verb) -> Iterator[tuple[list[str], str]]:
    for below in verb.verbs:
        names = [quote(f"{verb.words}:{name}") for name in (below.name, *below.aliases)]
        yield names, f"path={quote(below.words)}"
        yield from _enter(below)


def _valued(verbs: list[Verb]) -> Iterator[tuple[list[str], str]]:
    for verb in verbs:
        flags = [flag for option in verb.accepted if option.takes_next_word for flag in option.flags]
        if flags:
            yield [quote(f"{verb.words}:{flag}") for flag in flags], ":"


def _values(verbs: list[Verb]) -> Iterator[tuple[list[str], str]]:
    for verb in verbs:
        for option in verb.accepted:
            action = _action(option.source)
            if option.value and action:
                yield [quote(f"{verb.words}:{flag}") for flag in option.flags], action


def _options(verbs: list[Verb]) -> Iterator[tuple[list[str], str]]:
    for verb in verbs:
        flags = [flag for option in verb.accepted for flag in option.flags if flag.startswith("--")]
        yield [quote(verb.words)], _offer(tuple(flags))


def _words(verbs: list[Verb]) -> Iterator[tuple[list[str], str]]:
    """Complete the words that are no options: names of commands below, or arguments by their place."""
    for verb in verbs:
        if verb.verbs:
            yield [quote(f"{verb.words}:0")], _offer(tuple(below.name for below in verb.verbs))
        for place, argument in enumerate(verb.arguments):
            if action := _action(argument.source):
                yield [quote(f"{verb.words}:") + "*" if argument.many else quote(f"{verb.words}:{place}")], action


def _commands(verbs: list[Verb]) -> Iterator[tuple[list[str], str]]:
    for verb in verbs:
        for place, argument in enumerate(verb.arguments):
            if argument.source.kind == "commands":
                yield [quote(f"{verb.words}:{place}")], ":"


def _after_dashes(verbs: list[Verb]) -> Iterator[tuple[list[str], str]]:
    for verb in verbs:
        kinds = {argument.source.kind for argument in verb.arguments}
        if "commands" in kinds:
            yield [quote(verb.words)], '_jobd_command "$1"'
        elif "jobs" in kinds:
            yield [quote(verb.words)], "_jobd_jobs"


def _action(source: Source) -> str:
    actions = {
        "jobs": "_jobd_jobs",
        "files": "_jobd_files -f",
        "directories": "_jobd_files -d",
        "commands": '_jobd_command "$COMP_CWORD"',
        "verbs": "_jobd_verbs",
    }
    return _offer(source.words) if source.words else actions.get(source.kind, "")


def _offer(words: tuple[str, ...]) -> str:
    return " ".join(["_jobd_offer", *map(quote, words)])
