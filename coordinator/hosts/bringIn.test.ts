import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { newKey, openSshHost, SFTP_SERVER, type SshHost } from "../testing/sshHost.ts";
import { createBringIn } from "./bringIn.ts";

import type { HostProgress, HostTarget } from "./target.ts";

const NEVER = new AbortController().signal;
const TOKEN = "join-secret-of-the-test";

/** In the installer's place: it notes what it was given, and who sees it. */
const INSTALLER = String.raw`
set -e
printf 'token=%s\n' "$DSTACK_JOIN_TOKEN" >"$HOME/installed"
printf 'proxy=%s\n' "$https_proxy" >>"$HOME/installed"
printf 'root=%s\n' "$FAKE_ROOT" >>"$HOME/installed"
printf 'arg=%s\n' "$@" >>"$HOME/installed"
tr '\0' ' ' <"/proc/$$/cmdline" >"$HOME/seen"
while [ $# -gt 0 ]; do
  [ "$1" != --program ] || gzip -dc "$2" >"$HOME/program"
  shift
done
`;

const startCoordinator = () => {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => Response.json({ status: "running" }),
  });
  return { url: `http://127.0.0.1:${server.port}`, [Symbol.asyncDispose]: () => server.stop(true) };
};

const ROOT_ID = '#!/bin/sh\ncase "$1" in -u) echo 1000 ;; -un) echo tester ;; esac\n';

/** Mimics what is used of sudo: -n, and with -S a password of its own line. */
const sudoWith = (password: string | null) => `#!/bin/sh
needs=${password === null ? "no" : "yes"}
while :; do
  case "$1" in
    -n) [ "$needs" = no ] || { echo "sudo: a password is required" >&2; exit 1; }; shift ;;
    -k | -S) shift ;;
    -p) shift 2 ;;
    *) break ;;
  esac
done
if [ "$needs" = yes ]; then
  IFS= read -r given
  [ "$given" = "${password}" ] || { echo "sudo: 1 incorrect password attempt" >&2; exit 1; }
fi
FAKE_ROOT=yes exec "$@"
`;

const bring = async (
  host: SshHost,
  more: Partial<HostTarget> & {
    script?: string;
    artifactsDir?: string;
    coordinatorPort?: number;
    signal?: AbortSignal;
    url: string;
  },
) => {
  const {
    script = INSTALLER,
    artifactsDir = "/nowhere",
    signal = NEVER,
    coordinatorPort = 1,
    ...target
  } = more;
  const noted: HostProgress[] = [];
  const bringIn = createBringIn({
    artifactsDir,
    installScript: script,
    clock: Date,
    dial: () => connect(coordinatorPort, "127.0.0.1"),
  });
  await bringIn(
    {
      login: host.login(),
      jump: null,
      sudoPassword: null,
      token: TOKEN,
      env: {},
      carriedPort: null,
      ...target,
    },
    { note: async (progress) => void noted.push(progress), signal },
  );
  return noted;
};

const installed = (host: SshHost): string => readFileSync(join(host.home, "installed"), "utf8");

const refusal = async (brought: Promise<unknown>): Promise<AppError> => {
  const err: unknown = await brought.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(err instanceof AppError)) throw new Error("It was not refused", { cause: err });
  return err;
};

