/** Ports of a job on the user's machine: its host only dials out, and its network may fail on the way. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { freePort } from "./harness/freePort.ts";
import type { Program } from "./harness/program.ts";
import { describeWith } from "./harness/requirements.ts";
import { NEEDS, openSystem, type System } from "./harness/system.ts";

/** 64 MiB, which a shell makes by doubling. */
const DOUBLINGS = 25;
const CONTENT = "y\n".repeat(2 ** DOUBLINGS);

for (const runtime of ["process", "docker"] as const) {
  describeWith([...NEEDS[runtime], "root"], `ports of jobs, ${runtime} runtime`, () => {
    let system: System;
    let attached: Program;
    let url: string;
    beforeAll(async () => {
      system = await openSystem({ runtime });
      const port = await freePort();
      const commands = [
        "mkdir -p site && cd site && echo hello > index.html",
        "printf 'y\\n' > large",
        `i=0; while [ $i -lt ${DOUBLINGS} ]; do cat large large > twice; mv twice large; i=$((i+1)); done`,
        // Only the job's own loopback: whoever is elsewhere in its network does not reach it.
        `exec busybox httpd -f -p 127.0.0.1:8000`,
      ];
      const input = system.task("site", commands, { ports: [`${port}:8000`] });
      const { client } = system.coordinator;
      await client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input });
      attached = client.startDstack(["attach", "site"], { logFile: join(system.dir, "attach.log") });
      await attached.waitForOutput(/localhost:\d+ -> 8000/);
      url = `http://127.0.0.1:${port}`;
      await waitFor(
        "the server",
        () =>
          fetch(url).then(
            ({ ok }) => ok,
            () => false,
          ),
        20_000,
      );
    }, 120_000);
    afterAll(async () => {
      await attached.kill9();
      await system[Symbol.asyncDispose]();
    });

    const readLarge = async (onStart: () => Promise<void> = async () => {}): Promise<boolean> => {
      const response = await fetch(`${url}/large`);
      let text = "";
      const decoder = new TextDecoder();
      let isStarted = false;
      for await (const piece of response.body ?? []) {
        text += decoder.decode(piece, { stream: true });
        if (isStarted) continue;
        isStarted = true;
        await onStart();
      }
      return text === CONTENT;
    };

    test("a page, many at once, and a large one", async () => {
      expect(await (await fetch(url)).text()).toBe("hello\n");
      const many = Array.from({ length: 50 }, async () => (await fetch(url)).text());
      expect(new Set(await Promise.all(many))).toEqual(new Set(["hello\n"]));
      expect(await readLarge()).toBe(true);
    }, 60_000);

    test("the host's network fails for some seconds in the middle, and the download is whole", async () => {
      const { host } = system;
      const whole = await readLarge(async () => {
        await host?.cut();
        const until = Date.now() + 3_000;
        await waitFor("three seconds", () => Date.now() > until, 10_000);
        await host?.mend();
      });
      expect(whole).toBe(true);
    }, 90_000);

    test("the coordinator is killed: what is open ends, and the next connection goes", async () => {
      const ended = readLarge(async () => {
        await system.coordinator.program.kill9();
        await system.coordinator.restart();
      }).then(
        (isWhole) => (isWhole ? "whole" : "cut short"),
        () => "broken",
      );
      // A download of this size may have been on its way here already.
      expect(["whole", "cut short", "broken"]).toContain(await ended);
      await waitFor(
        "the port",
        () =>
          fetch(url).then(
            ({ ok }) => ok,
            () => false,
          ),
        30_000,
      );
      expect(attached.isRunning()).toBe(true);
    }, 120_000);
  });
}
