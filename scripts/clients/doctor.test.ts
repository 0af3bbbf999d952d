import { describe, expect, test } from "bun:test";
import type { CliOptions } from "../../cli/testing/runCli.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { API_VERSION, RELEASE_HEADER, VERSION } from "../../shared/version.ts";
import { type Lab, openLab } from "./lab.ts";

interface Checked {
  readonly ok: boolean;
  readonly checks: { name: string; status: string; message: string; remedy: string | null }[];
}

const examine = async (lab: Lab, options: CliOptions = {}) => {
  const { code, out } = await lab.person.run(["doctor", "--json"], options);
  const { ok, checks }: Checked = JSON.parse(out);
  expect(code).toBe(ok ? 0 : 1);
  for (const each of checks) expect(each.remedy === null).toBe(each.status === "ok");
  return Object.fromEntries(checks.map((each) => [each.name, each]));
};

test("the server tells its release, so that a client can say that there is a newer one", async () => {
  await using lab = await openLab();
  const { headers } = await lab.coordinator.send("/api/server/get_info");
  expect(headers.get(RELEASE_HEADER)).toBe(VERSION);
});

describe("doctor", () => {
  test("finds nothing wrong where nothing is", async () => {
    await using lab = await openLab();
    const options = { env: { PATH: process.env["PATH"] ?? "" } };
    const found = await examine(lab, options);
    expect(Object.keys(found)).toEqual([
      ...["config", "git", "terminal", "connection", "server", "clock", "token", "version", "project"],
      "capacity",
    ]);
    expect(found).toMatchObject({
      connection: { status: "ok", message: `Project main at ${lab.coordinator.url}` },
      server: { status: "ok" },
      clock: { status: "ok" },
      token: { status: "ok", message: "admin (admin)" },
      version: { status: "ok", message: expect.stringContaining(`server API ${API_VERSION}`) },
      project: { status: "ok", message: "main, of admin" },
      capacity: { status: "ok", message: "Instances: 1, of which 1 idle and 0 busy" },
    });
    const { out } = await lab.person.run(["doctor"], options);
    expect(out).toMatch(/^ ok {2,}project +main, of admin$/m);
    expect(out).toEndWith("\n Nothing is wrong\n");
  });

  test("a token that is not known: nothing further is asked with it", async () => {
    await using lab = await openLab();
    const found = await examine(lab, { env: { DSTACK_TOKEN: "wrong" } });
    expect(found["token"]).toMatchObject({ status: "fail", message: "The server does not know this token" });
    expect(found["project"]).toBeUndefined();
  });

  test("a project that is not there", async () => {
    await using lab = await openLab();
    const found = await examine(lab, { env: { DSTACK_PROJECT: "atlantis" } });
    expect(found["project"]).toMatchObject({
      status: "fail",
      message: "atlantis is not there, or not for you",
    });
    expect(found["capacity"]).toBeUndefined();
  });

  test("a server that does not answer, and no server at all", async () => {
    await using lab = await openLab();
    const silent = await examine(lab, { env: { DSTACK_SERVER_URL: "http://127.0.0.1:1" } });
    expect(silent["server"]).toMatchObject({
      status: "fail",
      message: expect.stringContaining("127.0.0.1:1"),
    });
    expect(silent["token"]).toBeUndefined();
    const none = await examine(lab, { env: { DSTACK_SERVER_URL: "", DSTACK_TOKEN: "" } });
    expect(none["config"]).toMatchObject({ status: "warn" });
    expect(none["connection"]).toMatchObject({ status: "fail", message: "Project main is not configured" });
  });

  test("a configuration that others may read, and one that nobody can", async () => {
    await using lab = await openLab();
    const path = "home/.dstack/config.yml";
    const entry = `- {name: main, url: "${lab.coordinator.url}", token: t, default: true}`;
    await lab.person.write(path, `projects:\n${entry}\n`);
    expect((await examine(lab))["config"]).toMatchObject({
      status: "warn",
      remedy: expect.stringContaining("chmod 600"),
    });
    await lab.person.write(path, "projects: [");
    expect((await examine(lab))["config"]).toMatchObject({ status: "fail" });
  });

  test("a clock that is ahead, or behind", async () => {
    await using lab = await openLab();
    const shifted = (ms: number): Clock => ({ ...systemClock, now: () => systemClock.now() + ms });
    const said = async (ms: number) => (await examine(lab, { clock: shifted(ms) }))["clock"];
    expect(await said(60_000)).toMatchObject({
      status: "warn",
      message: expect.stringMatching(/^(59|60|61) s ahead of the server's$/),
    });
    expect(await said(-60_000)).toMatchObject({ message: expect.stringContaining("s behind the server's") });
  });

  test("a narrow terminal, and a dumb one", async () => {
    await using lab = await openLab();
    const terminal = async (options: CliOptions) => {
      const { out } = await lab.person.run(["doctor"], { isTerminal: true, ...options });
      return out;
    };
    expect(await terminal({ columns: 40 })).toContain("40 columns");
    expect(await terminal({ columns: 120, env: { TERM: "dumb" } })).toContain("TERM is dumb");
  });
});
