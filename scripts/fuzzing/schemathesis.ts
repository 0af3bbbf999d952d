import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { makeOpenApi } from "../../coordinator/http/openapi/document.ts";
import { openApiPath } from "../../coordinator/http/openapi/operation.ts";
import { ROUTES } from "../../coordinator/http/routes.ts";
import { ROUTE_CASES } from "../../coordinator/testing/routeCases.ts";
import type { Seeded } from "../../coordinator/testing/seeded.ts";
import { run } from "../e2e/harness/program.ts";
import { installPythonPackage } from "../e2e/harness/pythonPackage.ts";

const VERSION = "4.32.5";
/** From the package index that this machine's pip is set to. Answers its path, or why it cannot be had. */
export const installSchemathesis = (): Promise<{ path: string } | { reason: string }> =>
  installPythonPackage({
    folder: `schemathesis-${VERSION}`,
    wanted: `schemathesis==${VERSION}`,
    program: "schemathesis",
  });

/** Their bodies have rules that no schema tells, most over several properties: valid by it, they may still be refused. */
const WITH_RULES = [
  "/api/events/list",
  "/api/project/{project}/fleets/apply",
  "/api/project/{project}/fleets/get_plan",
  "/api/project/{project}/gateways/apply",
  "/api/project/{project}/gateways/create",
  "/api/project/{project}/gateways/get_plan",
  "/api/project/{project}/gpus/list",
  "/api/project/{project}/runs/apply",
  "/api/project/{project}/runs/get_plan",
  "/api/project/{project}/volumes/create",
];

/** They take a caller's token away, or what all others need: these are called when the others have been. */
const LAST = [
  "/api/users/refresh_token",
  "/api/users/delete",
  "/api/users/update",
  "/api/projects/delete",
  "/api/projects/{project}/set_members",
  "/api/projects/{project}/remove_members",
];

/**
 * On: no 5xx, and every answer with a status, a content type and fields that are described; a body that is valid is not
 * refused for its form (it may be by the domain, 400); what needs a token is refused without one.
 *
 * Off, and why:
 * - negative_data_rejection: unknown fields are ignored, as the stock server's clients send them across versions, and
 *   the configuration language reads `"2"` as 2;
 * - unsupported_method: a GET of a POST-only route is a 404 on the wire, not a 405 (docs/spec/http-api.md §1.4);
 * - use_after_free, ensure_resource_availability: a deleted name is free at once, and what was made may be gone again;
 * - missing_required_header, response_headers_conformance, allow_header_conformance: no headers are described.
 */
const CHECKS = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_schema_conformance",
  "ignored_auth",
];
const ACCEPTANCE = "positive_data_acceptance";

const CONFIG = `
[parameters]
"path.project" = "main"

[checks.${ACCEPTANCE}]
expected-statuses = ["2xx", 400, 401, 403, 404, 413, 426]
`;

const Report = z.object({
  test_cases: z.object({ generated: z.number(), unique_failures: z.number() }),
  valid_rates: z.record(z.string(), z.record(z.string(), z.object({ accepted: z.number() }))).optional(),
});

export interface FuzzOptions {
  path: string;
  dir: string;
  seeded: Seeded;
  /** Null: without a token. */
  token: string | null;
  /** Of each route. */
  most: number;
  phases: "coverage,fuzzing" | "fuzzing";
  seed: number;
}

export interface Fuzzed {
  cases: number;
  failures: number;
  /** Routes of which at least one call was accepted. */
  accepted: ReadonlySet<string>;
  output: string;
}

/** What these answer lasts as long as the run does that they are asked for; the contract tests have them. */
const ENDLESS = ["/api/project/{project}/runs/watch", "/api/project/{project}/logs/stream"];

interface Pass {
  which: string[];
  checks: string[];
}

const only = (paths: string[]): string[] => paths.flatMap((path) => ["--include-path", path]);
const without = (paths: string[]): string[] => paths.flatMap((path) => ["--exclude-path", path]);

const PASSES: readonly Pass[] = [
  { which: without([...WITH_RULES, ...LAST, ...ENDLESS]), checks: [...CHECKS, ACCEPTANCE] },
  { which: only(WITH_RULES), checks: CHECKS },
  { which: only(LAST), checks: [...CHECKS, ACCEPTANCE] },
];

/** Calls every route many times as one caller. */
export const fuzz = async (options: FuzzOptions): Promise<Fuzzed> => {
  const { dir, seeded } = options;
  const seeds = Object.entries(ROUTE_CASES).map(([key, make]) => [openApiPath(key), make(seeded.known)]);
  await Bun.write(join(dir, "schemathesis.toml"), CONFIG);
  await Bun.write(join(dir, "seeds.json"), JSON.stringify(Object.fromEntries(seeds)));
  await Bun.write(join(dir, "openapi.json"), JSON.stringify(makeOpenApi(ROUTES, { isStrict: true })));
  const all: Fuzzed = { cases: 0, failures: 0, accepted: new Set(), output: "" };
  for (const pass of PASSES) {
    const { cases, failures, accepted, output } = await fuzzSome(options, pass);
    all.cases += cases;
    all.failures += failures;
    all.accepted = all.accepted.union(accepted);
    if (failures > 0) all.output += output;
  }
  return all;
};

const fuzzSome = async (options: FuzzOptions, { which, checks }: Pass): Promise<Fuzzed> => {
  const { path, dir, seeded, token, most, phases, seed } = options;
  const report = join(dir, "report.json");
  rmSync(report, { force: true });
  const hooks = join(import.meta.dir, "hooks.py");
  const argv = [
    ...[
      "env",
      `FUZZ_SEEDS=${join(dir, "seeds.json")}`,
      `SCHEMATHESIS_HOOKS=${hooks}`,
      "PYTHONDONTWRITEBYTECODE=1",
    ],
    ...[path, "--config-file", join(dir, "schemathesis.toml"), "run", join(dir, "openapi.json")],
    ...["--url", seeded.coordinator.url, ...which],
    ...(token === null ? [] : ["--header", `Authorization: Bearer ${token}`]),
    ...[
      "--checks",
      checks.join(","),
      "--phases",
      phases,
      "--max-examples",
      String(most),
      "--seed",
      String(seed),
    ],
    ...["--report", "json", "--report-json-path", report, "--no-color", "--continue-on-failure"],
    ...["--generation-database", "none", "--suppress-health-check", "all", "--request-timeout", "10"],
    ...["--warnings", "off"],
  ];
  const { code, stdout, stderr } = await run(argv, { timeoutMs: 900_000, cwd: dir });
  const text = existsSync(report) ? await Bun.file(report).text() : "";
  if (text === "") throw new Error(`schemathesis ended with ${code}:\n${stdout}${stderr}`);
  const { test_cases, valid_rates = {} } = Report.parse(JSON.parse(text));
  const accepted = Object.entries(valid_rates).filter(([, phases]) =>
    Object.values(phases).some((phase) => phase.accepted > 0),
  );
  return {
    cases: test_cases.generated,
    failures: code === 0 ? 0 : Math.max(1, test_cases.unique_failures),
    accepted: new Set(accepted.map(([key]) => key)),
    output: stdout + stderr,
  };
};
