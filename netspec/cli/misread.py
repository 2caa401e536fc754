"""A command line that cannot be read: what argparse says of it, in the words and the shape of all other errors."""

from __future__ import annotations

import re
from argparse import Action
from collections.abc import Sequence

from ..diagnostics import Diagnostic, near
from ..plain import shown

HELP = "--help"


def misread(message: str, command: str, actions: Sequence[Action], words: Sequence[str], examples: Sequence[str],
            also: dict[str, str]) -> Diagnostic:
    """What is wrong, and what to write.

    message   as argparse words it
    command   as it is called: `netspec draw`
    actions   the arguments that the command takes
    words     the command line as it was typed
    examples  command lines of the help
    also      the commands by names that other programs have for them
    """
    odd = _unknown(words, actions)
    if odd and "arguments are required" in message:  # what is missing may have been said in a word with a slip
        message = f"unrecognized arguments: {odd[0]}"
    title, asked = _said(message, command, actions)
    named = next((a for a in actions if asked and asked in (*a.option_strings, _name(a))), None)
    hint = _meant(message, actions, odd, also) or _example(examples, named, message) or f"{command} {HELP}"
    return Diagnostic("usage", shown(title, lines=True), hint=hint)


def _said(message: str, command: str, actions: Sequence[Action]) -> tuple[str, str]:
    """The message, and the option or argument it is about."""
    if found := re.fullmatch(r"the following arguments are required: (.*)", message):
        return f"{command} needs {' and '.join(_wanted(name, actions) for name in found[1].split(', '))}", ""
    if found := re.fullmatch(r"unrecognized arguments: (.*)", message, re.DOTALL):
        return f"{command} does not take {found[1]}", ""
    if not (found := re.fullmatch(r"argument (\S+): (.*)", message, re.DOTALL)):
        return message, ""
    name, what = found[1].split("/")[-1] if found[1].startswith("-") else found[1], found[2]
    if choice := re.fullmatch(r"invalid choice: (.*?) \(choose from (.*)\)", what, re.DOTALL):
        word, choices = choice[1].strip("'"), choice[2].replace("'", "")
        return f"there is no command `{word}`" if name == "COMMAND" else f"{name} is one of {choices}, not `{word}`", name
    if re.fullmatch(r"expected .*argument.*", what):
        option, _, value = _wanted(name, actions).partition(" ")
        return f"{option} needs {value or 'a value'}", name
    if other := re.fullmatch(r"not allowed with argument (\S+)", what):
        return f"{name} and {other[1].split('/')[-1]} do not go together", name
    if given := re.fullmatch(r"ignored explicit argument (.*)", what, re.DOTALL):
        return f"{name} takes no value, and {given[1]} is given", name
    return f"{name}: {what}", name


def _name(a: Action) -> str:
    return a.option_strings[-1] if a.option_strings else str(a.metavar or a.dest)


def _wanted(name: str, actions: Sequence[Action]) -> str:
    """`FILE[:NET]`, `-o PICTURE`: an argument with what it is followed by."""
    a = next((a for a in actions if name in ("/".join(a.option_strings), *a.option_strings, _name(a))), None)
    if a is None or not a.option_strings:
        return "a command" if name == "COMMAND" else name
    return f"{a.option_strings[0]} {a.metavar or a.dest.upper()}"


def _unknown(words: Sequence[str], actions: Sequence[Action]) -> list[str]:
    """Options that were typed and are none."""
    typed = [w.partition("=")[0] for w in words if re.match("--.", w)]
    return [w for w in typed if not any(o.startswith(w) for a in actions for o in a.option_strings)]


def _meant(message: str, actions: Sequence[Action], odd: Sequence[str], also: dict[str, str]) -> str:
    """The word that was probably meant, of a command, a choice or an option."""
    alike: str | None
    if choice := re.search(r"invalid choice: '?([^' ]*)'? \(choose from (.*)\)", message):
        pool = re.findall(r"[\w-]+", choice[2])
        alike = also[choice[1]] if also.get(choice[1]) in pool else near(choice[1], pool)
    else:
        options = [o for a in actions for o in a.option_strings if o.startswith("--")]
        alike = next(filter(None, (near(w, options) for w in odd)), None)
    return f"did you mean `{alike}`?" if alike else ""


def _example(examples: Sequence[str], named: Action | None, message: str) -> str:
    """A command line of the help that has what is missing, or wrong."""
    if named is not None and named.option_strings:
        return next((e for e in examples if any(f" {o} " in e for o in named.option_strings)), "")
    return next(iter(examples), "") if "arguments are required" in message else ""
