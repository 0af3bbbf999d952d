import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { tempDir } from "../shared/testing/tempDir.ts";
import { type RecordedCommand, readRecording, startReplay } from "./testing/replay.ts";
import { newPerson, type Person } from "./testing/runCli.ts";

// The stock server's answers, played again: our client must say and ask what the stock client did.

/** The address of the stock server. */
const RECORDED_AT = "http://127.0.0.1:3000";

/** Why ours says something else on purpose, and what. */
interface Deviation {
  readonly why: string;
  /** Instead of the recorded lines; undefined: the command is not compared. */
  readonly says?: (recorded: string[]) => string[];
  /** What ours asks beyond what was recorded. */
  readonly alsoAsks?: string;
}

const NO_OFFERS = "No matching instance offers available. Possible reasons:";

const reasons = (hosts: readonly string[], need: string): Deviation => ({
  why: "where the stock client points to a page, ours names what each host lacks",
  says: (lines) =>
    lines.flatMap((line) =>
      line.startsWith(NO_OFFERS)
        ? [NO_OFFERS, ...hosts.map((host) => `- ${host}${need}`), "- … and 2 more"]
        : [line],
    ),
});

const asks = (what: string): Deviation => ({ why: `ours asks for ${what}, which was not recorded` });
const same = (lines: string[]): string[] => lines;
const HINTS: Deviation = {
  why: "ours looks for a name that may have been meant",
  says: same,
  alsoAsks: "/api/runs/list",
};
const NO_PROVIDER: Deviation = {
  why: "ours says how to get in without one",
  says: (lines) => [
    ...lines,
    "Get a token from its administrator: dstack project add --name NAME --url URL --token TOKEN",
  ],
};
const WITHOUT_PAGE: Deviation = {
  why: "where the stock client points to a page, ours says what the server says, if anything",
  says: (lines) => lines.map((line) => line.replace(/(No matching instance offers available\.) .*/, "$1")),
};
/** Under the name of what differs, in the list, ours says what becomes of it. */
const changes = (property: string, becomes: readonly string[], base?: Deviation): Deviation => ({
  why: "ours says what becomes of each property that differs",
  says: (lines) =>
    (base?.says ?? same)(lines).flatMap((line) => (line === ` - ${property}` ? [line, ...becomes] : [line])),
});
const NODES = changes("nodes", [" nodes: 0..4 → 0..6"], WITHOUT_PAGE);
const COMMANDS = changes("commands", [" commands:", " - sleep 900", " + sleep 901"]);
const NEED = ": needs 8 H200 GPUs, the host has none";

const RECORDINGS: Record<string, Record<number, Deviation>> = {
  "apply-detached": {},
  "plan-declined": {},
  "abort-and-delete": {},
  "reapply-active": { 2: changes("priority", [" priority: 0 → 20"]), 3: COMMANDS, 4: COMMANDS },
  "two-nodes": { 3: asks("the project where there are no runs") },
  "run-get": { 2: HINTS },
  stop: {},
  ps: {},
  logs: { 3: HINTS },
  metrics: {},
  events: {},
  files: {},
  secrets: {},
  "no-capacity": { 0: reasons(["halves-0", "pair-0", "pair-1", "h3-0", "h2-0"], NEED) },
  "retry-queue": { 0: reasons(["halves-0", "rack-0", "rack-1", "h3-0", "h2-0"], NEED) },
  offer: { 2: asks("the fleets where nothing fits") },
  errors: {
    1: asks("the plan at once, without a repository that holds nothing"),
    2: {
      why: "ours says what it is that was not found",
      says: (lines) => [...lines, "Project atlantis not found on the server"],
    },
    5: {
      why: "ours passes on what the server says",
      says: ([first = ""]) => [
        first.replace("for backend issues, and the", "for the reason"),
        "The server says: Invalid version: strange",
      ],
    },
  },
  "login-no-provider": { 0: NO_PROVIDER, 1: NO_PROVIDER },
  "volumes-gateways": {},
  "v0.22-volumes-gateways": {},
  "exports-imports": {},
  "v0.22-exports-imports": {},
  "fleet-cloud": { 0: WITHOUT_PAGE, 1: WITHOUT_PAGE, 2: NODES, 3: NODES },
  "fleet-ssh": {},
};

