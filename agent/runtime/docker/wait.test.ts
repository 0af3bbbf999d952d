/** What engines say of a container that has ended, and Podman of one that has overtaken its own start. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { openDocker } from "./client.ts";
import { findCode } from "./wait.ts";

const died = (code: number) =>
  JSON.stringify({ Action: "died", Actor: { Attributes: { containerExitCode: `${code}` } } });
const ENDED = { StartedAt: "2026-11-28T02:40:34.084Z", FinishedAt: "2026-11-28T02:40:34.216Z" };
const OVERTAKEN = { ...ENDED, Status: "created", Running: false, ExitCode: 0 };

const codeOf = async (state: object, events = "") => {
  using dir = tempDir();
  const path = join(dir.path, "docker.sock");
  const asked: URL[] = [];
  const server = Bun.serve({
    unix: path,
    fetch: ({ url }) => {
      const asking = new URL(url);
      if (!asking.pathname.endsWith("/events")) return Response.json({ State: state });
      asked.push(asking);
      return new Response(events);
    },
  });
  try {
    const docker = await openDocker(`unix://${path}`);
    return { code: await findCode(docker.getContainer("job")), asked };
  } finally {
    await server.stop(true);
  }
};

test.each([
  ["has ended", { ...ENDED, Status: "exited", Running: false, ExitCode: 5 }, 5],
  ["runs", { ...ENDED, Status: "running", Running: true, ExitCode: 0 }, undefined],
  ["has ended nobody knows how", { ...ENDED, Status: "exited", Running: false, ExitCode: -1 }, undefined],
])("a container that %s", async (_, state, code) => {
  expect(await codeOf(state)).toEqual({ code, asked: [] });
});

test("one whose end Podman has written over is not taken for a success: its events tell", async () => {
  const { code, asked } = await codeOf(OVERTAKEN, `${died(1)}\n${died(5)}\n`);
  expect(code).toBe(5);
  const filters = { container: ["job"], event: ["died"] };
  expect(JSON.parse(asked[0]?.searchParams.get("filters") ?? "")).toEqual(filters);
});

test("nor where there are no events", async () => {
  expect((await codeOf(OVERTAKEN)).code).toBeUndefined();
  expect((await codeOf(OVERTAKEN, "{}\n")).code).toBeUndefined();
});
