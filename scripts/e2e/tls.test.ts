/** Hosts and clients that know their coordinator by a fingerprint, and by an authority that is replaced under them. */
import { expect, test } from "bun:test";
import { chownSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { issueCertificate, makeAuthority } from "../../shared/tls/certificates.ts";
import { createJoinToken, startAgent } from "./harness/agent.ts";
import type { Client } from "./harness/client.ts";
import { startCoordinator } from "./harness/coordinator.ts";
import { freePort } from "./harness/freePort.ts";
import { killJobsOf } from "./harness/leftovers.ts";
import { createNetwork, type Host } from "./harness/network.ts";
import { run, runOk } from "./harness/program.ts";
import { cleanEnvironment } from "./harness/programs.ts";
import { describeWith } from "./harness/requirements.ts";
import { NEEDS, SMALL } from "./harness/system.ts";

const NOBODY = 65_534;
const asNobody = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
const DAY_MS = 24 * 3_600_000;

const echo = (client: Client, name: string) =>
  client.dstackOk(["apply", "-y", "-f", "-"], {
    input: JSON.stringify({ type: "task", name, commands: ["echo there"], resources: SMALL }),
  });

describeWith([...NEEDS.process, "root", "curl"], "TLS", () => {
  test("a self-signed coordinator is joined and used by its fingerprint alone", async () => {
    await using undo = new AsyncDisposableStack();
    const { path: dir } = undo.use(tempDir());
    const network = undo.use(await createNetwork());
    const coordinator = undo.use(
      await startCoordinator({
        dir: join(dir, "c"),
        ip: network.ip,
        env: { DSTACK_SERVER_TLS: "self-signed" },
      }),
    );
    const { client, url } = coordinator;
    const host = await network.addHost("new");
    const home = join("/tmp", `dstack-tls-${process.pid}`);
    mkdirSync(home);
    chownSync(home, NOBODY, NOBODY);
    undo.defer(async () => {
      killJobsOf(home);
      await runOk(["rm", "-rf", home]);
    });
    const sh = (line: string, place: Host = host) =>
      run([...asNobody, "sh", "-c", line], {
        place,
        cwd: home,
        env: cleanEnvironment(home),
        timeoutMs: 60_000,
      });
    const { join_command: command } = await createJoinToken(client, "rack");

    // Somebody between: the script is not taken from him, and where it is there already, nothing else is.
    const stranger = command.replace(/sha256\/\/\S+/, `sha256//${"A".repeat(43)}=`);
    expect((await sh(stranger)).stderr).toContain("curl: (90)");
    const forged = await sh(command.replace(/\.sha256-[0-9a-f]{64}/, `.sha256-${"0".repeat(64)}`));
    expect(forged.code).toBe(1);
    expect(forged.stderr).toContain("is not the coordinator that this join token is of");
    expect(existsSync(join(home, ".local/bin/dstack-agent"))).toBe(false);

    const joined = await sh(`${command} --runtime process --name new-host`);
    expect(joined.stderr + joined.stdout).toContain("Joined https://");
    const idle = async () => (await client.getFleet("rack")).instances[0]?.status === "idle";
    await waitFor("the new host to be idle", idle, 15_000);
    expect(await echo(client, "one")).toContain("there");

    // The script again, without a token: what was pinned is known.
    const again = await sh(
      `curl -fsSL --cacert ~/.local/state/dstack-agent/authorities.pem ${url}/install.sh | sh`,
    );
    expect(again.stdout).toContain("is up to date");
    await waitFor("the host again", idle, 15_000);
    const doctor = await sh("~/.local/bin/dstack-agent doctor");
    expect(doctor.stdout).toMatch(/ok +TLS +TLSv1\.3, certificate of dstack coordinator, pinned here/);

    // Another machine's client: refused until it has the fingerprint.
    const elsewhere = join(dir, "elsewhere");
    mkdirSync(elsewhere);
    const add = ["project", "add", "--name", "main", "--url", url, "--token", coordinator.token, "-y"];
    const env = { HOME: elsewhere };
    const unknown = await client.dstack(add, { env });
    expect(unknown.code).toBe(1);
    expect(unknown.stdout).toContain("authority that is not known here");
    const [, fingerprint = ""] = await coordinator.program.waitForOutput(
      /authority is sha256:([0-9a-f]{64})/,
    );
    const wrong = await client.dstack([...add, "--fingerprint", "f".repeat(64)], { env });
    expect(wrong.stdout).toContain("has no authority with this fingerprint");
    await client.dstackOk([...add, "--fingerprint", fingerprint], { env });
    expect(await client.dstackOk(["fleet"], { env })).toContain("rack");
  }, 150_000);

  test("the authority is replaced, in two steps, and no host is touched", async () => {
    await using undo = new AsyncDisposableStack();
    const { path: dir } = undo.use(tempDir());
    const network = undo.use(await createNetwork());
    const valid = { notBefore: Date.now() - DAY_MS, notAfter: Date.now() + DAY_MS };
    const [old, next] = [await makeAuthority("old", valid), await makeAuthority("next", valid)];
    const names = [network.ip];
    const [certFile, keyFile, caFile] = ["cert.pem", "key.pem", "ca.pem"].map((name) => join(dir, name));
    if (!certFile || !keyFile || !caFile) throw new Error("three files have three names");
    const use = async (authority: typeof old) => {
      const { cert, key } = await issueCertificate(authority, { ...valid, names });
      writeFileSync(certFile, cert);
      writeFileSync(keyFile, key);
    };
    await use(old);
    writeFileSync(caFile, old.cert);
    const coordinator = undo.use(
      await startCoordinator({
        dir: join(dir, "c"),
        ip: network.ip,
        env: {
          DSTACK_SERVER_TLS_CERT: certFile,
          DSTACK_SERVER_TLS_KEY: keyFile,
          DSTACK_SERVER_TLS_CA: caFile,
        },
      }),
    );
    const agent = undo.use(
      await startAgent({
        coordinator,
        dir: join(dir, "host"),
        runtime: "process",
        place: await network.addHost("host"),
      }),
    );
    const { client, url } = coordinator;
    writeFileSync(caFile, old.cert + next.cert);
    await agent.program.waitForOutput(/known by other authorities from now on/, 30_000);
    await use(next);
    const seenBy = (authority: string) =>
      fetch(`${url}/healthcheck`, { tls: { ca: authority }, keepalive: false }).then(
        ({ ok }) => ok,
        () => false,
      );
    await waitFor("the other certificate", () => seenBy(next.cert), 30_000);
    expect(await seenBy(old.cert)).toBe(false);
    // Nothing of the old connections is left to it.
    await agent.program.kill9();
    agent.restart();
    const add = ["project", "add", "--name", "main", "--url", url, "--token", coordinator.token, "-y"];
    await client.dstackOk([...add, "--ca-file", caFile]);
    const idle = async () => (await client.dstackOk(["fleet"])).includes("idle");
    await waitFor("the host to be back", idle, 30_000);

    // Not the link for syncs alone: streams are dialled by the same trust, from both sides.
    const port = await freePort();
    const input = JSON.stringify({
      type: "task",
      name: "site",
      commands: ["echo page > index.html", "exec busybox httpd -f -p 127.0.0.1:8000"],
      ports: [`${port}:8000`],
      resources: SMALL,
    });
    await client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input });
    await using attached = client.startDstack(["attach", "site"], { logFile: join(dir, "attach.log") });
    await attached.waitForOutput(/localhost:\d+ -> 8000/);
    const page = () =>
      fetch(`http://127.0.0.1:${port}`).then(
        (answer) => answer.text(),
        () => "",
      );
    await waitFor("the page", async () => (await page()) === "page\n", 20_000);
    await attached.kill9();
    await client.dstackOk(["stop", "-y", "-x", "site"]);
  }, 120_000);
});
