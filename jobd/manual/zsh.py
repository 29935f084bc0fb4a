"""The completion script for zsh, by its own `_arguments`; only the names of jobs ask `jobd __complete`."""

from jobd.manual.bash import quote
from jobd.manual.tree import Argument, Option, Source, Verb, every, plain

HEAD = r"""#compdef jobd
# zsh completion for jobd. Made by jobd.manual from the program itself: do not edit.

__jobd_jobs() {
    [[ $PREFIX == -* ]] && return 1
    local -a jobs
    jobs=(${(f)"$(_call_program jobs ${(q)program} __complete ids 2>/dev/null)"})
    jobs=(${${jobs//:/\\:}/$'\t'/:})
    _describe -t jobs job jobs
}

__jobd_command() {
    if [[ $words[1] == -- ]]; then
        shift words
        ((CURRENT--))
    fi
    _normal
}
"""

ACTIONS = {
    "jobs": "__jobd_jobs",
    "files": "_files",
    "directories": "_directories",
    "commands": "_command_names -e",
    "verbs": "__jobd_verbs",
}


def script(program: Verb) -> str:
    """Write the script for the whole program."""
    functions = [_function(verb) for verb in every(program)]
    return "\n".join([HEAD, *functions, '_jobd "$@"', ""])


def _function(verb: Verb) -> str:
    specs = [spec for option in verb.accepted for spec in _option(option)]
    if verb.verbs:
        return _noun(verb, specs)
    specs += [_argument(argument) for argument in verb.arguments]
    return _lines(_name(verb), ["_arguments -s -S : " + _join(specs)])


def _noun(verb: Verb, specs: list[str]) -> str:
    """Choose among the commands below, then go on in the function of the chosen one."""
    verbs = f"_{_name(verb)}_verbs"
    described = [quote(f"{below.name}:{plain(below.summary)}") for below in verb.verbs]
    cases = [f"{'|'.join((below.name, *below.aliases))}) {_name(below)} ;;" for below in verb.verbs]
    choose = ["local -a verbs", "verbs=(", *_indented(described), ")", "_describe -t verbs command verbs"]
    walk = [
        "local curcontext=$curcontext state line",
        "typeset -A opt_args",
        "_arguments -s -S -C : " + _join([*specs, quote(f"1: :{verbs}"), quote("*:: :->rest")]),
        "[[ $state == rest ]] || return",
        f"curcontext=${{curcontext%:*:*}}:{'-'.join(verb.path)}-$words[1]:",
        "case $words[1] in",
        *_indented(cases),
        "esac",
    ]
    if len(verb.path) == 1:
        walk.insert(0, "local program=$words[1]")
    return _lines(verbs, choose) + "\n" + _lines(_name(verb), walk)


def _option(option: Option) -> list[str]:
    """Write one spec for each spelling; it excludes the other spellings unless the option may be repeated."""
    others = "*" if option.repeated else f"({' '.join(option.flags)})" if len(option.flags) > 1 else ""
    specs = []
    for flag in option.flags:
        text = f"{others}{flag}"
        if option.value:
            text += "=" if flag.startswith("--") else "" if option.optional else "+"
            text += "-" if option.optional else ""
        text += f"[{_bracketed(option.help)}]"
        if option.value:
            text += f":{':' if option.optional else ''}{option.value.lower()}:{_action(option.source)}"
        specs.append(quote(text))
    return specs


def _argument(argument: Argument) -> str:
    name = argument.name.lower()
    if argument.source.kind == "commands" and argument.many:
        return quote(f"*::{name}:__jobd_command")
    many, optional = ("*" if argument.many else ""), ("" if argument.required or argument.many else ":")
    return quote(f"{many}:{optional}{name}:{_action(argument.source)}")


def _action(source: Source) -> str:
    if source.words:
        return "(" + " ".join(source.words) + ")"
    return ACTIONS.get(source.kind, " ")


def _name(verb: Verb) -> str:
    return "_" + "_".join(verb.path).replace("-", "_")


def _lines(name: str, body: list[str]) -> str:
    return "\n".join([f"{name}() {{", *_indented(body), "}", ""])


def _indented(lines: list[str]) -> list[str]:
    return ["    " + line for line in lines]


def _join(specs: list[str]) -> str:
    return " \\\n        ".join(specs)


def _bracketed(text: str) -> str:
    return plain(text).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
