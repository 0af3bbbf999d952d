/** Damaged outputs of every tool: an answer in any case, one that the protocol takes, and in time. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { z } from "zod";
import { GpuDevice } from "../../shared/protocol/inventory.ts";
import { parseAmdSmi, parseRocmSmi } from "./amdTools.ts";
import { parseHlSmi } from "./gaudi.ts";
import { parseNvidiaList, withSlices } from "./mig.ts";
import { parseNvidiaCsv } from "./nvidiaCsv.ts";
import { parseNvidiaXml } from "./nvidiaXml.ts";
import { parseNvlinks } from "./nvlink.ts";
import { parseTtSmi } from "./tenstorrent.ts";

const testdata = join(import.meta.dir, "testdata");
const samples = readdirSync(testdata, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.(xml|txt|csv|list|topo)$/.test(name))
  .map((name) => readFileSync(join(testdata, name), "utf8"));

/** What is cut out, put in, doubled and swapped in a sample, by places between 0 and 1. */
const place = fc.double({ min: 0, max: 1, noNaN: true });
const edit = fc.record({
  from: place,
  length: fc.nat(200),
  put: fc.oneof(
    fc.string(),
    fc.constantFrom(
      "-1",
      "1e400",
      "99999999999999999999",
      "[N/A]",
      "GPU is lost",
      "</gpu>",
      "<a>",
      "&",
      "{",
      "]",
      "\0",
    ),
  ),
});
const damaged = fc
  .record({ sample: fc.constantFrom(...samples), edits: fc.array(edit, { minLength: 1, maxLength: 6 }) })
  .map(({ sample, edits }) =>
    edits.reduce((text, { from, length, put }) => {
      const at = Math.floor(from * text.length);
      return text.slice(0, at) + put + text.slice(at + length);
    }, sample),
  );

const Board = z.object({ name: z.string().min(1), memory_mib: z.number().int().nonnegative() });
const Unplaced = GpuDevice.omit({ id: true });

const PARSERS: Record<string, (text: string) => unknown> = {
  "nvidia-smi -q -x": (text) => {
    const gpus = parseNvidiaXml(text);
    return GpuDevice.array().parse(withSlices(gpus, parseNvidiaList(text)).gpus);
  },
  "nvidia-smi --query-gpu": (text) => GpuDevice.array().parse(parseNvidiaCsv(text)),
  "nvidia-smi topo -m": (text) => [...parseNvlinks(text)].every((index) => index >= 0),
  "amd-smi": (text) => Unplaced.array().parse(parseAmdSmi(text)),
  "rocm-smi": (text) => Unplaced.array().parse(parseRocmSmi(text)),
  "hl-smi": (text) => Unplaced.array().parse(parseHlSmi(text, ["name", "memory.total", "index"])),
  "tt-smi": (text) => Board.array().parse(parseTtSmi(text)),
};

describe("parsers of vendors' tools", () => {
  test.each(Object.entries(PARSERS))("%s", (_name, parse) => {
    expect(samples.length).toBeGreaterThan(10);
    fc.assert(
      fc.property(damaged, (text) => {
        parse(text);
      }),
      { numRuns: 300 },
    );
  });

  test.each(Object.entries(PARSERS))(
    "%s: much of what makes expressions slow",
    (_name, parse) => {
      for (const unit of [" ", "\t", "<a ", "<a b='", "GPU0 ", "MIG 1g", "[{", ",", "NV1", "&lt;", "0:"])
        parse(unit.repeat(50_000));
      for (const start of ["<nvidia_smi_log>", "GPU 0: x (UUID: ", "  MIG "])
        parse(start + "a ".repeat(50_000));
    },
    10_000,
  );
});
