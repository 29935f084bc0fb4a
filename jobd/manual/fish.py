"""The completion script for fish; it uses builtins only, and only the names of jobs ask `jobd __complete`."""

from jobd.manual.tree import Option, Source, Verb, every, plain

HEAD = r"""# fish completion for jobd. Made by jobd.manual from the program itself: do not edit.

function __jobd_jobs
    string match -q -- '-*' (commandline -ct); and return
    command jobd __complete ids 2>/dev/null
end

function __jobd_path
    set -l path
    set -l skip
    for word in (commandline -opc)[2..-1]
        if test -n "$skip"
            set skip
        else if test "$word" = --
            echo "$path --"
            return
        else if string match -q -- '-*' $word
            contains -- "$path:$word" $__jobd_valued; and set skip 1
        else if set -l at (contains -i -- "$path:$word" $__jobd_words)
            set path $__jobd_paths[$at]
        end
    end
    echo "$path"
end

function __jobd_at
    test (__jobd_path) = "$argv"
end

function __jobd_verbs
    string join \n -- $__jobd_names
end

function __jobd_rest
    set -l words (commandline -opc) (commandline -ct)
    set -l at (contains -i -- -- $words)
    and set words $words[(math $at + 1)..-1]
    complete -C (string join ' ' -- $words)
end

complete -c jobd -f
"""

ACTIONS = {
    "jobs": "-a '(__jobd_jobs)'",
    "files": "-F",
    "directories": "-a '(__fish_complete_directories)'",
    "commands": "-F -a '(__fish_complete_command)'",
    "verbs": "-a '(__jobd_verbs)'",
}


def script(program: Verb) -> str:
    """Write the script for the whole program."""
    verbs = list(every(program))
    words, paths, valued = [], [], []
    for verb in verbs:
        names = [(name, below) for below in verb.verbs for name in (below.name, *below.aliases)]
        words += [f"{verb.words}:{name}" for name, _ in names]
        paths += [below.words for _, below in names]
        valued += [
            f"{verb.words}:{flag}" for option in verb.accepted if option.takes_next_word for flag in option.flags
        ]
    tables = {"words": words, "paths": paths, "valued": valued, "names": [verb.name for verb in program.verbs]}
    return "\n".join(
        [
            HEAD,
            *(f"set -g __jobd_{name} {' '.join(map(quote, all_of))}" for name, all_of in tables.items()),
            *(line for verb in verbs for line in _verb(verb)),
            "",
        ]
    )


def quote(word: str) -> str:
    """Quote a word for fish."""
    return "'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _verb(verb: Verb) -> list[str]:
    begin = f"complete -c jobd -n {quote('__jobd_at ' + verb.words)}"
    lines = ["", *(f"{begin} -a {quote(below.name)} -d {quote(plain(below.summary))}" for below in verb.verbs)]
    lines += [f"{begin} {_option(option)}" for option in verb.accepted]
    actions = dict.fromkeys(_action(argument.source) for argument in verb.arguments)
    lines += [f"{begin} {action}" for action in actions if action]
    if any(argument.source.kind == "commands" for argument in verb.arguments):
        lines.append(f"complete -c jobd -n {quote(f'__jobd_at {verb.words} --')} -a '(__jobd_rest)'")
    return lines


def _option(option: Option) -> str:
    flags = [f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags]
    action = _action(option.source) if option.value else ""
    needs = "" if not option.takes_next_word else "-r" if "-F" in action else "-x"
    parts = [*flags, needs, action]
    parts.append("-d " + quote(plain(option.help)) if option.help else "")
    return " ".join(part for part in parts if part)


def _action(source: Source) -> str:
    return "-a " + quote(" ".join(source.words)) if source.words else ACTIONS.get(source.kind, "")
