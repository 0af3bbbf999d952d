/** `dstack-agent doctor` on a host on which one thing after another is wrong: each is said, with what mends it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { issueCertificate, makeAuthority } from "../../shared/tls/certificates.ts";
import { createJoinToken } from "./harness/agent.ts";
import { type Coordinator, startCoordinator } from "./harness/coordinator.ts";
import { timeOffBy } from "./harness/faketime.ts";
import { createNetwork, type Network } from "./harness/network.ts";
import { describeWith } from "./harness/requirements.ts";
import { type Machine, startMachine } from "./harness/sshMachine.ts";

const PATIENCE = 90_000;
const STATE = "/var/lib/dstack-agent";

interface Found {
  check: string;
  level: string;
  text: string;
  mend?: string;
}

describeWith(["programs", "root", "curl", "sshd", "faketime"], "a host that is not well", () => {
  const undo = new AsyncDisposableStack();
  let dir: string;
  let network: Network;
  let coordinator: Coordinator;
  let machine: Machine;

  beforeAll(async () => {
    dir = undo.use(tempDir()).path;
    network = undo.use(await createNetwork());
    coordinator = undo.use(await startCoordinator({ dir: join(dir, "c"), ip: network.ip }));
    machine = undo.use(await startMachine(network, "host", { dir, key: "" }));
    const { token } = await createJoinToken(coordinator.client, "lab");
    const line = `curl -fsSL ${coordinator.url}/install.sh | sh -s -- --runtime process --token ${token}`;
    expect(await machine.run(["sh", "-c", line])).toMatchObject({ code: 0, stderr: "" });
    const isIdle = async () => (await coordinator.client.getFleet("lab")).instances[0]?.status === "idle";
    await waitFor("it to be idle", isIdle, PATIENCE);
  }, 120_000);
  afterAll(() => undo.disposeAsync(), PATIENCE);

  const sh = async (line: string) =>
    expect(await machine.run(["sh", "-euc", line])).toMatchObject({ code: 0, stderr: "" });
  const doctor = (args: readonly string[] = [], env: Record<string, string> = {}) => {
    const set = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    return machine.run(["env", ...set, "/usr/local/bin/dstack-agent", "doctor", ...args]);
  };
  /** What is bad, as a program reads it. */
  const bad = async (args: readonly string[] = [], env: Record<string, string> = {}) => {
    const { code, stdout } = await doctor(["--json", ...args], env);
    const { is_well, findings } = JSON.parse(stdout) as { is_well: boolean; findings: Found[] };
    const found = findings.filter(({ level }) => level === "bad");
    expect([code, is_well]).toEqual(found.length === 0 ? [0, true] : [1, false]);
    return found.map(({ check, text, mend }) => ({ check, text, mend }));
  };
  const is = (check: string, text: RegExp, mend: RegExp) => ({
    check,
    text: expect.stringMatching(text),
    mend: expect.stringMatching(mend),
  });

  test(
    "nothing, as long as it is",
    async () => {
      expect(await bad()).toEqual([]);
      expect((await doctor()).stdout).toMatch(/^ok {4}coordinator +http\S+ answers directly/m);
    },
    PATIENCE,
  );

  test(
    "an engine that is not there, and one that is too old",
    async () => {
      const wanted = ["--runtime", "docker"];
      expect(await bad(wanted)).toEqual([
        is(
          "engine",
          /not installed or not running: there is no \S+docker\.sock/,
          /^Install Docker or Podman/,
        ),
      ]);
      const info = { ServerVersion: "18.09.9", DockerRootDir: "/", NCPU: 1, MemTotal: 1, OSType: "linux" };
      const socket = join(dir, "engine.sock");
      using _engine = Bun.serve({
        unix: socket,
        fetch: () => Response.json(info, { headers: { "api-version": "1.39" } }),
      });
      await sh(`ln -s '${socket}' /run/docker.sock`);
      expect(await bad(wanted)).toEqual([
        is("engine", /too old: version 18\.09\.9 has API 1\.39; upgrade it to 19\.03/, /Docker or Podman/),
      ]);
      const said = await doctor(wanted);
      expect([said.code, said.stdout]).toEqual([
        1,
        expect.stringMatching(/^BAD {3}engine +.*18\.09\.9.*\n +→ /m),
      ]);
      await sh("rm /run/docker.sock");
    },
    PATIENCE,
  );

  test(
    "a disk that is full, and one from which nothing may run",
    async () => {
      // As the file system that it is on: what it has stays what it was.
      await sh(
        `mkdir /run/full; mount -t tmpfs -o size=8m,mode=700 tmpfs /run/full; cp ${STATE}/identity.json /run/full/`,
      );
      const full = await bad(["--state-dir", "/run/full"]);
      expect(full).toContainEqual(
        is("space", /^0\.0 GiB free for the agent/, /^Free space on the file system of/),
      );
      expect(full).toContainEqual(is("disk speed", /^Cannot write to \/run\/full/, /^Make room there/));
      await sh("umount /run/full; rmdir /run/full");
      await sh(`mount --bind ${STATE} ${STATE}; mount -o remount,bind,noexec ${STATE}`);
      expect(await bad()).toEqual([
        is(
          "mounts",
          /dstack-agent is mounted noexec: jobs of the process runtime/,
          /remount,exec.*--state-dir/,
        ),
      ]);
      await sh(`umount ${STATE}`);
      expect(await bad()).toEqual([]);
    },
    PATIENCE,
  );

  test(
    "a clock that is off by an hour",
    async () => {
      expect(await bad([], timeOffBy("-1h"))).toEqual([
        is("clock", /^3[56]\d\d s behind the coordinator's$/, /timedatectl set-ntp true/),
      ]);
    },
    PATIENCE,
  );

  test(
    "a coordinator that is not there, and one with a certificate that nobody knows",
    async () => {
      const nowhere = `http://${network.ip}:9`;
      expect(await bad(["--url", nowhere])).toEqual([
        is(
          "coordinator",
          /^http:\S+:9 cannot be reached directly/,
          /does a firewall let this host out to it/,
        ),
      ]);
      const valid = { notBefore: Date.now() - 3_600_000, notAfter: Date.now() + 3_600_000_000 };
      const authority = await makeAuthority("of somebody", valid);
      const tls = await issueCertificate(authority, { ...valid, names: [network.ip] });
      using other = Bun.serve({
        hostname: network.ip,
        port: 0,
        tls: { cert: tls.cert, key: tls.key },
        fetch: () => new Response("running"),
      });
      expect(await bad(["--url", `https://${network.ip}:${other.port}`])).toEqual([
        is("coordinator", /cannot be reached directly: .*not known/, /Is https\S+ the coordinator/),
        is("TLS", /not known/, /authority/),
      ]);
    },
    PATIENCE,
  );
});
