import { expect, test } from "bun:test";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { startCoordinator } from "../main.ts";
import { describeServer, serverDatabase } from "../testing/databases.ts";
import { startTestCoordinator } from "../testing/startTestCoordinator.ts";
import { hostRow, TestEngine } from "../testing/testEngine.ts";

describeServer("over a libSQL server", () => {
  test("runs wait, are placed, outlive a restart, and end", async () => {
    await using server = await serverDatabase();
    using dir = tempDir();
    const clock = new FakeClock();
    const host = hostRow(0);
    let id = "";
    {
      await using before = await TestEngine.open(dir.path, clock, { url: server.url });
      await before.submit("patient", { retry: true });
      expect((await before.run("patient")).status).toBe("pending");
      await before.addHost(host);
      await waitFor("a host", async () => (await before.run("patient")).status === "provisioning");
      id = await before.takeOne(host);
      await before.running(host, id);
    }
    await using after = await TestEngine.open(dir.path, clock, { url: server.url });
    expect((await after.run("patient")).status).toBe("running");
    expect(await after.finished(host, id, { exit: 0 })).toBe("applied");
    expect((await after.run("patient")).status).toBe("done");
    await after.submit("pair", { nodes: 2 });
    expect((await after.run("pair")).status).toBe("failed");
  });

  test("a second coordinator does not start", async () => {
    await using server = await serverDatabase();
    using dir = tempDir();
    const env = { DSTACK_DATABASE_URL: server.url };
    await using first = await startTestCoordinator(env);
    const second = { ...env, DSTACK_SERVER_DIR: dir.path, DSTACK_SERVER_PORT: "0" };
    expect(startCoordinator({ env: second })).rejects.toThrow(
      `Another coordinator works on this database: process ${process.pid} on `,
    );
    expect((await first.post("/api/projects/list")).status).toBe(200);
  });
});
