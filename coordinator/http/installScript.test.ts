/** install.sh as a host runs it, without root: served by our routes, with a shell script in the agent's place. */
import { expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { appendFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { artifactRoutes } from "./artifacts.ts";

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

/** Notes each call; `join` leaves an identity as the real one does, `run` stays until it is ended. */
const AGENT = `#!/bin/sh
printf '%s' "$1" >>"$HOME/calls"
[ -z "$DSTACK_JOIN_TOKEN" ] || printf ' token=%s' "$DSTACK_JOIN_TOKEN" >>"$HOME/calls"
shift
printf ' %s' "$@" >>"$HOME/calls"
echo >>"$HOME/calls"
case "$(tail -n 1 "$HOME/calls")" in
  version*) echo 9.9.9 ;;
  join*) : >"$HOME/.local/state/dstack-agent/identity.json" ;;
  run*) exec sleep 600 ;;
esac
`;

const startHost = async (agent = AGENT) => {
  const dir = tempDir();
  const [dist, home] = [join(dir.path, "dist"), join(dir.path, "home")];
  mkdirSync(dist);
  mkdirSync(home);
  chmodSync(dir.path, 0o755);
  if (isRoot) chownSync(home, NOBODY, NOBODY);
  const sums: string[] = [];
  for (const name of ["linux-x64", "linux-x64-baseline", "linux-arm64"].map(
    (target) => `dstack-agent-${target}`,
  )) {
    for (const [file, bytes] of [
      [name, Buffer.from(agent)],
      [`${name}.gz`, Bun.gzipSync(agent)],
    ] as const) {
      await Bun.write(join(dist, file), bytes);
      sums.push(`${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}  ${file}\n`);
    }
  }
  await Bun.write(join(dist, "SHA256SUMS"), sums.join(""));
  const asked: string[] = [];
  const app = artifactRoutes({ dir: dist, publicUrl: undefined });
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      asked.push(new URL(request.url).pathname);
      return app.fetch(request);
    },
  });
  const url = `http://127.0.0.1:${server.port}`;
  const path = "/usr/sbin:/usr/bin:/sbin:/bin";
  return {
    ...dir,
    dist,
    home,
    url,
    asked,
    state: join(home, ".local/state/dstack-agent"),
    calls: () => readFileSync(join(home, "calls"), "utf8"),
    /** Runs what `curl URL/install.sh | sh -s -- ARGS` would. */
    install: async (args: string[], env: Record<string, string> = {}) => {
      const script = await (await fetch(`${url}/install.sh`)).text();
      const drop = isRoot ? ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"] : [];
      const shell = Bun.spawn([...drop, "/bin/sh", "-s", "--", ...args], {
        cwd: home,
        env: { HOME: home, PATH: path, DSTACK_JOIN_TOKEN: "", ...env },
        stdin: Buffer.from(script),
        stdout: "pipe",
        stderr: "pipe",
      });
      const [out, err, code] = await Promise.all([
        new Response(shell.stdout).text(),
        new Response(shell.stderr).text(),
        shell.exited,
      ]);
      return { out, err, code };
    },
    [Symbol.asyncDispose]: async () => {
      const pidFile = join(home, ".local/state/dstack-agent/agent.pid");
      if (existsSync(pidFile)) process.kill(Number(readFileSync(pidFile, "utf8")));
      await server.stop(true);
      dir[Symbol.dispose]();
    },
  };
};

