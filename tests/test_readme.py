"""What the README promises is there: its pages, its pictures, its commands, its links."""

import re
import shlex
from pathlib import Path

import click
import pytest

from labcore.cli import cli
from pages.parts.lessons import lessons

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^python -m labcore (.+?)(?:\s{2,}#.*)?$", README, re.MULTILINE)


def test_it_leads_to_every_lesson_in_teaching_order():
    assert re.findall(r"\]\(pages/(\w+)\.py\)", README) == [lesson.path for lesson in lessons()]


def test_every_link_and_picture_is_there():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (REPOSITORY / target).is_file(), target


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_one(line):
    command: click.Command = cli
    for word in shlex.split(line):
        if not isinstance(command, click.Group):
            break
        command = command.commands[word]
    assert not isinstance(command, click.Group)
    options = {name for parameter in command.params for name in parameter.opts}
    assert set(re.findall(r"--[\w-]+", line)) <= options


def test_there_are_commands():
    assert len(COMMANDS) > 8
