"""Uses dstack.api.Client as a script of its users would; prints what it saw as JSON. stdin: the name of the run."""

import json
import sys
import time
import warnings

warnings.simplefilter("ignore")

from dstack.api import GPU, Client, Resources, Task  # noqa: E402

name = json.load(sys.stdin)
seen = {}
client = Client.from_config()
seen["project"] = client.project


def task(run_name, commands, **more):
    resources = Resources(cpu="1..", memory="64MB..", disk="100MB..")
    return Task(name=run_name, commands=commands, fleets=["pool"], **{"resources": resources, **more})


def wait(run, *statuses):
    for _ in range(600):
        run.refresh()
        if run.status.value in statuses:
            return run.status.value
        time.sleep(0.1)
    raise TimeoutError(f"{run.name} is {run.status.value}")


plan = client.runs.get_run_plan(task(name, ["echo from the script", "sleep 1"], env={"A": "1"}))
seen["plan"] = {"action": plan.action.value, "offers": plan.job_plans[0].total_offers}
run = client.runs.apply_plan(plan, None, reserve_ports=False)
seen["applied"] = run.name
seen["end"] = wait(run, "done", "failed", "terminated")
seen["logs"] = b"".join(run.logs(replica_num=0)).decode()
seen["backend"] = run.backend.value
seen["listed"] = name in [one.name for one in client.runs.list(all=True)]
seen["limited"] = len(client.runs.list(all=True, limit=1))
seen["got"] = client.runs.get(name).status.value
seen["absent"] = client.runs.get("absent")

endless = client.runs.apply_configuration(task(f"{name}-endless", ["sleep 600"]), reserve_ports=False)
seen["running"] = wait(endless, "running", "failed", "terminated")
endless.stop()
seen["stopped"] = wait(endless, "done", "failed", "terminated")
aborted = client.runs.apply_configuration(task(f"{name}-aborted", ["sleep 600"]), reserve_ports=False)
wait(aborted, "running", "failed", "terminated")
aborted.stop(abort=True)
seen["aborted"] = wait(aborted, "done", "failed", "terminated")

try:
    greedy = task(f"{name}-greedy", ["true"], resources=Resources(gpu=GPU(name="H200", count=8)))
    seen["greedy"] = client.runs.get_run_plan(greedy).job_plans[0].total_offers
    client.runs.apply_configuration(task("Wrong_Name", ["true"]), reserve_ports=False)
except Exception as error:
    seen["refused"] = str(error)

seen["repo"] = client.repos.get("absent")
seen["backends"] = [backend.name.value for backend in client.backends.list()]
json.dump(seen, sys.stdout)
