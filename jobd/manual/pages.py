"""The manual pages: one for jobd, one for each command or noun, one for the configuration file."""

from collections.abc import Iterable

import msgspec

from jobd.config import Config, Paths, known
from jobd.manual import statuses, variables
from jobd.manual.mdoc import Page, call
from jobd.manual.tree import Argument, Option, Verb, plain

HELP = ("--help",)
#: How things are written on every command line: {heading: (what they are, {as it is written: what it means})}.
WRITTEN = {
    "NAMING JOBS": (
        "Several may be named at once. A name cannot be all digits, nor `last` or `all`.",
        {
            "143": "The job with this id.",
            "1,3,5-8": "Several ids; `2-10:2` is every second one.",
            "last": "The newest job; `@` is short for it.",
            "all": "Every job to which the command applies.",
            "encode": "The newest job of this name.",
            "encode~1": "The run before that; `~2` the one before, and so on.",
            "%encode": "Surely a name, even if it looks like something else.",
        },
    ),
    "DURATIONS, TIMES AND SIZES": (
        "Wherever a command takes one of these, it may be written so:",
        {
            "90s 5m 2h30m 3d": "Durations.",
            "HH:MM:SS D-HH:MM:SS": "Durations as on a clock, with days before a hyphen.",
            "14:30 yesterday 2026-11-20": "Times, in the zone of the machine.",
            "2026-11-20T14:30:00Z": "A time as RFC 3339 has it.",
            "-2h 2h +2h": "Two hours ago, the same, and in two hours.",
            "512M 1.5G": "Sizes, in powers of 1024.",
        },
    ),
}


def man_page(verb: Verb, others: Iterable[tuple[int, str]] = ()) -> str:
    """Write the page of a command, of a noun with its commands, or of the whole program.

    `others` are pages (section, name) beyond those of commands to refer to.
    """
    page = Page(verb.page, 1, plain(verb.summary) or verb.name)
    _synopsis(page, verb)
    page.heading("DESCRIPTION")
    for text in (_sentence(verb.summary), *verb.paragraphs):
        page.paragraph(text)
    if verb.aliases:
        page.paragraph("It may also be called " + " or ".join(f"`{alias}`" for alias in verb.aliases) + ".")
    if len(verb.path) == 1:
        _commands(page, verb)
        _options(page, verb)
        for heading, (text, entries) in WRITTEN.items():
            page.heading(heading)
            page.paragraph(text)
            page.items((call("Ic", head)[1:], [meaning]) for head, meaning in entries.items())
        _environment(page)
        _files(page)
    else:
        _options(page, verb)
        _below(page, verb)
    _exit_status(page, verb)
    _examples(page, verb)
    page.see_also(_references(verb, others))
    return page.text()


def config_page() -> str:
    """Write jobd.toml(5), all of it from the settings."""
    page = Page("jobd.toml", 5, "configuration of jobd")
    page.heading("DESCRIPTION")
    page.paragraph(
        "jobd reads `~/.config/jobd/config.toml` (below `XDG_CONFIG_HOME` if that is set), after "
        "`/etc/xdg/jobd/config.toml` for all users of the machine. Neither needs to exist. "
        "A setting may also be said by an environment variable, which goes before the files, and some by a flag, "
        "which goes before everything. `jobd config show` tells what is in force and where it was said."
    )
    page.paragraph(
        "The file is TOML. A duration is written with units, as in `90s`, `5m`, `2h30m` or `3d`; a size as `512M` or "
        "`4G`, in powers of 1024; both in quotes. An unknown section, an unknown key or a wrong value is an error."
    )
    for section, help_text in _sections():
        page.heading(f"THE {section.upper()} SECTION")
        page.paragraph(help_text)
        page.items(
            (
                call("Ic", f"{setting.key} = {setting.example}")[1:],
                [
                    setting.help,
                    f"Takes {setting.expected}. The default is {setting.default_text}.",
                    f"In the environment: `{setting.variable}`.",
                ],
            )
            for setting in known().values()
            if setting.section == section
        )
    page.heading("EXAMPLES")
    page.literal(["[jobs]", "slots = 4", 'grace = "30s"', "", "[output]", 'color = "never"'])
    page.see_also([(1, "jobd"), (1, "jobd-config")])
    return page.text()


def _sections() -> list[tuple[str, str]]:
    return [(field.name, " ".join((field.type.__doc__ or "").split())) for field in msgspec.structs.fields(Config)]


def _synopsis(page: Page, verb: Verb) -> None:
    page.heading("SYNOPSIS")
    for shown in verb.verbs if verb.verbs and len(verb.path) > 1 else (verb,):
        page.macro("Nm", "jobd")
        if len(shown.path) > 1:
            page.macro("Cm", " ".join(shown.path[1:]))
        page.raw(".Op Ar options")
        if shown.verbs:
            page.raw(".Ar command")
            page.raw(".Op Ar argument ...")
        for argument in shown.arguments:
            page.raw(_argument_macro(argument))


