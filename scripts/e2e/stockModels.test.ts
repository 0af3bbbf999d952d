/** The reference's own models and ours make the same wire JSON of every valid configuration, there and back. */
import { beforeAll, describe, expect, test } from "bun:test";
import { dirname, join } from "node:path";
import type { AnyConfiguration } from "../../shared/config/configuration.ts";
import { loadConfiguration } from "../../shared/config/load.ts";
import { configurationCases } from "../../shared/testing/golden.ts";
import { hasProgram } from "./harness/requirements.ts";
import { installStockClient } from "./harness/stockClient.ts";

const client = hasProgram("python3") ? await installStockClient() : { reason: "needs python3" };

type Answers = Record<string, { sent?: unknown; refused?: string }>;

const askStock = async (path: string, cases: readonly { name: string; text: string }[]): Promise<Answers> => {
  const script = join(import.meta.dir, "harness/stock_wire.py");
  const child = Bun.spawn([join(dirname(path), "python"), script], {
    stdin: new Blob([JSON.stringify(cases)]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`The stock models ended with ${code}:\n${stderr}`);
  return JSON.parse(stdout) as Answers;
};

const ours = (text: string): AnyConfiguration =>
  JSON.parse(JSON.stringify(loadConfiguration(text, { path: "x.dstack.yml" })));

/** Refused on reading by one side only, and by the other later: `docker: "true"`, an infinite size, a retry of a router. */
const SOONER = ["057-task-docker-as-text", "122-task-memory-infinite", "374-service-groups-dynamo-retry"];

/** What 0.21.2 reads; what it refuses later is in here too. */
const cases = configurationCases().filter(
  ({ name, expected }) => expected.stage !== "parse" && !expected.crash && !SOONER.includes(name),
);

const roundTrips = (path: string) => () => {
  let there: Answers;
  let back: Answers;
  beforeAll(async () => {
    there = await askStock(path, cases);
    back = await askStock(
      path,
      cases.map(({ name, text }) => ({ name, text: textOf(text) })),
    );
  }, 120_000);

  test.each(cases)("$name", ({ name, text }) => {
    const sent = there[name]?.sent;
    expect(there[name]?.refused).toBeUndefined();
    expect<unknown>(ours(text)).toEqual(sent);
    expect(back[name]).toEqual({ sent });
  });
};

/** What we send is a file as well. */
const textOf = (text: string): string => {
  try {
    return JSON.stringify(ours(text));
  } catch {
    return "";
  }
};

if ("path" in client) describe("the stock models", roundTrips(client.path));
else describe.skip(`the stock models [${client.reason}]`, roundTrips(""));
