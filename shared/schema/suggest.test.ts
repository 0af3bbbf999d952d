import { expect, test } from "bun:test";
import { suggest } from "./suggest.ts";

const known = ["commands", "command", "env", "image", "max_duration", "gpu", "nodes", "spot_policy", "port"];

test.each([
  ["comands", "commands"],
  ["cmomands", "commands"],
  ["Commands", "commands"],
  ["max-duration", "max_duration"],
  ["max_durations", "max_duration"],
  ["gpus", "gpu"],
  ["ports", "port"],
  ["node", "nodes"],
  ["cors", undefined],
  ["x-gpu", undefined],
  ["", undefined],
  ["z".repeat(10_000), undefined],
])("suggest() for %s is %s", (word, expected) => expect(suggest(word, known)).toBe(expected));