def _argument_macro(argument: Argument) -> str:
    words = argument.source.words
    word = " | ".join(call("Cm", word)[1:] for word in words) if words else call("Ar", argument.name.lower())[1:]
    word = "Fl \\- " + word if argument.after_dashes else word
    word += " ..." if argument.many else ""
    return f".{word}" if argument.required else f".Op {word}"


def _option_head(option: Option) -> str:
    flags = [call("Fl", flag[1:])[1:] for flag in option.flags]
    head = " , ".join(flags)
    if not option.value:
        return head
    value = call("Ar", option.value.lower())[1:]
    return f"{head} Ns Op = Ns {value}" if option.optional else f"{head} {value}"


def _option_help(option: Option) -> list[str]:
    words = option.source.words
    return [f"{_sentence(option.help)} One of {', '.join(words)}." if words else _sentence(option.help)]


def _options(page: Page, verb: Verb) -> None:
    page.heading("OPTIONS")
    if verb.options:
        page.items((_option_head(option), _option_help(option)) for option in verb.options)
    if verb.common:
        flags = [f"`{option.flags[-1]}`" for option in verb.common]
        page.paragraph(f"It also takes what every command takes, told in jobd(1): {', '.join(flags)}.")


def _commands(page: Page, verb: Verb) -> None:
    page.heading("COMMANDS")
    page.items(
        (
            call("Cm", below.name)[1:] + "".join(" , " + call("Cm", alias)[1:] for alias in below.aliases),
            [_sentence(below.summary)],
        )
        for below in verb.verbs
    )
    page.paragraph(
        "Each has a page of its own: `man jobd-submit` tells of `jobd submit`, and so does `jobd submit --help`."
    )


def _below(page: Page, verb: Verb) -> None:
    """Tell of the commands below a noun, each with its options."""
    if not verb.verbs:
        return
    page.heading("COMMANDS")
    for below in verb.verbs:
        page.subheading(" ".join(below.path))
        for text in (_sentence(below.summary), *below.paragraphs, *map(_sentence, below.statuses)):
            page.paragraph(text)
        options = [option for option in below.options if option.flags != HELP]
        if options:
            page.items((_option_head(option), _option_help(option)) for option in options)


def _environment(page: Page) -> None:
    page.heading("ENVIRONMENT")
    page.items((call("Ev", name)[1:], [text]) for name, text in variables.READ.items())
    page.paragraph("A job finds in its environment, beside that of whoever submitted it:")
    page.items((call("Ev", name)[1:], [text]) for name, text in variables.IN_JOBS.items())


def _files(page: Page) -> None:
    """List the files of the state directory as config.Paths documents them."""
    page.heading("FILES")
    paths = Paths("~/.local/state/jobd")
    found = {str(getattr(paths, name)): item.__doc__ or "" for name, item in vars(Paths).items() if _is_place(item)}
    found["~/.config/jobd/config.toml"] = "The user's configuration, jobd.toml(5)."
    page.items((call("Pa", path)[1:], [text]) for path, text in sorted(found.items()))


def _is_place(item: object) -> bool:
    return isinstance(item, property)


def _exit_status(page: Page, verb: Verb) -> None:
    page.heading("EXIT STATUS")
    if len(verb.path) == 1:
        shown = statuses.full()
    else:
        told = [text for one in (verb, *verb.verbs) for text in one.statuses]
        words = [*verb.sources, *(source for below in verb.verbs for source in below.sources)]
        names_jobs = any(source.kind == "jobs" for source in words)
        shown = statuses.brief((*statuses.ANY, *(statuses.OF_JOBS if names_jobs else ()), *statuses.said(told)))
    for text in verb.statuses:
        page.paragraph(_sentence(text))
    page.items((str(status), [meaning]) for status, meaning in shown.items())


def _examples(page: Page, verb: Verb) -> None:
    below = verb.verbs if len(verb.path) > 1 else ()
    examples = list(dict.fromkeys(example for one in (verb, *below) for example in one.examples))
    if not examples:
        return
    page.heading("EXAMPLES")
    for example in examples:
        if example.explanation:
            page.paragraph(_sentence(example.explanation).removesuffix(".") + ":")
        page.literal([example.command])


def _references(verb: Verb, others: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    if len(verb.path) == 1:
        return [*((1, below.page) for below in verb.verbs), *others]
    return [(1, "jobd"), *others]


def _sentence(text: str) -> str:
    """Begin with a capital and end with a full stop."""
    return text[:1].upper() + text[1:].rstrip(".") + "." if text else ""