/** Sizes of the host are fixed numbers in the answers only, ages and times differ, and so columns do. */
const comparable = (text: string): string[] =>
  text
    .replaceAll(/mem=\S+ disk=\S+(?= .*(?:\$0|ssh \(remote\)))/g, "mem=… disk=…")
    .replaceAll(/<time>$|\b\d\d:\d\d$/gm, "<when>")
    .replaceAll(/^\[(?:<time>|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\]/gm, "[<when>]")
    .replaceAll(/(?:<ago>|now|\d+ \w+ ago)(?= *$)/gm, "<when>")
    .split("\n")
    .map((line) => line.replaceAll(/ +/g, " ").trimEnd())
    .filter((line) => line !== "");

const writeFiles = async (person: Person, { files = {} }: RecordedCommand) => {
  for (const [name, content] of Object.entries(files)) {
    const [, size] = /^<(\d+) bytes>$/.exec(content) ?? [];
    await person.write(name, size === undefined ? content : "x".repeat(Number(size)));
  }
};

/**
 * What was asked, without what one client asks and the other has no need of: how the end of a run is waited for, files,
 * and why nothing fits.
 */
const askedFor = (requests: readonly { path: string; body: unknown }[]) =>
  requests
    .filter(({ path }) =>
      /runs\/(get_plan|apply|stop|delete|list)$|fleets\/(get_plan|apply|get|delete|delete_instances)$|logs\/poll$|events\/list$/.test(
        path,
      ),
    )
    .map(({ path, body }) => ({
      path,
      // Whether by name or by id, it is the same fleet.
      body: path.endsWith("fleets/get")
        ? undefined
        : path.endsWith("/apply")
          ? gist(body)
          : JSON.parse(JSON.stringify(body), sameSpelling),
    }));

/** Of an application: the rest is what the server answered to the plan, which both clients send back. */
const gist = (body: unknown) => {
  const { plan, force } = body as {
    plan: {
      run_spec?: { run_name: string };
      spec?: { configuration: unknown };
      current_resource: { id: string } | null;
    };
    force: boolean;
  };
  const { run_spec: run, spec: fleet } = plan;
  return { name: run?.run_name, fleet: fleet?.configuration, current: plan.current_resource?.id, force };
};

/** Fleets of the command line are sent as written, local paths are those of the machine, times are those of the day. */
const sameSpelling = (key: string, value: unknown): unknown => {
  if (key === "reverse_offers" || key === "start_time" || key === "prev_recorded_at") return undefined;
  if (key === "local_path") return basename(String(value));
  // Several are uploaded at the same time: which one gets which id is chance here.
  if (key === "file_archives" && Array.isArray(value))
    return value.map((each: { path: string }) => each.path);
  if (key === "fleets" && Array.isArray(value)) {
    return value.map((each: unknown) => (typeof each === "string" ? { project: null, name: each } : each));
  }
  return value;
};

/** The recorded key, as files that are really there. */
const keys = tempDir();
afterAll(() => keys[Symbol.dispose]());
const KEY = { public: "ssh-ed25519 AAAA me", private: "the private key\n" };
const keyFile = join(keys.path, "lab_key");
writeFileSync(keyFile, KEY.private);
writeFileSync(`${keyFile}.pub`, `${KEY.public}\n`);
const HERE = {
  "/home/user/.ssh/lab_key": keyFile,
  "<ssh-key-1>\\n": `${KEY.public}\\n`,
  "<ssh-private-key-1>": KEY.private.replace("\n", "\\n"),
};

for (const [name, deviations] of Object.entries(RECORDINGS)) {
  const recording = await readRecording(name, name === "fleet-ssh" ? HERE : {});
  describe(name, () => {
    for (const [at, recorded] of recording.entries()) {
      const { why, says, alsoAsks } =
        deviations[at] ?? ({ why: "as the stock client", says: same } as Deviation);
      if (!says) continue;
      test(`${at}: ${recorded.command.join(" ")} (${why})`, async () => {
        await using server = startReplay(recorded.exchanges);
        using person = newPerson({ columns: 140 });
        for (const before of recording.slice(0, at + 1)) await writeFiles(person, before);
        const { out, code } = await person.run(
          recorded.command.slice(1).map((word) => (word === RECORDED_AT ? server.url : word)),
          {
            ...(recorded.stdin !== undefined && { stdin: recorded.stdin }),
            env: {
              DSTACK_PROJECT: "main",
              ...recorded.env,
              DSTACK_SERVER_URL: server.url,
              DSTACK_TOKEN: "t",
            },
          },
        );
        const plain = out.replaceAll(server.url, RECORDED_AT);
        if (Array.isArray(recorded.stdout)) {
          expect(comparable(plain)).toEqual(says(comparable(recorded.stdout.join("\n"))));
        } else expect(JSON.parse(plain)).toEqual(recorded.stdout);
        expect(code).toBe(recorded.exit_code);
        const asked = server.requests.filter(({ path }) => path !== alsoAsks);
        expect(askedFor(asked)).toEqual(askedFor(recorded.exchanges.map(({ request }) => request)));
      });
    }
  });
}
