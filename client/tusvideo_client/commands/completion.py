"""``completion``: a script that lets a shell complete commands, options, files and ids of unfinished uploads."""

import argparse
import sys
from collections.abc import Iterable

from . import exits, vocabulary
from .vocabulary import Command, Option, Takes, Vocabulary


def run(options: argparse.Namespace) -> int:
    """Write the script for the shell that was named, and give the exit code."""
    sys.stdout.write(SCRIPTS[options.shell](vocabulary.of_parser(options.parser)))
    return exits.OK


def bash(words: Vocabulary) -> str:
    """A script for bash 4.4 or newer."""
    program, function = words.program, f"_{_identifier(words.program)}"
    values, flags, operands = [], [], []
    for command in words.commands:
        flags.append(f"        {command.name}) words='{_joined(_names(command.options))}' ;;")
        operands.append(f"        {command.name}) {_bash_action(command.takes, command.words, program)} ;;")
        for option in command.options:
            if option.takes is not Takes.NOTHING:
                patterns = "|".join(f"{command.name}:{name}" for name in option.names)
                values.append(
                    f"        {patterns}) {_bash_action(option.takes, option.words, program)}; return ;;",
                )
    return f"""# bash completion of {program}: source it, or save it as {program} in
# ~/.local/share/bash-completion/completions
{function}() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} command='' words='' i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${{COMP_WORDS[i]}} == -* ]] || {{ command=${{COMP_WORDS[i]}}; break; }}
    done
    case $command:$before in
{_lines(values)}
    esac
    if [[ -z $command ]]; then
        words='{_joined([*(command.name for command in words.commands), *_names(words.options)])}'
    elif [[ $current == -* ]]; then
        case $command in
{_lines(flags)}
        esac
    else
        case $command in
{_lines(operands)}
        esac
        return
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}}
complete -F {function} {program}
"""


def zsh(words: Vocabulary) -> str:
    """A script for zsh."""
    program, function = words.program, f"_{_identifier(words.program)}"
    names = "\n".join(f"    {_quoted(f'{command.name}:{command.line}')}" for command in words.commands)
    cases = "\n".join(_zsh_case(command, function) for command in words.commands)
    return f"""#compdef {program}
# zsh completion of {program}: save it as _{program} in a folder of $fpath, or source it
{function}_uploads() {{
  local -a ids
  ids=(${{(f)"$({_ids(program)})"}})
  compadd -a ids
  _files
}}
{function}() {{
  local -a commands
  commands=(
{names}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local name=$words[2]
  shift words
  (( CURRENT-- ))
  case $name in
{cases}
  esac
}}
if [[ $funcstack[1] == {function} ]]; then
  {function} "$@"
else
  compdef {function} {program}
fi
"""


def fish(words: Vocabulary) -> str:
    """A script for fish."""
    program = words.program
    lines = [
        f"# fish completion of {program}: save it as {program}.fish in ~/.config/fish/completions",
        f"complete -c {program} -f",
    ]
    lines.extend(_fish_option(program, "__fish_use_subcommand", option) for option in words.options)
    for command in words.commands:
        lines.append(
            f"complete -c {program} -n __fish_use_subcommand -a {command.name} -d {_fish_quoted(command.line)}"
        )
        here = f"__fish_seen_subcommand_from {command.name}"
        lines.extend(_fish_option(program, here, option) for option in command.options)
        if command.takes in {Takes.FILE, Takes.UPLOAD}:
            lines.append(f"complete -c {program} -n '{here}' -F")
        if command.takes is Takes.UPLOAD:
            lines.append(f"complete -c {program} -n '{here}' -a '({_fish_quoted(_ids(program), bare=True)})'")
        if command.takes is Takes.WORDS:
            lines.append(f"complete -c {program} -n '{here}' -x -a '{' '.join(command.words)}'")
    return "\n".join(lines) + "\n"


SCRIPTS = {"bash": bash, "zsh": zsh, "fish": fish}


def _bash_action(takes: Takes, words: Iterable[str], program: str) -> str:
    match takes:
        case Takes.FILE:
            return "compopt -o default"
        case Takes.UPLOAD:
            return f'compopt -o default; mapfile -t COMPREPLY < <(compgen -W "$({_ids(program)})" -- "$current")'
        case Takes.WORDS:
            return f"mapfile -t COMPREPLY < <(compgen -W '{' '.join(words)}' -- \"$current\")"
        case _:
            return ":"


def _zsh_case(command: Command, function: str) -> str:
    specs = [_zsh_option(option, function) for option in command.options]
    if command.takes is not Takes.NOTHING:
        specs.append(_quoted(f"*:{command.takes}:{_zsh_action(command.takes, command.words, function)}"))
    return f"    {command.name}) _arguments " + " \\\n      ".join(specs) + " ;;"


def _zsh_option(option: Option, function: str) -> str:
    help_text = "".join(f"\\{char}" if char in "[]:\\" else char for char in option.line)
    value = "" if option.takes is Takes.NOTHING else f":value:{_zsh_action(option.takes, option.words, function)}"
    return " ".join(_quoted(f"*{name}[{help_text}]{value}") for name in option.names)


def _zsh_action(takes: Takes, words: Iterable[str], function: str) -> str:
    match takes:
        case Takes.FILE:
            return "_files"
        case Takes.UPLOAD:
            return f"{function}_uploads"
        case Takes.WORDS:
            return f"({' '.join(words)})"
        case _:
            return " "


def _fish_option(program: str, condition: str, option: Option) -> str:
    names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
    value = {
        Takes.NOTHING: "",
        Takes.FILE: " -r -F",
        Takes.WORDS: f" -x -a '{' '.join(option.words)}'",
    }.get(option.takes, " -x")
    return f"complete -c {program} -n '{condition}' {names}{value} -d {_fish_quoted(option.line)}"


def _ids(program: str) -> str:
    """A command that prints the ids of the uploads that are remembered, one a line, and nothing if it fails."""
    return f"{program} ls --offline 2>/dev/null | tail -n +2 | cut -d ' ' -f 1"


def _identifier(name: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in name)


def _names(options: Iterable[Option]) -> list[str]:
    return [name for option in options for name in option.names]


def _joined(words: Iterable[str]) -> str:
    return " ".join(words)


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """Text as one word of bash and zsh."""
    return "'" + text.replace("'", "'\\''") + "'"


def _fish_quoted(text: str, *, bare: bool = False) -> str:
    """Text as one word of fish; ``bare`` without the quotes around it."""
    inner = text.replace("\\", "\\\\").replace("'", "\\'")
    return inner if bare else f"'{inner}'"
