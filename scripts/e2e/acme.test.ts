/** A coordinator that is certified by a CA, and its hosts, while the certificate is renewed and when the CA is away. */
import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { startPebble } from "../../coordinator/testing/pebble.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { startAgent } from "./harness/agent.ts";
import { startCoordinator } from "./harness/coordinator.ts";
import { createNetwork } from "./harness/network.ts";
import { run } from "./harness/program.ts";
import { cleanEnvironment, DSTACK } from "./harness/programs.ts";
import { describeWith } from "./harness/requirements.ts";
import { NEEDS, SMALL } from "./harness/system.ts";

/** It is renewed after twenty, when the coordinator looks for the third time. */
const VALID_S = 30;

const serialOf = (url: string, ca: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { hostname: host, port } = new URL(url);
    const socket = connect({ host, port: Number(port), ca }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on("error", reject);
  });

describeWith([...NEEDS.process, "root", "pebble"], "TLS by a CA", () => {
  test("certified, joined, renewed under hosts and clients, and started again without the CA", async () => {
    await using undo = new AsyncDisposableStack();
    const { path: dir } = undo.use(tempDir());
    const network = undo.use(await createNetwork());
    const ca = undo.use(await startPebble({ dir, ip: network.ip, validS: VALID_S }));
    const rootFile = join(dir, "root.pem");
    writeFileSync(rootFile, ca.rootCa);
    const env = {
      DSTACK_SERVER_TLS: "acme",
      DSTACK_SERVER_ACME_DOMAINS: `${network.ip}, pool.example`,
      DSTACK_SERVER_ACME_EMAIL: "ops@pool.example",
      DSTACK_SERVER_ACME_DIRECTORY: ca.directoryUrl,
      DSTACK_SERVER_ACME_CA: ca.serverCaFile,
      DSTACK_SERVER_ACME_HTTP_PORT: `${ca.httpPort}`,
      DSTACK_SERVER_TLS_CA: rootFile,
    };
    const coordinator = undo.use(await startCoordinator({ dir: join(dir, "c"), ip: network.ip, env }));
    const { client, url } = coordinator;
    const first = await serialOf(url, ca.rootCa);
    const agent = undo.use(
      await startAgent({
        coordinator,
        dir: join(dir, "host"),
        runtime: "process",
        place: await network.addHost("host"),
      }),
    );

    const go = join(dir, "go");
    const task = {
      type: "task",
      name: "through",
      commands: ["echo before", `while [ ! -e ${go} ]; do sleep 0.1; done`, "echo after"],
      resources: SMALL,
    };
    const file = join(dir, "task.dstack.yml");
    writeFileSync(file, JSON.stringify(task));
    await using attached = client.startDstack(["apply", "-y", "-f", file], {
      logFile: join(dir, "apply.log"),
    });
    await attached.waitForOutput(/before/);
    const renewed = async () => (await serialOf(url, ca.rootCa)) !== first;
    await waitFor("another certificate", renewed, VALID_S * 1000);
    writeFileSync(go, "");
    await attached.waitForOutput(/after/);
    expect(await attached.exited).toBe(0);
    expect(coordinator.program.output()).toContain("Connections from now on get another certificate");
    expect(agent.program.output()).not.toContain("does not answer");
    expect(attached.output()).not.toContain("onnection");

    await ca[Symbol.asyncDispose]();
    await coordinator.program.stop();
    await coordinator.restart();
    expect(await client.dstackOk(["fleet"])).toContain("e2e");

    // One that has none: a reason, a remedy, and no loop.
    const home = join(dir, "new");
    mkdirSync(home);
    const start = () =>
      run([DSTACK, "server", "--port", "0", "-y"], { cwd: home, env: { ...cleanEnvironment(home), ...env } });
    const refused = await start();
    expect(refused.stdout + refused.stderr).toContain(
      `Cannot get a certificate for ${network.ip}, pool.example: Cannot reach the CA at ${new URL(ca.directoryUrl).origin}`,
    );
    expect(refused.code).toBe(1);
    const again = await start();
    expect(again.stdout + again.stderr).toContain("It is asked again from");
    expect(again.code).toBe(1);
  }, 120_000);
});
