"""Prints every command of the stock command line with its flags and positionals, as JSON, as its own parsers have them."""

import argparse
import json
import sys

from dstack._internal.cli import main as stock
from dstack._internal.cli.services.configurators import get_apply_configurator_class
from dstack._internal.core.models.configurations import ApplyConfigurationType


class Found(Exception):
    pass


def parser_of_main():
    found = []

    def capture(self, *args, **kwargs):
        found.append(self)
        raise Found

    original = argparse.ArgumentParser.parse_known_args
    argparse.ArgumentParser.parse_known_args = capture
    try:
        stock.main()
    except Found:
        return found[0]
    finally:
        argparse.ArgumentParser.parse_known_args = original


def spelling(action):
    long = [text for text in action.option_strings if text.startswith("--")]
    return (long or action.option_strings or [(action.metavar or action.dest).upper()])[0]


def actions_of(parser):
    return [action for action in parser._actions if action.help != argparse.SUPPRESS]


def walk(parser, name, found):
    found[name] = []
    for action in actions_of(parser):
        if isinstance(action, argparse._SubParsersAction):
            seen = {}
            for word, child in action.choices.items():
                # An alias is the same parser under another word.
                if id(child) in seen:
                    found[seen[id(child)]].append(f"alias {word}")
                    continue
                seen[id(child)] = f"{name} {word}".strip()
                walk(child, seen[id(child)], found)
        else:
            found[name].append(spelling(action))


commands = {}
walk(parser_of_main(), "", commands)
for kind in ApplyConfigurationType:
    parser = get_apply_configurator_class(kind).get_parser()
    commands[f"apply {kind.value}"] = [spelling(action) for action in actions_of(parser)]
json.dump(commands, sys.stdout)
