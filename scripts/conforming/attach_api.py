"""Attaches to a run with dstack.api.Client; prints what comes of it as JSON. stdin: the name of the run."""

import json
import sys

from dstack.api import Client

run = Client.from_config().runs.get(json.load(sys.stdin))
try:
    json.dump({"attached": run.attach()}, sys.stdout)
except Exception as error:
    json.dump({"error": str(error)}, sys.stdout)
