"""Reads [{"name", "text"}] and answers for each what the stock client would send for that file: {name: {"sent"} or {"refused"}}."""

import json
import sys

import yaml
from dstack._internal.core.compatibility.fleets import get_fleet_spec_excludes
from dstack._internal.core.compatibility.gateways import get_gateway_spec_excludes
from dstack._internal.core.compatibility.runs import get_run_spec_excludes
from dstack._internal.core.compatibility.volumes import get_volume_spec_excludes
from dstack._internal.core.models.configurations import parse_apply_configuration
from dstack._internal.core.models.fleets import FleetSpec
from dstack._internal.core.models.gateways import GatewaySpec
from dstack._internal.core.models.profiles import Profile
from dstack._internal.core.models.runs import RunSpec
from dstack._internal.core.models.volumes import VolumeSpec


def spec_of(configuration):
    if configuration.type == "fleet":
        spec = FleetSpec(configuration=configuration, profile=Profile(name="default"))
        return spec, get_fleet_spec_excludes(spec)
    if configuration.type == "gateway":
        spec = GatewaySpec(configuration=configuration)
        return spec, get_gateway_spec_excludes(spec)
    if configuration.type == "volume":
        spec = VolumeSpec(configuration=configuration)
        return spec, get_volume_spec_excludes(spec)
    spec = RunSpec(configuration=configuration, profile=Profile(name="default"))
    return spec, get_run_spec_excludes(spec)


def wire(written):
    configuration = parse_apply_configuration(written)
    # Presets are the client's own: they are not sent.
    if configuration.type == "preset":
        return json.loads(configuration.model_dump_json())
    spec, excludes = spec_of(configuration)
    return json.loads(spec.model_dump_json(exclude=excludes))["configuration"]


def answer(text):
    try:
        return {"sent": wire(yaml.load(text, yaml.CSafeLoader))}
    except Exception as error:
        return {"refused": f"{type(error).__name__}: {error}"}


cases = json.load(sys.stdin)
json.dump({case["name"]: answer(case["text"]) for case in cases}, sys.stdout)
