import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../testing/tempDir.ts";
import { type IdeServer, ideServerOf, installIdeServer } from "./ideServers.ts";

const serverOf = (ide: "vscode" | "cursor" | "windsurf", version: string): IdeServer => {
  const server = ideServerOf({ ide, version });
  if (!server) throw new Error(`No server of ${ide} ${version}`);
  return server;
};

test.each([
  ["vscode", "abc", ".vscode-server/bin/abc", "/commit:abc/server-linux-$arch/stable"],
  ["cursor", "abc", ".cursor-server/cli/servers/Stable-abc/server", "/abc/vscode-reh-linux-$arch.tar.gz"],
  ["windsurf", "1.9@abc", ".windsurf-server/bin/abc", "/windsurf-reh-linux-$arch-1.9.tar.gz"],
] as const)("the server of %s is from its vendor, and where it looks for it", (ide, version, folder, url) => {
  const server = serverOf(ide, version);
  expect(server.folder).toBe(folder);
  expect(installIdeServer(server)).toContain(url);
});

/** Shells that run the programs that they find; that of busybox has its own. */
const SHELLS = [["sh"], ["bash"]].filter(([program = ""]) => Bun.which(program));
const NEEDED = ["uname", "mkdir", "rm", "mv", "tar", "gzip", "cat"];

const dir = tempDir();
let archive = "";
beforeAll(() => {
  const top = join(dir.path, "vscode-server-linux-x64/bin");
  mkdirSync(top, { recursive: true });
  writeFileSync(join(top, "code-server"), '#!/bin/sh\necho "extensions $*"\n');
  chmodSync(join(top, "code-server"), 0o755);
  archive = join(dir.path, "server.tar.gz");
  Bun.spawnSync(["tar", "-czf", archive, "-C", dir.path, "vscode-server-linux-x64"]);
});
afterAll(() => dir[Symbol.dispose]());

let count = 0;

/** A home, and a PATH with the programs that are needed and a downloader that is the given script. */
const newHost = (downloader?: { name: "wget" | "curl"; script: string }) => {
  const root = join(dir.path, `host${count++}`);
  const [home, bin] = [join(root, "home"), join(root, "bin")];
  mkdirSync(home, { recursive: true });
  mkdirSync(bin);
  for (const name of NEEDED) symlinkSync(Bun.which(name) ?? name, join(bin, name));
  if (downloader) {
    const path = join(bin, downloader.name);
    writeFileSync(path, `#!/bin/sh\n${downloader.script}\n`);
    chmodSync(path, 0o755);
  }
  const run = (shell: string[]) => {
    const [program = "", ...args] = shell;
    const argv = [Bun.which(program) ?? program, ...args, "-c", installIdeServer(serverOf("vscode", "abc"))];
    const { exitCode, stdout, stderr } = Bun.spawnSync(argv, { env: { HOME: home, PATH: bin } });
    return { exitCode, said: stdout.toString() + stderr.toString() };
  };
  return { home, run, bins: join(home, ".vscode-server/bin") };
};

/** The last of wget's and of curl's arguments but one is the file, or the last is. */
const COPY = `while [ "$1" != -O ] && [ "$1" != -o ]; do shift; done; cat "$ARCHIVE" > "$2"`;

for (const shell of SHELLS) {
  const name = shell.join(" ");
  for (const downloader of ["wget", "curl"] as const)
    test(`${name}: installs by ${downloader}, once`, () => {
      const host = newHost({ name: downloader, script: COPY.replace("$ARCHIVE", archive) });
      const first = host.run(shell);
      expect(first.said).toBe(
        "Installing VS Code server abc\n" +
          "extensions --install-extension ms-python.python --install-extension ms-toolsai.jupyter\n",
      );
      expect(readdirSync(host.bins)).toEqual(["abc"]);
      expect(host.run(shell).said).toBe("VS Code server abc is there\n");
    });

  test(`${name}: what cannot be downloaded is said, and nothing of it stays`, () => {
    for (const script of ["exit 4", `echo rubbish > "$7"`]) {
      const host = newHost({ name: "wget", script });
      const { exitCode, said } = host.run(shell);
      expect([exitCode, said]).toEqual([0, expect.stringContaining("VS Code does it when it connects")]);
      expect(readdirSync(host.bins)).toEqual([]);
    }
  });

  test(`${name}: an image without a downloader, and a home that cannot be written`, () => {
    const without = newHost();
    expect(without.run(shell)).toMatchObject({ exitCode: 0, said: expect.stringContaining("neither wget") });
    const closed = newHost({ name: "wget", script: COPY.replace("$ARCHIVE", archive) });
    writeFileSync(join(closed.home, ".vscode-server"), "in the way");
    const { exitCode, said } = closed.run(shell);
    expect([exitCode, said]).toEqual([0, expect.stringContaining("does it when it connects")]);
    expect(existsSync(join(closed.home, ".vscode-server/bin"))).toBe(false);
  });
}

test.skipIf(!Bun.which("busybox"))("busybox's own programs understand what they are asked for", () => {
  const host = newHost();
  const { exitCode, said } = host.run(["busybox", "sh"]);
  expect([exitCode, said]).toEqual([0, expect.stringContaining("does it when it connects")]);
  expect(said).not.toMatch(/unrecognized|invalid option|syntax error/i);
  mkdirSync(join(host.bins, "abc"), { recursive: true });
  const argv = ["busybox", "tar", "--no-same-owner", "-xzf", archive, "--strip-components=1", "-C"];
  expect(Bun.spawnSync([...argv, join(host.bins, "abc")]).exitCode).toBe(0);
  expect(host.run(["busybox", "sh"]).said).toBe("VS Code server abc is there\n");
});