/** A folder with links to these programs alone: a host on which others are not installed. */
const pathWith = (host: { path: string }, programs: string[]): string => {
  const folder = join(host.path, "bin");
  mkdirSync(folder);
  for (const name of programs) {
    const found = Bun.which(name, { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" });
    if (found) symlinkSync(found, join(folder, name));
  }
  return folder;
};
const BASICS = [
  "awk",
  "cat",
  "chmod",
  "cut",
  "grep",
  "gzip",
  "head",
  "id",
  "ls",
  "mkdir",
  "mktemp",
  "mv",
  "printenv",
];
const REST = ["readlink", "rm", "setpriv", "setsid", "sleep", "tail", "tr", "uname"];

test("installs, joins with the token and starts the agent; again, it changes nothing", async () => {
  await using host = await startHost();
  const first = await host.install(["--token", "secret", "--name", "gpu 1", "--runtime", "process"]);
  expect(first.err).toBe("");
  expect(first.out).toContain(`Installed ${host.home}/.local/bin/dstack-agent (9.9.9)`);
  expect(first.code).toBe(0);
  await waitFor("the agent's start", () => host.calls().includes("\nrun"));
  expect(host.calls()).toBe(
    `version \njoin token=secret --url ${host.url} --state-dir ${host.state} --name gpu 1 --runtime process\nrun --state-dir ${host.state}\n`,
  );
  expect(statSync(host.state).mode & 0o777).toBe(0o700);
  const pid = readFileSync(join(host.state, "agent.pid"), "utf8");
  process.kill(Number(pid));

  host.asked.length = 0;
  const second = await host.install([]);
  expect(second.err).toBe("");
  expect(second.out).toContain("up to date");
  expect(second.out).toContain("has joined before");
  expect(host.asked).toEqual(["/install.sh", "/artifacts/SHA256SUMS"]);
  await waitFor("the second start", () => host.calls().split("\nrun").length === 3);
  expect(host.calls().match(/^join/gm)).toHaveLength(1);
  expect(readFileSync(join(host.state, "agent.pid"), "utf8")).not.toBe(pid);
});

test("a new release replaces the program and keeps the identity", async () => {
  await using host = await startHost();
  await host.install(["--token", "t", "--no-start"]);
  await using next = await startHost(AGENT.replace("9.9.9", "10.0.0"));
  const upgraded = await host.install(["--no-start", "--url", next.url]);
  expect(upgraded.out).toContain("(10.0.0)");
  expect(upgraded.code).toBe(0);
  expect(host.calls().match(/^join/gm)).toHaveLength(1);
});

test("--uninstall leaves nothing behind, and says so again when there is nothing", async () => {
  await using host = await startHost();
  await host.install(["--token", "t", "--no-start"]);
  const gone = await host.install(["--uninstall"]);
  expect(gone.err).toBe("");
  expect(gone.out).toContain(`Removed dstack-agent and ${host.state}`);
  rmSync(join(host.home, "calls"));
  const left = await Array.fromAsync(
    new Bun.Glob("**/*").scan({ cwd: host.home, dot: true, onlyFiles: true }),
  );
  expect(left).toEqual([]);
  expect((await host.install(["--uninstall"])).code).toBe(0);
});

test.skipIf(!Bun.which("zstd"))(
  "takes what is packed by Zstandard where the host can unpack it, and the coordinator has it",
  async () => {
    await using host = await startHost();
    const sums: string[] = [];
    for (const name of ["linux-x64", "linux-x64-baseline", "linux-arm64"].map(
      (t) => `dstack-agent-${t}.zst`,
    )) {
      const bytes = Bun.zstdCompressSync(AGENT);
      await Bun.write(join(host.dist, name), bytes);
      sums.push(`${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}  ${name}\n`);
    }
    await appendFile(join(host.dist, "SHA256SUMS"), sums.join(""));
    const packed = () => host.asked.filter((path) => path.startsWith("/artifacts/dstack")).map(extname);
    const able = pathWith(host, [...BASICS, ...REST, "curl", "sha256sum", "zstd"]);
    expect(await host.install(["--token", "t", "--no-start"], { PATH: able })).toMatchObject({ code: 0 });
    expect(packed()).toEqual([".zst"]);
    rmSync(join(able, "zstd"));
    rmSync(join(host.home, ".local/bin/dstack-agent"));
    expect(await host.install(["--token", "t", "--no-start"], { PATH: able })).toMatchObject({ code: 0 });
    expect(packed()).toEqual([".zst", ".gz"]);
  },
);

test("a damaged download is refused and nothing is installed", async () => {
  await using host = await startHost();
  for (const name of ["linux-x64", "linux-x64-baseline", "linux-arm64"]) {
    await Bun.write(join(host.dist, `dstack-agent-${name}.gz`), Bun.gzipSync("#!/bin/sh\necho evil\n"));
  }
  const { err, code } = await host.install(["--token", "t"]);
  expect(err).toContain("install.sh: The download is damaged: SHA-256 is");
  expect(code).toBe(1);
  const left = await Array.fromAsync(
    new Bun.Glob("**/*").scan({ cwd: host.home, dot: true, onlyFiles: true }),
  );
  expect(left).toEqual([]);
});

test("without a tool that verifies checksums it refuses before it downloads", async () => {
  await using host = await startHost();
  const { err, code } = await host.install(["--token", "t"], {
    PATH: pathWith(host, [...BASICS, ...REST, "curl"]),
  });
  expect(err).toContain("Cannot verify the download: no sha256sum, shasum or openssl is installed");
  expect(code).toBe(1);
  expect(host.asked).toEqual(["/install.sh"]);
});

test.each([
  ["curl", "shasum"],
  ["curl", "openssl"],
  ["wget", "sha256sum"],
])("works with %s and %s", async (fetcher, sums) => {
  await using host = await startHost();
  const path = pathWith(host, [...BASICS, ...REST, "perl", fetcher, sums]);
  if (!existsSync(join(path, fetcher)) || !existsSync(join(path, sums))) return;
  const { err, code } = await host.install(["--token", "t", "--no-start"], { PATH: path });
  expect(err).toBe("");
  expect(code).toBe(0);
});

test.each([
  [["--token"], "--token needs a value"],
  [["--tokne", "t"], "Unknown option: --tokne"],
  [[], "This host has not joined yet: a join token is needed"],
  [["--token", "t", "--url", "pool"], '--url must begin with http:// or https://, not "pool"'],
  [["--token", "t", "--runtime", "podman"], '--runtime is docker, process or auto, not "podman"'],
  [["--token", "t", "--state-dir", "here"], '--state-dir must be an absolute path, not "here"'],
  [["--token", "t", "--state-dir", "/"], "--state-dir must name a folder of its own"],
])("%p is refused: %s", async (args, message) => {
  await using host = await startHost();
  const { out, err, code } = await host.install(args);
  expect(err).toStartWith(`install.sh: ${message}\n`);
  expect(out).toBe("");
  expect(code).toBe(1);
});

test("a coordinator that is not there is named, with what to look at", async () => {
  await using host = await startHost();
  const { err, code } = await host.install(["--token", "t", "--url", "http://127.0.0.1:9"]);
  expect(err).toContain("install.sh: Cannot download http://127.0.0.1:9/artifacts/SHA256SUMS");
  expect(err).toContain("Is http://127.0.0.1:9 the coordinator, and reachable from this host?");
  expect(code).toBe(1);
});

test("a coordinator without this host's program is told what to build", async () => {
  await using host = await startHost();
  await Bun.write(join(host.dist, "SHA256SUMS"), "");
  const { err } = await host.install(["--token", "t"]);
  expect(err).toMatch(
    /The coordinator has no dstack-agent-linux-\S+\n {2}Build it with: bun run build --target linux-/,
  );
});

test("a program that does not run here is not installed", async () => {
  await using host = await startHost("#!/bin/sh\necho 'no such library' >&2\nexit 127\n");
  const { err, code } = await host.install(["--token", "t"]);
  expect(err).toContain("does not run here (exit status 127): no such library");
  expect(code).toBe(1);
  expect(existsSync(join(host.home, ".local/bin/dstack-agent"))).toBe(false);
});

test("an agent that ends at once fails the installation with its last words", async () => {
  await using host = await startHost(AGENT.replace("exec sleep 600", "echo port in use; exit 1"));
  const { err, code } = await host.install(["--token", "t"]);
  expect(err).toContain("The agent ended at once: port in use");
  expect(code).toBe(1);
  rmSync(join(host.state, "agent.pid"));
});

test("a folder that belongs to something else is left alone", async () => {
  await using host = await startHost();
  await Bun.write(join(host.home, "docs/letter"), "kept");
  const args = ["--state-dir", join(host.home, "docs")];
  const { err, code } = await host.install(["--token", "t", ...args]);
  expect(err).toContain("it holds files of something else");
  expect(code).toBe(1);
  await host.install(["--uninstall", ...args]);
  expect(readFileSync(join(host.home, "docs/letter"), "utf8")).toBe("kept");
});

test("with nothing to download with it says which file to bring, and takes that", async () => {
  await using host = await startHost();
  const path = pathWith(host, [...BASICS, ...REST, "sha256sum"]);
  const { err, code } = await host.install(["--token", "t"], { PATH: path });
  expect(err).toMatch(
    /^install\.sh: Cannot download: neither curl nor wget is installed\n {2}Install one of them; or bring http:\S+\.gz here, and name it with --program\n$/,
  );
  expect(code).toBe(1);
  const [, file = ""] = /(dstack-agent-\S+\.gz)/.exec(err) ?? [];
  const given = ["--token", "t", "--no-start", "--program", join(host.dist, file)];
  const brought = await host.install(given, { PATH: path });
  expect([brought.err, brought.code]).toEqual(["", 0]);
});

/** Programs in the place of those of the system. */
const withFakes = async (host: { path: string }, fakes: Record<string, string>): Promise<string> => {
  const folder = join(host.path, "fakes");
  for (const [name, script] of Object.entries(fakes)) {
    await Bun.write(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return `${folder}:/usr/sbin:/usr/bin:/sbin:/bin`;
};

test("an old kernel is told of, and named where the program does not run", async () => {
  const uname = 'case $1 in -r) echo 3.10.0-1160.el7 ;; *) exec /bin/uname "$@" ;; esac';
  await using host = await startHost();
  const told = await host.install(["--token", "t", "--no-start"], { PATH: await withFakes(host, { uname }) });
  expect(told.out).toContain("Linux 3.10.0-1160.el7 is older than 5.4, and not all may work");
  expect(told.code).toBe(0);
  await using other = await startHost("#!/bin/sh\necho 'Function not implemented' >&2\nexit 1\n");
  const { err } = await other.install(["--token", "t"], { PATH: await withFakes(other, { uname }) });
  expect(err).toContain("does not run here (exit status 1): Function not implemented\n");
  expect(err).toContain("The kernel is 3.10.0-1160.el7: upgrade the system to one with Linux 5.4 or newer");
});

test("a processor that lacks what the build needs is named", async () => {
  await using host = await startHost("#!/bin/sh\nexit 132\n");
  const { err } = await host.install(["--token", "t"]);
  expect(err).toMatch(/does not run on this processor\n.*pass the host's processor through/);
});

test("one that is still under way, or was cut off, gives way to the next", async () => {
  await using host = await startHost();
  const folder = join(host.home, ".local/bin");
  const [under, cut] = [join(folder, ".dstack-agent.aaaaaa"), join(folder, ".dstack-agent.bbbbbb")];
  for (const dir of [under, cut]) mkdirSync(dir, { recursive: true });
  const drop = isRoot ? ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"] : [];
  await using earlier = Bun.spawn([...drop, "sleep", "600"]);
  const began =
    readFileSync(`/proc/${earlier.pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ")[19] ?? "";
  await Bun.write(join(under, "pid"), `${earlier.pid}\n`);
  await Bun.write(join(under, "began"), `${began}\n`);
  // Another process has the number of the one that was cut off.
  await Bun.write(join(cut, "pid"), `${process.pid}\n`);
  await Bun.write(join(cut, "began"), "1\n");
  if (isRoot) await Bun.$`chown -R ${NOBODY}:${NOBODY} ${join(host.home, ".local")}`;
  const { out, err, code } = await host.install(["--token", "t", "--no-start"]);
  expect([err, code]).toEqual(["", 0]);
  expect(out).toContain(`Ending an earlier installation that is under way: process ${earlier.pid}`);
  expect(out).not.toContain(`process ${process.pid}\n`);
  expect(await earlier.exited).toBe(143);
  expect(readdirSync(folder)).toEqual(["dstack-agent"]);
});

test("--bin-dir says where the program goes, and --uninstall finds it there", async () => {
  await using host = await startHost();
  const folder = join(host.home, "tools");
  const there = await host.install(["--token", "t", "--no-start", "--bin-dir", folder]);
  expect([there.err, there.code]).toEqual(["", 0]);
  expect(existsSync(join(folder, "dstack-agent"))).toBe(true);
  const again = await host.install(["--no-start"]);
  expect(again.out).toContain(`${folder}/dstack-agent is up to date`);
  const elsewhere = await host.install(["--no-start", "--bin-dir", join(host.home, "other")]);
  expect(elsewhere.err).toContain(`This host has the program in ${folder} already`);
  expect(existsSync(join(host.home, "other"))).toBe(false);
  await Bun.write(join(folder, "mine"), "");
  await host.install(["--uninstall"]);
  expect(readdirSync(folder)).toEqual(["mine"]);
  await host.install(["--token", "t", "--no-start", "--bin-dir", join(host.home, "only", "for-it")]);
  await host.install(["--uninstall"]);
  expect(existsSync(join(host.home, "only"))).toBe(false);
});
