"""The words that a parser takes, as values: what a shell needs to know to complete them."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from .values import OneOf


class Takes(StrEnum):
    """What follows an option, or stands by itself."""

    NOTHING = "nothing"
    TEXT = "text"
    FILE = "file"
    UPLOAD = "upload"
    WORDS = "words"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option: its names, what it takes (with the words, if those are few), and its help in one line."""

    names: tuple[str, ...]
    takes: Takes
    words: tuple[str, ...]
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command: its name, its help in one line, its options, and what else it takes."""

    name: str
    line: str
    options: tuple[Option, ...]
    takes: Takes
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """All words of a program."""

    program: str
    options: tuple[Option, ...]
    commands: tuple[Command, ...]


def of_parser(parser: argparse.ArgumentParser) -> Vocabulary:
    """The words of a parser that has commands."""
    return Vocabulary(program=parser.prog, options=tuple(_options(parser)), commands=tuple(_commands(parser)))


def _commands(parser: argparse.ArgumentParser) -> Iterator[Command]:
    for action in _actions(parser):
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # argparse has no public name for it
            lines = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001  # as above
            for name, command in action.choices.items():
                takes, words = _operand(command)
                options = tuple(_options(command))
                yield Command(name=name, line=lines.get(name, ""), options=options, takes=takes, words=words)


def _options(parser: argparse.ArgumentParser) -> Iterator[Option]:
    for action in _actions(parser):
        if action.option_strings:
            takes, words = (Takes.NOTHING, ()) if action.nargs == 0 else _kind(action)
            line = " ".join((action.help or "").split())
            yield Option(names=tuple(action.option_strings), takes=takes, words=words, line=line)


def _operand(parser: argparse.ArgumentParser) -> tuple[Takes, tuple[str, ...]]:
    """What the words take that are no options: the most general of them, because a shell counts no words."""
    kinds = [_kind(action) for action in _actions(parser) if not action.option_strings]
    order = (Takes.UPLOAD, Takes.FILE, Takes.WORDS, Takes.TEXT)
    return min(kinds, key=lambda kind: order.index(kind[0])) if kinds else (Takes.NOTHING, ())


def _kind(action: argparse.Action) -> tuple[Takes, tuple[str, ...]]:
    metavar = str(action.metavar or "")
    if isinstance(action.type, OneOf):
        return Takes.WORDS, action.type.words
    if action.choices is not None:
        return Takes.WORDS, tuple(map(str, action.choices))
    if "ID" in metavar:
        return Takes.UPLOAD, ()
    if action.type is Path or metavar in {"FILE", "DIR", "F"}:
        return Takes.FILE, ()
    return Takes.TEXT, ()


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return parser._actions  # noqa: SLF001  # argparse has no public way to list what a parser takes
