/** Dev environments with the compiled programs: what runs in them, and how they end. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { join } from "node:path";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { freePort } from "./harness/freePort.ts";
import { describeWith } from "./harness/requirements.ts";
import { NEEDS, openSystem, type System } from "./harness/system.ts";

for (const runtime of ["process", "docker"] as const) {
  describeWith(NEEDS[runtime], `dev environments, ${runtime} runtime`, () => {
    let system: System;
    beforeAll(async () => {
      system = await openSystem({ runtime });
    }, 120_000);
    afterAll(() => system[Symbol.asyncDispose](), 60_000);

    const apply = async (name: string, more: Record<string, unknown>): Promise<string> => {
      const { commands: _, ...common } = JSON.parse(system.task(name, []));
      const input = JSON.stringify({ ...common, type: "dev-environment", ...more });
      return system.coordinator.client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input });
    };
    const logOf = async (name: string) =>
      new TextDecoder().decode(await system.coordinator.client.readLog(name)).replaceAll("\r", "");
    const untilSaid = (name: string, text: string) =>
      waitFor(
        `"${text}"`,
        async () => {
          const log = await logOf(name);
          return log.includes(text) ? log : undefined;
        },
        60_000,
      );
    const isRunning = ({ status }: { status: string }) => status === "running";

    test("setup, init, the link, the way in by SSH; it runs until it is stopped", async () => {
      const { client } = system.coordinator;
      await apply("lab", { ide: "vscode", setup: ["echo set-up"], init: ["echo begun; cd /tmp"] });
      const log = await untilSaid("lab", "To exit, press Ctrl+C.");
      const { jobs } = await client.waitForRun("lab", isRunning);
      const dir = jobs[0]?.job_submissions[0]?.job_runtime_data?.working_dir;
      expect(log).toContain("set-up\nbegun\n\nTo open in VS Code, use link below:\n\n");
      expect(log).toContain(`  vscode://vscode-remote/ssh-remote+lab${dir}\n\n`);
      expect(log).toContain("To connect via SSH, use: `ssh lab`\n");
      await client.dstackOk(["stop", "lab", "-y"]);
      expect(await client.waitForEnd("lab")).toMatchObject({ status: "terminated" });
    }, 60_000);

    test("a host without internet: what cannot be had is said, and it goes on", async () => {
      const version = "0123456789abcdef0123456789abcdef01234567";
      await apply("offline", { ide: "vscode", version });
      const log = await untilSaid("offline", "To exit, press Ctrl+C.");
      expect(log).toContain(`Installing VS Code server ${version}\n`);
      expect(log).toContain("VS Code does it when it connects");
      await system.coordinator.client.dstackOk(["stop", "offline", "-x", "-y"]);
      await system.coordinator.client.waitForEnd("offline");
    }, 120_000);

    test("an init that fails ends it", async () => {
      await apply("broken", { init: ["exit 7", "echo never"] });
      const { status, jobs } = await system.coordinator.client.waitForEnd("broken");
      const [submission] = jobs[0]?.job_submissions ?? [];
      expect([status, submission?.exit_status, submission?.termination_reason]).toEqual([
        "failed",
        7,
        "container_exited_with_error",
      ]);
      expect(await logOf("broken")).not.toMatch(/never|To connect/);
    }, 60_000);

    test("nobody comes: it ends, with its reason; the limit is changed in place", async () => {
      const { client } = system.coordinator;
      await apply("idle", { inactivity_duration: "1h" });
      const { id } = await client.waitForRun("idle", isRunning);
      const told = await client.waitForRun("idle", ({ jobs }) => {
        const secs = jobs[0]?.job_submissions[0]?.inactivity_secs;
        return typeof secs === "number";
      });
      expect(told.jobs[0]?.job_submissions[0]?.inactivity_secs).toBeLessThan(60);
      await apply("idle", { inactivity_duration: "2s" });
      const ended = await client.waitForEnd("idle");
      const [submission] = ended.jobs[0]?.job_submissions ?? [];
      expect([ended.id, ended.status, submission?.termination_reason]).toEqual([
        id,
        "terminated",
        "inactivity_duration_exceeded",
      ]);
      expect(submission?.termination_reason_message).toContain("Nobody was connected for 2s");
    }, 60_000);

    test("as long as somebody is connected with one of its ports it goes on, also when its agent is killed", async () => {
      const { coordinator, agent } = system;
      const port = await freePort();
      const init = ["busybox httpd -p 127.0.0.1:8000 -h /tmp"];
      await apply("used", { inactivity_duration: "3s", ports: [`${port}:8000`], init });
      const attached = coordinator.client.startDstack(["attach", "used"], {
        logFile: join(system.dir, "used.log"),
      });
      try {
        await attached.waitForOutput(/localhost:\d+ -> 8000/);
        const hold = () => connect({ host: "127.0.0.1", port, keepAlive: true }).on("error", () => {});
        const socket = hold();
        const until = Date.now() + 8_000;
        await waitFor("more than its limit", () => Date.now() > until, 20_000);
        expect(await coordinator.client.getRun("used")).toMatchObject({ status: "running" });
        await agent.program.kill9();
        agent.restart();
        socket.destroy();
        // Whoever was cut off has the whole time again; nobody comes back.
        expect(await coordinator.client.waitForEnd("used")).toMatchObject({ status: "terminated" });
      } finally {
        await attached.kill9();
      }
    }, 90_000);
  });
}
