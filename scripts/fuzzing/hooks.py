"""Brings what Schemathesis makes up nearer to what the coordinator has, so that it gets past the first check.

A made-up body of a route that takes a name or a whole configuration is refused almost always. Half of the bodies
are therefore valid ones (of FUZZ_SEEDS, a file of JSON by `METHOD path`) with some parts of the made-up one in them.
"""

import hashlib
import json
import os
import random

import schemathesis

with open(os.environ["FUZZ_SEEDS"], encoding="utf-8") as file:
    SEEDS = json.load(file)


def seed_of(context):
    operation = context.operation
    return SEEDS.get(f"{operation.method.upper()} {operation.path}")


def dice(*values):
    """The same input meets the same fate, or Hypothesis could not shrink and replay it."""
    text = json.dumps(values, sort_keys=True, default=repr)
    return random.Random(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())


# What kind of thing an object is. The parts of another kind do not fit into it.
KINDS = ("type", "repo_type", "backend")


def merged(valid, made_up, rng):
    result = dict(valid)
    if any(valid.get(kind) != made_up.get(kind) for kind in KINDS):
        return result
    for key, value in made_up.items():
        known = valid.get(key)
        if isinstance(known, dict) and isinstance(value, dict) and rng.random() < 0.8:
            result[key] = merged(known, value, rng)
        elif rng.random() < (0.2 if key in valid else 0.1):
            result[key] = value
    return result


@schemathesis.hook
def map_body(context, body):
    valid = (seed_of(context) or {}).get("body")
    if not isinstance(valid, dict) or not isinstance(body, dict):
        return body
    rng = dice(body)
    return merged(valid, body, rng) if rng.random() < 0.5 else body


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    known = (seed_of(context) or {}).get("params") or {}
    rng = dice(path_parameters)
    return {
        name: known[name] if name in known and rng.random() < 0.7 else value
        for name, value in (path_parameters or {}).items()
    }
