/**
 * What keeps a host from joining: each fault on a host of its own, with Debian's sshd. Each is tried by hand and by an SSH
 * fleet, says what to do, and is gone once that was done.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { NewJoinToken } from "../../../shared/api/joinTokens.ts";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { createJoinToken } from "../harness/agent.ts";
import { type Coordinator, startCoordinator } from "../harness/coordinator.ts";
import { BUSYBOX, HAND_FAULTS, JOINING_FAULTS, type JoiningFault, MUSL } from "../harness/joiningFaults.ts";
import { createNetwork } from "../harness/network.ts";
import { AGENT } from "../harness/programs.ts";
import { describeWith } from "../harness/requirements.ts";
import { type Machine, type MachineOptions, makeKey, startMachine } from "../harness/sshMachine.ts";
import { SMALL } from "../harness/system.ts";

const PATIENCE = 120_000;

describeWith(["programs", "root", "curl", "sshd"], "a host that does not join", () => {
  const undo = new AsyncDisposableStack();
  const machines = new Map<string, Machine>();
  let dir: string;
  let coordinator: Coordinator;
  let artifacts: string;
  let script: string;
  let key: { path: string; line: string };

  const at = (name: string): Machine => {
    const found = machines.get(name);
    if (!found) throw new Error(`There is no machine ${name}`);
    return found;
  };

  beforeAll(async () => {
    dir = undo.use(tempDir()).path;
    // Whoever has no rights there reads the script.
    chmodSync(dir, 0o711);
    const network = undo.use(await createNetwork());
    artifacts = join(dir, "artifacts");
    mkdirSync(artifacts);
    const release = dirname(AGENT);
    const agent = "dstack-agent-linux-x64";
    for (const name of ["SHA256SUMS", agent, `${agent}.gz`, `${agent}.zst`])
      copyFileSync(join(release, name), join(artifacts, name));
    coordinator = undo.use(
      await startCoordinator({
        dir: join(dir, "c"),
        ip: network.ip,
        env: { DSTACK_SERVER_ARTIFACTS_DIR: artifacts },
      }),
    );
    script = join(dir, "install.sh");
    writeFileSync(script, await (await fetch(`${coordinator.url}/install.sh`)).text());
    key = await makeKey(join(dir, "key"));
    const start = async (name: string, more: Partial<MachineOptions>) =>
      machines.set(name, undo.use(await startMachine(network, name, { dir, key: key.line, ...more })));
    for (const { name, machine } of JOINING_FAULTS) await start(name, machine);
    await start("musl", MUSL);
    await start("tiny", BUSYBOX);
    for (const name of ["hand", "late"]) await start(name, {});
  }, PATIENCE);
  afterAll(() => undo.disposeAsync(), PATIENCE);

  const hostOf = ({ name, user = "root" }: Pick<JoiningFault, "name" | "user">) => ({
    hostname: at(name).host.ip,
    user,
  });
  const apply = (fleet: string, hosts: readonly unknown[]) => {
    const path = join(dir, `${fleet}.dstack.yml`);
    const ssh_config = { user: "root", identity_file: key.path, hosts };
    writeFileSync(path, JSON.stringify({ type: "fleet", name: fleet, ssh_config }));
    return coordinator.client.dstackOk(["apply", "-y", "-d", "-f", path]);
  };
  const instanceOf = async (fleet: string, name: string) => {
    const { instances } = await coordinator.client.getFleet(fleet);
    return instances.find(({ hostname }) => hostname === at(name).host.ip);
  };
  /** What is said of a host, whether it is tried again or was given up. */
  const saidOf = async (fleet: string, name: string) => {
    const instance = await instanceOf(fleet, name);
    return instance?.ssh?.error ?? instance?.termination_reason_message ?? "";
  };
  const until = async (fleet: string, name: string, said: RegExp) => {
    let last = "";
    await waitFor(
      `${name}: ${said}`,
      async () => {
        last = (await saidOf(fleet, name)) || last;
        return said.test(last);
      },
      PATIENCE,
    ).catch((err: unknown) => {
      throw new Error(`${name} said: ${last}`, { cause: err });
    });
  };

  test("by hand each says what is wrong and what to do, and none has joined", async () => {
    const { token } = await createJoinToken(coordinator.client, "hand");
    for (const { name, user = "root", byHand } of JOINING_FAULTS) {
      if (!byHand) continue;
      const line = `sh '${script}' --token ${token}`;
      const { code, stdout, stderr } = await at(name).run(["su", "-", user, "-c", line]);
      expect([name, code, stdout + stderr]).toEqual([name, 1, expect.stringMatching(byHand)]);
    }
    expect((await coordinator.client.getFleet("hand")).instances).toEqual([]);
  }, 120_000);

  test("by hand on one host: the same line again, once what it said was done, and the token that is used up", async () => {
    const engine = join(dir, "engine.sock");
    const info = { ServerVersion: "18.09.9", DockerRootDir: "/", NCPU: 1, MemTotal: 1, OSType: "linux" };
    using _server = Bun.serve({
      unix: engine,
      fetch: () => Response.json(info, { headers: { "api-version": "1.39" } }),
    });
    const { run } = at("hand");
    const sh = (text: string) => run(["sh", "-euc", text.replace("$ENGINE", engine)]);
    // As of a rack whose token is used up before the last host.
    const create = ["fleet", "token", "create", "hand", "--uses", "1", "--json"];
    const { token } = NewJoinToken.parse(JSON.parse(await coordinator.client.dstackOk(create)));
    const [first, next] = [at("hand"), at("late")].map(
      (machine) => (args: string) => machine.run(["sh", "-c", `sh '${script}' --no-start ${args}`]),
    );
    if (!first || !next) throw new Error("two machines make two lines");
    for (const { make, said, mend, args = "" } of HAND_FAULTS) {
      await sh(make);
      const line = `sh '${script}' --token ${token} ${args}`;
      const { code, stdout, stderr } = await run(["sh", "-c", line]);
      expect([make, code, stdout + stderr]).toEqual([make, 1, expect.stringMatching(said)]);
      expect(await sh(mend)).toMatchObject({ code: 0, stderr: "" });
    }
    expect(await first(`--token ${token}`)).toMatchObject({ code: 0, stderr: "" });
    const late = await next(`--token ${token}`);
    expect([late.code, late.stderr]).toEqual([
      1,
      expect.stringMatching(
        /^dstack-agent: The join token is used up\. Make a new one with `dstack fleet token create/,
      ),
    ]);
  }, 180_000);

  test("an SSH fleet says the same of each, and has it once that was done", async () => {
    await apply("rack", JOINING_FAULTS.map(hostOf));
    await Promise.all(JOINING_FAULTS.map(({ name, said }) => said && until("rack", name, said)));
    // One release more, as whoever runs the coordinator adds it.
    const packed = "dstack-agent-linux-x64-baseline.gz";
    linkSync(join(artifacts, "dstack-agent-linux-x64.gz"), join(artifacts, packed));
    const sums = readFileSync(join(artifacts, "SHA256SUMS"), "utf8");
    const [sum] =
      sums
        .split("\n")
        .find((line) => line.endsWith("  dstack-agent-linux-x64.gz"))
        ?.split(" ") ?? [];
    appendFileSync(join(artifacts, "SHA256SUMS"), `${sum}  ${packed}\n`);
    for (const { name, mend } of JOINING_FAULTS) {
      if (mend === undefined) continue;
      const { code, stderr } = await at(name).run(["sh", "-euc", mend]);
      expect([name, code, stderr]).toEqual([name, 0, ""]);
    }
    // Those that no other try would have let in are tried anew.
    await apply("rack", JOINING_FAULTS.map(hostOf));
    for (const { name } of JOINING_FAULTS)
      await waitFor(
        `${name} to come in`,
        async () => (await instanceOf("rack", name))?.status === "idle",
        PATIENCE,
      ).catch(async (err: unknown) => {
        throw new Error(`${name} said: ${await saidOf("rack", name)}`, { cause: err });
      });
    const task = {
      type: "task",
      name: "everywhere",
      nodes: JOINING_FAULTS.length,
      commands: ["cp /bin/true ./mine && ./mine && echo $DSTACK_NODE_RANK works"],
      resources: SMALL,
      fleets: ["rack"],
    };
    const ran = await coordinator.client.dstack(["apply", "-y", "-f", "-"], { input: JSON.stringify(task) });
    expect([ran.code, ran.stdout]).toEqual([0, expect.stringContaining("0 works")]);
    expect((await at("image").run(["ls", "/opt/bin"])).stdout).toBe("dstack-agent\n");
  }, 240_000);

  test("a host of one fleet does not come into another by another name, until it was taken out of the first", async () => {
    const second = `${at("noexectmp").host.ip.replace(/\d+$/, "")}200`;
    await at("noexectmp").run(["ip", "address", "add", `${second}/24`, "dev", "eth0"]);
    await apply("other", [{ hostname: second, user: "root" }]);
    const stranger = async () => (await coordinator.client.getFleet("other")).instances[0];
    const known = await instanceOf("rack", "noexectmp");
    const said = `This host is ${known?.name} already, and a host is in one fleet. Take ${known?.name} out first`;
    await waitFor("the refusal", async () => (await stranger())?.ssh?.error?.includes(said), PATIENCE);
    await coordinator.client.dstackOk(["fleet", "delete", "rack", "-i", `${known?.instance_num}`, "-y"]);
    await waitFor("it to come in", async () => (await stranger())?.status === "idle", PATIENCE);
  }, 180_000);

  test("busybox and glibc are enough, where the program is sent; with musl its own build is asked for", async () => {
    await apply("small", [hostOf({ name: "tiny" }), hostOf({ name: "musl" })]);
    await until(
      "small",
      "musl",
      /sending: the coordinator has no dstack-agent-linux-x64-musl\.gz\. Build it with `bun run build/,
    );
    // What Alpine's loader says without the library.
    const program = "#!/bin/sh\necho 'Error loading shared library libstdc++.so.6' >&2\nexit 127\n";
    const packed = Bun.gzipSync(program);
    writeFileSync(join(artifacts, "dstack-agent-linux-x64-musl.gz"), packed);
    const sum = new Bun.CryptoHasher("sha256").update(packed).digest("hex");
    appendFileSync(join(artifacts, "SHA256SUMS"), `${sum}  dstack-agent-linux-x64-musl.gz\n`);
    await until(
      "small",
      "musl",
      /libstdc\+\+\.so\.6\. It needs the C\+\+ library: apk add libstdc\+\+ libgcc/,
    );
    await waitFor(
      "tiny to come in",
      async () => (await instanceOf("small", "tiny"))?.status === "idle",
      PATIENCE,
    );
    // It is in as soon as its program runs, and what was sent is taken away after that.
    const home = async () => (await at("tiny").run(["ls", "-A", "/opt/root/root"])).stdout;
    await waitFor("what was sent to be gone", async () => !(await home()).includes("dstack"), PATIENCE);
  }, 180_000);
});
