/**
 * Hosts of musl, with nothing of glibc: busybox, Debian's loader and Alpine's C++ library. The build for them is not one of
 * `--only current`: they are skipped where it is not in dist/, but for DSTACK_E2E_LONG.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { createJoinToken } from "./harness/agent.ts";
import { type Coordinator, startCoordinator } from "./harness/coordinator.ts";
import { chroot } from "./harness/joiningFaults.ts";
import { findMuslBuild, findMuslLibraries, MUSL_AGENT } from "./harness/muslHost.ts";
import { createNetwork } from "./harness/network.ts";
import { reasonsAgainst } from "./harness/requirements.ts";
import { type Machine, makeKey, startMachine } from "./harness/sshMachine.ts";
import { SMALL } from "./harness/system.ts";

const PATIENCE = 120_000;
const NAME = "a host of musl";
const ROOT = "/opt/root";

const find = async () => {
  const reasons = reasonsAgainst(["programs", "root", "curl", "sshd", "musl"]);
  if (reasons.length > 0) return { reason: reasons.join("; ") };
  const build = await findMuslBuild({ isLong: Boolean(process.env["DSTACK_E2E_LONG"]) });
  if ("reason" in build) return build;
  const libraries = await findMuslLibraries();
  return "reason" in libraries ? libraries : { build: build.folder, libraries: libraries.folder };
};
const found = await find();

const tests = ({ build, libraries }: { build: string; libraries: string }): void => {
  const undo = new AsyncDisposableStack();
  let dir: string;
  let coordinator: Coordinator;
  let key: { path: string; line: string };
  let sent: Machine;
  let hand: Machine;

  /** As `apk add libstdc++ libgcc` does. */
  const ADD = `cp -a "${libraries}/." ${ROOT}/usr/lib/`;
  const LOADER = [
    'cp -L /lib/ld-musl-x86_64.so.1 "$root/lib/"',
    'mkdir -p "$root/usr/lib"',
    'mount --bind /dev/pts "$root/dev/pts"',
    'echo root:x:0:0:root:/root:/bin/sh >"$root/etc/passwd"',
  ].join("\n");

  beforeAll(async () => {
    dir = undo.use(tempDir()).path;
    const network = undo.use(await createNetwork());
    const env = { DSTACK_SERVER_ARTIFACTS_DIR: build };
    coordinator = undo.use(await startCoordinator({ dir: join(dir, "c"), ip: network.ip, env }));
    key = await makeKey(join(dir, "key"));
    const start = (name: string, libc: string) =>
      startMachine(network, name, { dir, key: key.line, ...chroot(libc) });
    sent = undo.use(await start("sent", LOADER));
    hand = undo.use(await start("hand", `${LOADER}; ${ADD}`));
  }, PATIENCE);
  afterAll(() => undo.disposeAsync(), PATIENCE);

  const first = async (fleet: string) => (await coordinator.client.getFleet(fleet)).instances[0];
  const isIdle = async (fleet: string) => (await first(fleet))?.status === "idle";

  test("in an SSH fleet is told which library it lacks, and comes in once that is there", async () => {
    const path = join(dir, "rack.dstack.yml");
    const ssh_config = { user: "root", identity_file: key.path, hosts: [sent.host.ip] };
    writeFileSync(path, JSON.stringify({ type: "fleet", name: "rack", ssh_config }));
    await coordinator.client.dstackOk(["apply", "-y", "-d", "-f", path]);
    const said =
      /Error loading shared library libstdc\+\+\.so\.6: .*\. It needs the C\+\+ library: apk add libstdc\+\+ libgcc/;
    await waitFor("what it lacks", async () => said.test((await first("rack"))?.ssh?.error ?? ""), PATIENCE);
    expect(await sent.run(["sh", "-euc", ADD])).toMatchObject({ code: 0 });
    await waitFor("it to come in", () => isIdle("rack"), PATIENCE);
  }, 240_000);

  test("by hand joins with busybox alone, runs a job, and is left with nothing", async () => {
    const { token } = await createJoinToken(coordinator.client, "hand");
    const inside = (line: string) => hand.run(["chroot", ROOT, "sh", "-c", line]);
    // Debian's busybox, which is of a static glibc, cannot download without the libraries of that.
    writeFileSync(join(dir, "install.sh"), await (await fetch(`${coordinator.url}/install.sh`)).text());
    await hand.run(["cp", join(dir, "install.sh"), join(build, `${MUSL_AGENT}.gz`), ROOT]);
    const given = `--program /${MUSL_AGENT}.gz --runtime process --token ${token}`;
    const installed = await inside(`sh /install.sh ${given}`);
    expect([installed.code, installed.stderr]).toEqual([0, ""]);
    await waitFor("it to be idle", () => isIdle("hand"), PATIENCE);
    const task = {
      type: "task",
      name: "there",
      // There is no bash, as in Alpine.
      shell: "sh",
      commands: ["ls /lib/ld-musl-x86_64.so.1 && echo works"],
      resources: SMALL,
      fleets: ["hand"],
    };
    const ran = await coordinator.client.dstack(["apply", "-y", "-f", "-"], { input: JSON.stringify(task) });
    expect([ran.code, ran.stdout]).toEqual([0, expect.stringContaining("works")]);
    expect((await inside("sh /install.sh --uninstall")).code).toBe(0);
    const left = "ls -A /usr/local/bin /var/lib; pgrep -f dstack-agen[t] || true";
    expect((await inside(left)).stdout).toBe("/usr/local/bin:\n\n/var/lib:\n");
  }, 240_000);
};

if ("reason" in found) test.skip(`${NAME} [${found.reason}]`, () => undefined);
else describe(NAME, () => tests(found));
