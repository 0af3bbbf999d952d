"""Attaches to a run with dstack.api.Client; prints what comes of it as JSON. stdin: the run's name, a port of its job."""

import json
import sys
import urllib.error
import urllib.request

from dstack.api import Client

name, port = json.load(sys.stdin)
run = Client.from_config().runs.get(name)
seen = {"attached": run.attach()}
url = f"http://127.0.0.1:{run.ports[port]}/"
seen["page"] = urllib.request.urlopen(url).read().decode()
run.detach()
try:
    urllib.request.urlopen(url)
except urllib.error.URLError:
    seen["detached"] = True
json.dump(seen, sys.stdout)
