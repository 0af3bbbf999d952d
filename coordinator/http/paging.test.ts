import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import { TestAgent } from "../testing/testAgent.ts";

// docs/spec/http-api.md §1.7

const P = "/api/project/main";
const MANY = ["a1", "b2", "c3", "d4", "e5"];

let coordinator: TestCoordinator;
beforeAll(async () => {
  coordinator = await startTestCoordinator();
  for (const name of MANY) {
    const configuration = { type: "task", commands: ["true"], resources: { gpu: 8 } };
    const plan = { run_spec: { run_name: name, configuration, ssh_key_pub: "" }, current_resource: null };
    await coordinator.post(`${P}/runs/apply`, { plan, force: false });
    const volume = { type: "volume", name, backend: "runpod", region: "EU-1", size: "1GB" };
    await coordinator.post(`${P}/volumes/create`, { configuration: volume });
    await coordinator.addUser(name);
    await coordinator.post("/api/projects/create", { project_name: name });
    await TestAgent.join(coordinator, { fleet: name });
  }
});
afterAll(() => coordinator[Symbol.asyncDispose]());

interface Paged {
  path: string;
  /** The field of a row that it is ordered by, and the fields of a request that tell where the last page ended. */
  time: string;
  prevTime: string;
  prevId: string;
  id: string;
  limits: { least: number; most: number };
}

const created = { time: "created_at", prevTime: "prev_created_at", prevId: "prev_id", id: "id" };

const ROUTES: Paged[] = [
  {
    path: "/api/runs/list",
    time: "submitted_at",
    prevTime: "prev_submitted_at",
    prevId: "prev_run_id",
    id: "id",
    limits: { least: 0, most: 100 },
  },
  { ...created, path: "/api/fleets/list", limits: { least: 0, most: 100 } },
  { ...created, path: "/api/volumes/list", limits: { least: 0, most: 100 } },
  { ...created, path: "/api/instances/list", time: "created", limits: { least: 0, most: 100_000 } },
  { ...created, path: "/api/users/list", limits: { least: 0, most: 2000 } },
  { ...created, path: "/api/projects/list", id: "project_id", limits: { least: 0, most: 2000 } },
  {
    ...created,
    path: "/api/events/list",
    time: "recorded_at",
    prevTime: "prev_recorded_at",
    limits: { least: 1, most: 100 },
  },
];

const Rows = z.array(z.record(z.string(), z.unknown()));
type Row = z.infer<typeof Rows>[number];

const rowsOf = async (path: string, body: unknown): Promise<Row[]> =>
  Rows.parse((await coordinator.post(path, body)).body);

describe.each(ROUTES)("$path", ({ path, time, prevTime, prevId, id, limits }) => {
  const walk = async (ascending: boolean): Promise<Row[]> => {
    const seen: Row[] = [];
    for (;;) {
      const last = seen.at(-1);
      const behind = last ? { [prevTime]: last[time], [prevId]: last[id] } : {};
      const page = await rowsOf(path, { limit: 2, ascending, ...behind });
      if (page.length === 0) return seen;
      seen.push(...page);
    }
  };

  test.each([true, false])("pages go on where the last one ended, ascending: %s", async (ascending) => {
    const all = await rowsOf(path, { ascending, limit: limits.most });
    expect(all.length).toBeGreaterThanOrEqual(MANY.length);
    const walked = await walk(ascending);
    expect(walked.map((row) => row[id])).toEqual(all.map((row) => row[id]));
    const keys = all.map((row) => [String(row[time]), String(row[id])] as const);
    const sign = ascending ? 1 : -1;
    // Ties go by id, against the direction.
    const sorted = keys.toSorted(
      ([timeA, idA], [timeB, idB]) => sign * timeA.localeCompare(timeB) || -sign * idA.localeCompare(idB),
    );
    expect(keys).toEqual(sorted);
  });

  test("newest first, unless something else is asked for", async () => {
    const ids = async (body: unknown) => (await rowsOf(path, body)).map((row) => row[id]);
    const whole = { limit: limits.most };
    expect(await ids({ ...whole, ascending: false })).toEqual(await ids(whole));
    expect((await ids({ limit: 1 }))[0]).toBe((await ids(whole))[0] ?? "");
  });

  test("without the id only what is strictly behind the time counts", async () => {
    const [first] = await rowsOf(path, { limit: 1 });
    const behind = await rowsOf(path, { [prevTime]: first?.[time] });
    expect(behind.filter((row) => row[time] === first?.[time])).toEqual([]);
  });

  test("limits have bounds", async () => {
    const status = async (limit: number) => (await coordinator.post(path, { limit })).status;
    expect(await status(limits.least)).toBe(200);
    expect(await status(limits.most)).toBe(200);
    expect(await status(limits.least - 1)).toBe(422);
    expect(await status(limits.most + 1)).toBe(422);
    if (limits.least === 0) expect(await rowsOf(path, { limit: 0 })).toEqual([]);
  });
});

test.each(["users", "projects"])("%s are counted where that is asked for", async (what) => {
  const { body } = await coordinator.post(`/api/${what}/list`, { return_total_count: true, limit: 1 });
  expect(body).toMatchObject({ total_count: MANY.length + 1, [what]: [{}] });
});
