import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ProblemKind } from "../schema/refusal.ts";

// Reads testdata/golden (see its README), for tests.

const ROOT = join(import.meta.dir, "../../testdata/golden");

/** One mistake that the reference finds in a file. */
export interface GoldenError {
  loc: (string | number)[];
  kind: ProblemKind;
}

export interface Expected {
  valid: boolean;
  step?: "plan" | "submit";
  stage?: "parse" | "client" | "server";
  type?: string;
  crash?: boolean;
  errors?: GoldenError[];
  configuration?: Record<string, unknown>;
  profile?: Record<string, unknown>;
  job_specs?: Record<string, unknown>[];
  requirements?: Record<string, unknown>;
  server_sets?: { path: (string | number)[]; value: unknown }[];
  given?: {
    args?: string[];
    env?: Record<string, string>;
    profiles?: unknown;
    global_profiles?: unknown;
    secrets?: Record<string, string>;
    images?: Record<string, Record<string, unknown>>;
    absent?: string[];
    missing_volumes?: string[];
    volume_places?: Record<string, [backend: string, region: string]>;
    /** Null: the project has none. */
    gateway?: { domain?: string | null; status?: string; certificate?: unknown } | null;
  };
}

export interface GoldenCase {
  name: string;
  text: string;
  expected: Expected;
  /** What 0.22.5 does with it, only if different. */
  later: Expected | undefined;
}

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));

export const configurationCases = (): GoldenCase[] => {
  const folder = join(ROOT, "configuration");
  return readdirSync(folder)
    .sort()
    .map((name) => {
      const files = readdirSync(join(folder, name));
      return {
        name,
        text: readFileSync(join(folder, name, "config.dstack.yml"), "utf8"),
        expected: readJson(join(folder, name, "expected.json")) as Expected,
        later: files.includes("expected-0.22.json")
          ? (readJson(join(folder, name, "expected-0.22.json")) as Expected)
          : undefined,
      };
    });
};

export const goldenList = (file: "values.json" | "matching.json"): unknown[] =>
  readJson(join(ROOT, file)) as unknown[];
