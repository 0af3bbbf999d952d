import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CpuSpec, printCpu } from "../resources/cpu.ts";
import { DiskSpec } from "../resources/disk.ts";
import {
  parseDuration,
  parseIdleDuration,
  parseInactivityDuration,
  parseOffableDuration,
  printDuration,
} from "../resources/duration.ts";
import { GpuSpec, printGpu } from "../resources/gpu.ts";
import { parseMemory, parseMemoryRange, printMemory } from "../resources/memory.ts";
import { parseIntegerRange, printRange, type Range } from "../resources/range.ts";
import { Refusal } from "../schema/refusal.ts";
import { parseInteger, parseNumber, parseText } from "../schema/scalar.ts";
import { parseNetwork } from "./address.ts";
import { RunConfiguration } from "./configuration.ts";
import { parseCrons } from "./cron.ts";
import { Env, parseEnvEntry, printEnvEntry } from "./env.ts";
import { FileMapping, printFile } from "./files.ts";
import { interpolate } from "./interpolate.ts";
import { Mount, printMount } from "./mounts.ts";
import { isResourceName, parseGroupName } from "./names.ts";
import { checkNodeReferences } from "./nodeReferences.ts";
import { Port, printPort, ServicePort } from "./ports.ts";
import { EntityReference, InstanceSelector, printReference } from "./reference.ts";
import { RepoSpec } from "./repos.ts";
import { parsePython, parseShell, parseUser } from "./runScalars.ts";
import { parseTags } from "./tags.ts";

const same = <T>(arbitrary: fc.Arbitrary<T>, roundTrip: (value: T) => unknown) =>
  fc.assert(fc.property(arbitrary, (value) => expect(roundTrip(value)).toEqual(value)));

const rangeOf = (end: fc.Arbitrary<number>): fc.Arbitrary<Range> =>
  fc
    .tuple(fc.option(end), fc.option(end))
    .filter(([a, b]) => a !== null || b !== null)
    .map(([a, b]) =>
      a !== null && b !== null ? { min: Math.min(a, b), max: Math.max(a, b) } : { min: a, max: b },
    );

const counts = rangeOf(fc.nat(100_000));
const memory = fc.oneof(
  fc.nat(4096),
  fc.nat(4096).map((megabytes) => megabytes / 1024),
  fc.nat(64).map((terabytes) => terabytes * 1024),
);
const word = (pattern: RegExp) => fc.stringMatching(pattern);
const path = word(/^(\/[a-z0-9_-]{1,8}){1,4}$/);
const name = word(/^[a-z][a-z0-9-]{1,12}$/);
const port = fc.integer({ min: 1, max: 65_535 });

describe("what is printed is parsed to the same", () => {
  test("ranges", () => same(counts, (range) => parseIntegerRange(printRange(range))));
  test("memory", () => same(memory, (size) => parseMemory(printMemory(size))));
  test("ranges of memory", () =>
    same(rangeOf(memory), (range) => parseMemoryRange(printRange(range, printMemory))));
  test("disk", () => same(rangeOf(memory), (size) => DiskSpec.parse(printRange(size, printMemory)).size));
  test("durations", () =>
    same(fc.integer({ min: -10, max: 10_000_000 }), (s) => parseDuration(printDuration(s))));
  test("CPU", () =>
    same(fc.record({ arch: fc.constantFrom(null, "x86", "arm"), count: counts }), (cpu) =>
      CpuSpec.parse(printCpu(cpu)),
    ));
  test("GPU", () => {
    const gpu = fc.record({
      vendor: fc.constantFrom(null, "nvidia", "amd", "google", "intel", "tenstorrent"),
      name: fc.option(fc.uniqueArray(word(/^[A-Z][A-Z0-9]{2,6}$/), { minLength: 1, maxLength: 3 })),
      count: counts,
      memory: fc.option(rangeOf(memory)),
      total_memory: fc.constant(null),
      compute_capability: fc.constant(null),
    });
    const isVendor = /^(nvidia|amd|google|tpu|intel|tenstorrent|tt)$/i;
    same(
      gpu.filter(({ name: names }) => !names?.some((each) => isVendor.test(each) || each.startsWith("TPU"))),
      (spec) => GpuSpec.parse(printGpu(spec)),
    );
  });
  test("ports", () =>
    same(fc.record({ local_port: fc.option(port), container_port: port }), (each) =>
      Port.parse(printPort(each)),
    ));
  test("mounts", () => {
    const volume = fc.record({ name, path });
    const folder = fc.record({ instance_path: path, path, optional: fc.constant(false) });
    same(fc.oneof(volume, folder), (mount) => Mount.parse(printMount(mount)));
  });
  test("files", () =>
    same(fc.record({ local_path: word(/^[a-z._-]{2,12}$/), path }), (file) =>
      FileMapping.parse(printFile(file)),
    ));
  test("repositories", () =>
    same(fc.record({ local_path: word(/^[a-z._-]{2,12}$/), path }), (repo) => {
      const { local_path, path: target } = RepoSpec.parse(`${repo.local_path}:${repo.path}`);
      return { local_path, path: target };
    }));
  test("variables", () => {
    const value = fc.oneof(
      fc.string().filter((text) => !text.includes("\n")),
      fc.constant(undefined),
    );
    same(fc.tuple(word(/^[a-zA-Z_][a-zA-Z0-9_]{0,10}$/), value), ([key, text]) => {
      const [parsed, got] = parseEnvEntry(printEnvEntry(key, text ?? { key }));
      return [parsed, typeof got === "string" ? got : undefined];
    });
  });
  test("references", () =>
    same(fc.record({ project: fc.option(name), name }), (each) =>
      EntityReference.parse(printReference(each)),
    ));
  test("names and cron expressions, which stay as they are", () => {
    same(word(/^[a-z0-9][a-z0-9-]{0,39}$/), parseGroupName);
    const field = (max: number) => fc.oneof(fc.constant("*"), fc.nat(max).map(String));
    same(
      fc
        .tuple(field(59), field(23), fc.constant("last"), fc.constant("jan-dec"), field(6))
        .map((all) => [all.join(" ")]),
      parseCrons,
    );
  });
});