describe("a host is brought in", () => {
  test("by one login, with its token where nobody sees it", async () => {
    await using coordinator = startCoordinator();
    await using host = await openSshHost();
    host.addProgram("id", ROOT_ID.replace("1000", "0"));
    const url = coordinator.url;
    const noted = await bring(host, { url, env: { https_proxy: "http://proxy:3128" } });
    expect(installed(host).split("\n")).toEqual([
      `token=${TOKEN}`,
      "proxy=http://proxy:3128",
      "root=",
      "arg=--url",
      `arg=${url}`,
      "arg=--name",
      "arg=127.0.0.1",
      "",
    ]);
    expect(readFileSync(join(host.home, "seen"), "utf8")).not.toContain(TOKEN);
    expect(host.commands.join()).not.toContain(TOKEN);
    expect(host.logins()).toBe(1);
    expect(noted.map(({ step }) => step).filter(Boolean)).toEqual(["looking", "installing"]);
    expect(noted[0]?.hostKey).toStartWith("ssh-ed25519 ");
    expect(noted.at(-1)?.rights).toBe("root");
  });

  const SHELLS = ["bash", "dash", "zsh", "fish", "csh", "tcsh"].filter((shell) => Bun.which(shell));
  test.each(SHELLS)("where the shell of the user is %s", async (shell) => {
    await using coordinator = startCoordinator();
    await using host = await openSshHost({ shell: Bun.which(shell) ?? "" });
    await bring(host, { url: coordinator.url });
    expect(installed(host)).toContain(`token=${TOKEN}`);
  });

  test("through another one, whose key is learned too", async () => {
    await using coordinator = startCoordinator();
    await using bastion = await openSshHost();
    await using host = await openSshHost();
    const noted = await bring(host, { url: coordinator.url, jump: bastion.login() });
    expect(installed(host)).toContain(`token=${TOKEN}`);
    expect([bastion.logins(), bastion.commands]).toEqual([1, []]);
    expect(noted.some(({ jumpHostKey }) => jumpHostKey?.startsWith("ssh-ed25519 "))).toBe(true);
  });

  test.each([
    ["sudo without a password", null, null, ["yes", "sudo"]],
    ["sudo with a password", "geheim $(x) '\"", "geheim $(x) '\"", ["yes", "sudo with a password"]],
    ["for the user alone, where sudo wants a password and none was given", "geheim", null, ["", "user"]],
  ])("by %s", async (_, wanted, given, [root, rights]) => {
    await using coordinator = startCoordinator();
    await using host = await openSshHost();
    host.addProgram("id", ROOT_ID);
    host.addProgram("sudo", sudoWith(wanted?.replaceAll(/[$"\\`]/g, "\\$&") ?? null));
    const noted = await bring(host, { url: coordinator.url, sudoPassword: given });
    expect(installed(host)).toContain(`root=${root}\n`);
    expect(installed(host)).toContain(`token=${TOKEN}\n`);
    expect(noted.at(-1)?.rights as string).toBe(rights ?? "");
    if (given !== null) expect(host.commands.join()).not.toContain("geheim");
  });

  test.skipIf(!existsSync(SFTP_SERVER))(
    "with a program that is sent, where it has nothing to download with",
    async () => {
      await using coordinator = startCoordinator();
      using dir = tempDir();
      const bin = join(dir.path, "bin");
      const programs = [
        "sh",
        "uname",
        "id",
        "date",
        "grep",
        "df",
        "awk",
        "dirname",
        "cat",
        "gzip",
        "tr",
        "head",
        "bash",
        "timeout",
      ];
      await Bun.$`mkdir -p ${bin}`;
      for (const name of programs) symlinkSync(Bun.which(name) ?? "", join(bin, name));
      const packed = Bun.gzipSync("the program");
      const sum = new Bun.CryptoHasher("sha256").update(packed).digest("hex");
      const names = ["linux-x64", "linux-x64-baseline", "linux-arm64"].map(
        (target) => `dstack-agent-${target}.gz`,
      );
      for (const name of names) writeFileSync(join(dir.path, name), packed);
      writeFileSync(join(dir.path, "SHA256SUMS"), names.map((name) => `${sum}  ${name}\n`).join(""));
      await using host = await openSshHost({ path: bin });
      const noted = await bring(host, { url: coordinator.url, artifactsDir: dir.path });
      expect(noted.map(({ step }) => step).filter(Boolean)).toEqual(["looking", "sending", "installing"]);
      expect(readFileSync(join(host.home, "program"), "utf8")).toBe("the program");
      expect(installed(host)).toContain(`arg=--sum\narg=${sum}\n`);
      expect(await Bun.$`ls -A ${host.home}`.text()).not.toContain(".gz");
    },
  );

  test("through the login, where it cannot reach the coordinator by itself", async () => {
    await using coordinator = startCoordinator();
    await using host = await openSshHost();
    const script = 'curl -fsS "$2/healthcheck" >"$HOME/healthcheck"; printf "%s" "$2" >"$HOME/url"';
    const port = Number(new URL(coordinator.url).port);
    const noted = await bring(host, { url: "http://127.0.0.1:1", script, coordinatorPort: port });
    const carried = noted.find(({ carriedPort }) => carriedPort !== undefined)?.carriedPort;
    expect(readFileSync(join(host.home, "url"), "utf8")).toBe(`http://127.0.0.1:${carried}`);
    expect(readFileSync(join(host.home, "healthcheck"), "utf8")).toBe('{"status":"running"}');
    // Another try: its agent knows it by that port.
    const again = await bring(host, {
      ...{ url: "http://127.0.0.1:1", script, coordinatorPort: port },
      carriedPort: carried ?? null,
    });
    expect(again.find(({ carriedPort }) => carriedPort !== undefined)?.carriedPort).toBe(carried ?? 0);
  });
});

describe("a host is refused", () => {
  test("that shows another key than before, and nothing is said to it", async () => {
    await using coordinator = startCoordinator();
    await using host = await openSshHost();
    const [first] = await bring(host, { url: coordinator.url });
    await host.changeHostKey();
    const login = host.login({ knownKey: first?.hostKey ?? "" });
    const { code, message, hint } = await refusal(bring(host, { url: coordinator.url, login }));
    expect([code, message]).toEqual([
      "conflict",
      expect.stringMatching(/shows another host key than before: SHA256:\S+, not SHA256:/),
    ]);
    expect(hint).toContain("take it out of the fleet and add it again");
    expect(host.logins()).toBe(1);
  });

  test("that does not let the key in", async () => {
    await using coordinator = startCoordinator();
    await using host = await openSshHost();
    const login = host.login({ key: newKey().private });
    const { code, message } = await refusal(bring(host, { url: coordinator.url, login }));
    expect([code, message]).toEqual([
      "unavailable",
      `connecting: 127.0.0.1:${host.port} does not let tester in with this key`,
    ]);
  });

  test("where nobody listens, or there is no such name", async () => {
    await using coordinator = startCoordinator();
    await using host = await openSshHost();
    const { url } = coordinator;
    const closed = await refusal(bring(host, { url, login: host.login({ port: 1 }) }));
    expect(closed.message).toBe("connecting: cannot log in to 127.0.0.1:1: the connection is refused");
    const unknown = await refusal(
      bring(host, { url, login: host.login({ hostname: "no-such-host.invalid" }) }),
    );
    expect([unknown.code, unknown.message]).toEqual([
      "unavailable",
      expect.stringContaining("cannot log in to no-such-host.invalid"),
    ]);
  });

  test("that the jump host does not reach", async () => {
    await using coordinator = startCoordinator();
    await using bastion = await openSshHost();
    await using host = await openSshHost();
    const { message, hint } = await refusal(
      bring(host, { url: coordinator.url, jump: bastion.login(), login: host.login({ port: 1 }) }),
    );
    expect(message).toContain("connecting: 127.0.0.1 makes no connection to 127.0.0.1:1");
    expect(hint).toContain("AllowTcpForwarding");
  });

  test("whose sudo wants another password, after one try", async () => {
    await using coordinator = startCoordinator();
    await using host = await openSshHost();
    host.addProgram("id", ROOT_ID);
    host.addProgram("sudo", sudoWith("right"));
    const { code, message } = await refusal(bring(host, { url: coordinator.url, sudoPassword: "wrong" }));
    expect([code, message]).toEqual([
      "forbidden",
      expect.stringContaining("does not let tester in with this password"),
    ]);
    expect(message).not.toContain("wrong");
    expect(host.commands.filter((command) => command.includes("-S"))).toHaveLength(1);
  });

  test("that can neither reach the coordinator nor listen for it", async () => {
    await using host = await openSshHost({ allowsListening: false });
    const { code, message, hint } = await refusal(bring(host, { url: "http://127.0.0.1:1" }));
    expect([code, message]).toEqual([
      "unavailable",
      expect.stringContaining("carrying: 127.0.0.1 lets nothing listen for it"),
    ]);
    expect(hint).toContain("AllowTcpForwarding");
  });

  test("where the installer fails, with its own words", async () => {
    await using coordinator = startCoordinator();
    await using host = await openSshHost();
    const script =
      "echo noise >&2; echo 'install.sh: Cannot write to /usr/local/bin' >&2; echo '  Remount it' >&2; exit 1";
    const { code, message, hint } = await refusal(bring(host, { url: coordinator.url, script }));
    expect([code, message, hint]).toEqual([
      "unavailable",
      "installing on 127.0.0.1 (exit status 1): install.sh: Cannot write to /usr/local/bin",
      "Remount it",
    ]);
  });

  test("that is lost in the middle", async () => {
    await using coordinator = startCoordinator();
    await using host = await openSshHost();
    const script = 'touch "$HOME/begun"; exec sleep 60';
    const brought = refusal(bring(host, { url: coordinator.url, script }));
    await waitFor("the installer", () => existsSync(join(host.home, "begun")));
    host.cut();
    expect(await brought).toMatchObject({ code: "unavailable" });
  });

  test("by whoever stops it", async () => {
    await using coordinator = startCoordinator();
    await using host = await openSshHost();
    const leaving = new AbortController();
    const script = 'touch "$HOME/begun"; exec sleep 60';
    const brought = bring(host, { url: coordinator.url, script, signal: leaving.signal });
    const ended = brought.catch((err: unknown) => err);
    await waitFor("the installer", () => existsSync(join(host.home, "begun")));
    leaving.abort(new Error("enough"));
    expect(await ended).toMatchObject({ message: "enough" });
  });
});
