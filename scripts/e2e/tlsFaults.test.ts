/** Behind a proxy that one day reads along, with clocks that are wrong, and with a coordinator that moves. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { issueCertificate, type KeyedCertificate, makeAuthority } from "../../shared/tls/certificates.ts";
import { type Agent, createJoinToken, startAgent } from "./harness/agent.ts";
import { type Coordinator, startCoordinator } from "./harness/coordinator.ts";
import { timeOffBy } from "./harness/faketime.ts";
import { type ForwardProxy, startForwardProxy } from "./harness/forwardProxy.ts";
import { freePort } from "./harness/freePort.ts";
import { createNetwork, type Host, type Network } from "./harness/network.ts";
import { run, runOk } from "./harness/program.ts";
import { AGENT, cleanEnvironment } from "./harness/programs.ts";
import { describeWith } from "./harness/requirements.ts";
import { NEEDS, SMALL } from "./harness/system.ts";

const MINUTE_MS = 60_000;
const TOKEN = "the-token-of-the-administrator";

describeWith([...NEEDS.process, "root", "curl", "faketime"], "TLS when something is in the way", () => {
  const undo = new AsyncDisposableStack();
  let dir: string;
  let host: Host;
  let coordinator: Coordinator;
  let proxy: ForwardProxy;
  let agent: Agent;
  /** Where the host is, and where the coordinator is to begin with. */
  let near: Network;
  let other: Network;
  let authority: KeyedCertificate;
  /** By which the proxy is known that reads along. */
  let reader: { certificate: KeyedCertificate; caFile: string };
  const certify = async (names: string[]) => {
    const valid = { notBefore: Date.now() - 5 * MINUTE_MS, notAfter: Date.now() + 30 * MINUTE_MS };
    const { cert, key } = await issueCertificate(authority, { ...valid, names });
    writeFileSync(join(dir, "cert.pem"), cert);
    writeFileSync(join(dir, "key.pem"), key);
  };
  const startServer = (ip: string) =>
    startCoordinator({
      dir: join(dir, "c"),
      ip,
      env: {
        DSTACK_SERVER_ADMIN_TOKEN: TOKEN,
        // Client and host are in one network here, and are to go by the proxy all the same.
        DSTACK_SERVER_DIRECT_TUNNELS: "off",
        DSTACK_SERVER_TLS_CERT: join(dir, "cert.pem"),
        DSTACK_SERVER_TLS_KEY: join(dir, "key.pem"),
        DSTACK_SERVER_TLS_CA: join(dir, "ca.pem"),
      },
    });
  const viaProxy = () => ({ HTTPS_PROXY: proxy.url });
  const joinHost = async (more: Record<string, string>, stateDir: string, url = coordinator.url) => {
    const { token } = await createJoinToken(coordinator.client, "rack");
    return run(
      [AGENT, "join", "--url", url, "--state-dir", stateDir, "--name", "host", "--runtime", "process"],
      {
        cwd: dir,
        place: host,
        env: { ...cleanEnvironment(dir), DSTACK_JOIN_TOKEN: token, ...more },
      },
    );
  };
  const idle = async () => (await coordinator.client.getFleet("rack")).instances[0]?.status === "idle";

  beforeAll(async () => {
    ({ path: dir } = undo.use(tempDir()));
    near = undo.use(await createNetwork());
    other = undo.use(await createNetwork());
    host = await near.addHost("host");
    const long = { notBefore: 0, notAfter: Date.now() + 24 * 60 * MINUTE_MS };
    authority = await makeAuthority("ours", long);
    writeFileSync(join(dir, "ca.pem"), authority.cert);
    await certify([other.ip]);
    coordinator = undo.use(await startServer(other.ip));
    // No way there but by the proxy.
    await runOk(["ip", "-n", host.netns ?? "", "route", "add", "unreachable", other.ip]);
    proxy = undo.use(await startForwardProxy({ ip: near.ip, credentials: "user:pass-word" }));
    const theirs = await makeAuthority("of the proxy", long);
    reader = {
      certificate: await issueCertificate(theirs, { ...long, names: [other.ip, near.ip] }),
      caFile: join(dir, "proxy-ca.pem"),
    };
    writeFileSync(reader.caFile, theirs.cert);
  }, 60_000);
  afterAll(() => undo.disposeAsync());

  test("no way, and a proxy without its password: said, and nothing is kept of it", async () => {
    const stateDir = join(dir, "host", "state");
    const none = await joinHost({}, stateDir);
    expect(none.stderr).toContain(`Cannot reach the coordinator at ${coordinator.url}`);
    expect(none.code).toBe(1);
    const nobody = await joinHost({ HTTPS_PROXY: proxy.url.replace(/\/\/.*@/, "//") }, stateDir);
    expect(nobody.stderr).toContain("407 Proxy Authentication Required");
    expect(nobody.code).toBe(1);
  });

  test("an hour behind, an hour ahead: how far, and what to do", async () => {
    const behind = await joinHost({ ...viaProxy(), ...timeOffBy("-1h") }, join(dir, "host", "state"));
    expect(behind.stderr).toMatch(
      /its certificate is not valid yet by the clock here, which is (1 h|59 min|1 h 1 min) behind the one over there.*timedatectl/,
    );
    const ahead = await coordinator.client.dstack(["fleet"], { env: timeOffBy("+1h") });
    expect(ahead.stdout + ahead.stderr).toMatch(
      /has expired by the clock here, which is .* ahead of the one over there/,
    );
  });

  test("polls, uploads, ports and shells go through the proxy, and past it where it is not wanted", async () => {
    agent = undo.use(
      await startAgent({
        coordinator,
        dir: join(dir, "host"),
        runtime: "process",
        fleet: "rack",
        place: host,
        env: viaProxy(),
      }),
    );
    const { client } = coordinator;
    const work = join(dir, "work");
    mkdirSync(work);
    writeFileSync(join(work, "big"), Buffer.alloc(3 * 1024 * 1024, 7));
    const port = await freePort();
    const site = {
      type: "task",
      name: "site",
      files: [`${work}:/tmp/dstack-site-${process.pid}`],
      commands: [
        `cd /tmp/dstack-site-${process.pid}`,
        "wc -c < big",
        "exec busybox httpd -f -p 127.0.0.1:8000",
      ],
      ports: [`${port}:8000`],
      resources: SMALL,
    };
    const file = join(dir, "site.dstack.yml");
    writeFileSync(file, JSON.stringify(site));
    const past = { ...viaProxy(), NO_PROXY: other.ip };
    const lost = await client.dstack(["fleet"], { place: host, env: past });
    expect(lost.code).toBe(1);
    await using attached = client.startDstack(["apply", "-y", "-f", file], {
      place: host,
      env: viaProxy(),
      logFile: join(dir, "apply.log"),
    });
    await attached.waitForOutput(/3145728/);
    const size = async () =>
      (
        await run(
          ["curl", "-s", `http://127.0.0.1:${port}/big`, "-o", "/dev/null", "-w", "%{size_download}"],
          { place: host },
        )
      ).stdout;
    await waitFor("the page", async () => (await size()) === "3145728");
    // Everything breaks at once, and goes on.
    proxy.cut();
    await waitFor("the page again", async () => (await size()) === "3145728");
    expect(attached.isRunning()).toBe(true);
    await attached.kill9();
    await client.dstackOk(["stop", "-y", "-x", "site"]);
    await waitFor("the host to be idle", idle);
  }, 60_000);

  test("a proxy that reads along is refused, until whoever runs the host says that it is wanted", async () => {
    await proxy.intercept(reader.certificate);
    await agent.program.waitForOutput(/does not answer; jobs go on.*authority that is not known here/);
    const { client } = coordinator;
    const refused = await client.dstack(["fleet"], { place: host, env: viaProxy() });
    expect(refused.stdout).toContain("authority that is not known here");
    const named = { ...viaProxy(), DSTACK_CA_FILE: reader.caFile };
    expect(await client.dstackOk(["fleet"], { place: host, env: named })).toContain("rack");
    // A home that has pinned nothing goes by the system, which may be told by this.
    const elsewhere = join(dir, "elsewhere");
    mkdirSync(elsewhere);
    const add = ["project", "add", "--name", "main", "--url", coordinator.url, "--token", TOKEN, "-y"];
    const bySystem = { ...viaProxy(), HOME: elsewhere, SSL_CERT_FILE: reader.caFile };
    await client.dstackOk(add, { place: host, env: bySystem });
    expect(await client.dstackOk(["fleet"], { place: host, env: bySystem })).toContain("rack");

    await agent.program.stop();
    agent.restart(named);
    await waitFor("the host to be back", idle);
    await client.dstackOk(["apply", "-y", "-f", "-"], {
      place: host,
      env: named,
      input: JSON.stringify({ type: "task", name: "read", commands: ["echo there"], resources: SMALL }),
    });
    await agent.program.stop();
    await proxy.intercept(undefined);
  }, 60_000);

  test("a coordinator that has moved: the host is told what to do, and stays the host that it was", async () => {
    const [before] = (await coordinator.client.getFleet("rack")).instances;
    await certify([near.ip]);
    await coordinator.program.waitForOutput(/Connections from now on get another certificate/);
    agent.restart(viaProxy());
    await agent.program.waitForOutput(
      /for other names than this one.*run the join line of a new token of it/,
    );
    await agent.program.stop();
    await coordinator.program.stop();
    coordinator = undo.use(await startServer(near.ip));
    for (let times = 1; times <= 2; times += 1) {
      const again = await joinHost({}, agent.stateDir);
      expect(again.stdout + again.stderr).toContain(`Joined ${coordinator.url}`);
    }
    agent.restart();
    await waitFor("the host to be idle", idle);
    const after = (await coordinator.client.getFleet("rack")).instances;
    expect(after).toHaveLength(1);
    expect(after[0]).toMatchObject({ id: before?.id, name: before?.name });
  }, 60_000);
});
