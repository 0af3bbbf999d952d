"""Asks the stock command line for its help, once for each list of arguments on stdin, in one process."""

import contextlib
import io
import json
import sys

from dstack._internal.cli.main import main

answers = []
for args in json.load(sys.stdin):
    sys.argv = ["dstack", *args]
    printed, code = io.StringIO(), 0
    with contextlib.redirect_stdout(printed):
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
    answers.append({"code": code, "printed": printed.getvalue()})
json.dump(answers, sys.stdout)