/** Every parser of text. */
const PARSERS: Record<string, (text: string) => unknown> = {
  text: parseText,
  integer: parseInteger,
  number: parseNumber,
  range: parseIntegerRange,
  memory: parseMemory,
  "memory range": parseMemoryRange,
  duration: parseDuration,
  offable: parseOffableDuration,
  idle: parseIdleDuration,
  inactivity: parseInactivityDuration,
  cron: parseCrons,
  "env entry": parseEnvEntry,
  "group name": parseGroupName,
  name: isResourceName,
  user: parseUser,
  python: parsePython,
  shell: parseShell,
  network: parseNetwork,
  interpolation: (text) => interpolate(text, { env: {} }),
  cpu: (text) => CpuSpec.safeParse(text),
  gpu: (text) => GpuSpec.safeParse(text),
  disk: (text) => DiskSpec.safeParse(text),
  port: (text) => Port.safeParse(text),
  "service port": (text) => ServicePort.safeParse(text),
  mount: (text) => Mount.safeParse(text),
  file: (text) => FileMapping.safeParse(text),
  repo: (text) => RepoSpec.safeParse(text),
  reference: (text) => EntityReference.safeParse(text),
  instance: (text) => InstanceSelector.safeParse(text),
  env: (text) => Env.safeParse([text]),
  tags: (text) => parseTags({ a: text, [text]: "b" }),
  "node references": (text) =>
    checkNodeReferences(RunConfiguration.parse({ type: "task", commands: [text] }), () => {}),
};

/** A value or a `Refusal`: everything else is a crash. */
const attempt = (parse: (text: string) => unknown, text: string) => {
  try {
    parse(text);
  } catch (err) {
    if (!(err instanceof Refusal)) throw err;
  }
};

const FRAGMENTS = [
  "1",
  "0",
  ".",
  "..",
  ":",
  ",",
  " ",
  "-",
  "+",
  "_",
  "e",
  "a",
  "A",
  "GB",
  "s",
  "/",
  "//",
  "*",
  "@",
  "=",
];
const MORE = [
  "$",
  "${{",
  "}}",
  "$${{",
  "\n",
  "\t",
  "٣",
  "é",
  "nvidia",
  "x86",
  "~",
  "\\",
  "groups[0]",
  "__proto__",
  '"',
];
const fragment = fc.constantFrom(...FRAGMENTS, ...MORE);

describe.each(Object.entries(PARSERS))("%s", (_name, parse) => {
  test("crashes at no text", () => {
    const mixed = fc.array(fragment, { maxLength: 30 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.oneof(mixed, fc.string({ unit: "binary" })), (text) => attempt(parse, text)),
      { numRuns: 500 },
    );
  });

  test("takes time in proportion to the text", () => {
    const bestMs = (text: string) => {
      let best = Number.POSITIVE_INFINITY;
      for (let run = 0; run < 5 && best > 0.5; run += 1) {
        const start = performance.now();
        attempt(parse, text);
        best = Math.min(best, performance.now() - start);
      }
      return best;
    };
    const small = 4 * 1024;
    const large = 16 * small;
    const QUADRATIC = 16 * 16;
    for (const part of [...FRAGMENTS, ...MORE, "1.", "1:", "a/", "1..", "a,", "${{a", "${{ groups", "*/1,"]) {
      for (const [head, tail] of [
        ["", ""],
        ["1", "!"],
        ["a:", "\n"],
      ] as const) {
        const text = (length: number) => head + part.repeat(length / part.length) + tail;
        const ms = bestMs(text(large));
        // A millisecond for each KiB. On a busy machine that may be missed, but then not by growing with the square.
        if (ms < large / 1024) continue;
        const growth = ms / bestMs(text(small));
        if (growth > QUADRATIC / 4)
          throw new Error(`${JSON.stringify(part)}: ${ms} ms, ${growth} times as long`);
      }
    }
  });
});
