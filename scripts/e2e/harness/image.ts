import { chmodSync, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import type { Engine } from "./engine.ts";
import { runOk } from "./program.ts";

/** The image of the tests: Debian's static busybox and nothing else, 2 MB. */
export const TEST_IMAGE = "dstack-e2e:busybox";

const BUSYBOX = "/bin/busybox";
export const hasBusybox = (): boolean => existsSync(BUSYBOX);

export interface ImageOptions {
  name: string;
  /** Puts the image's files under a folder that is empty. */
  fill: (root: string) => void | Promise<void>;
  /** Its configuration, as lines of a Dockerfile. */
  changes?: readonly string[];
}

/** Makes an image of files, in an engine and without a registry. */
export const makeImage = async (engine: Pick<Engine, "docker">, options: ImageOptions): Promise<string> => {
  using dir = tempDir();
  const root = join(dir.path, "root");
  mkdirSync(root);
  await options.fill(root);
  const archive = join(dir.path, "image.tar");
  await runOk(["tar", "-C", root, "--owner=0", "--group=0", "-cf", archive, "."]);
  const changes = (options.changes ?? []).flatMap((change) => ["--change", change]);
  await engine.docker("import", ...changes, archive, options.name);
  return options.name;
};

/** Puts the test image into an engine under `name`. */
export const importImage = async (
  engine: Pick<Engine, "docker">,
  name = TEST_IMAGE,
  changes: readonly string[] = [],
): Promise<string> =>
  makeImage(engine, { name, fill: fillWithBusybox, changes: ['CMD ["/bin/sh"]', ...changes] });

const fillWithBusybox = async (root: string): Promise<void> => {
  makeBase(root);
  copyFileSync(BUSYBOX, join(root, "bin/busybox"));
  const applets = (await runOk([BUSYBOX, "--list"])).split("\n").filter((name) => name && name !== "busybox");
  for (const applet of applets) symlinkSync("busybox", join(root, "bin", applet));
};

const makeBase = (root: string): void => {
  for (const folder of ["bin", "etc", "root", "tmp"]) mkdirSync(join(root, folder), { recursive: true });
  chmodSync(join(root, "tmp"), 0o1777);
  writeFileSync(
    join(root, "etc/passwd"),
    "root:x:0:0:root:/root:/bin/sh\nworker:x:1000:1000::/tmp:/bin/sh\n",
  );
  writeFileSync(join(root, "etc/group"), "root:x:0:\nworker:x:1000:\nvideo:x:44:worker\n");
};

/** This machine's own programs and the C library that they are linked with: a Debian, as far as a job looks. */
export const fillFromHost = async (root: string): Promise<void> => {
  makeBase(root);
  for (const program of ["bash", "cat", "id", "env", "pwd", "ls", "stat", "sleep", "wc"]) {
    const path = Bun.which(program, { PATH: "/usr/bin:/bin" });
    if (!path) throw new Error(`This machine has no ${program}`);
    copyInto(root, path, join("/bin", program));
    const libraries = (await runOk(["ldd", path])).matchAll(/(?:=> )?(\/\S+) \(0x/g);
    for (const [, library = ""] of libraries) copyInto(root, library, library);
  }
  symlinkSync("bash", join(root, "bin/sh"));
};

const copyInto = (root: string, source: string, target: string): void => {
  mkdirSync(dirname(join(root, target)), { recursive: true });
  copyFileSync(source, join(root, target));
};

/** One static program and nothing else: no shell, no users, no `/tmp`. busybox is what it is called. */
export const fillWithProgram =
  (name: string) =>
  (root: string): void => {
    mkdirSync(join(root, "app"));
    copyFileSync(BUSYBOX, join(root, "app", name));
  };
