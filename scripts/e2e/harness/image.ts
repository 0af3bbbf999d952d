import { chmodSync, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import type { Engine } from "./engine.ts";
import { runOk } from "./program.ts";

/** The image of the tests: Debian's static busybox and nothing else, 2 MB. */
export const TEST_IMAGE = "dstack-e2e:busybox";

const BUSYBOX = "/bin/busybox";
export const hasBusybox = (): boolean => existsSync(BUSYBOX);

/** Puts the test image into an engine under `name`, without a registry. */
export const importImage = async (engine: Engine, name = TEST_IMAGE): Promise<void> => {
  using dir = tempDir();
  const root = join(dir.path, "root");
  for (const folder of ["bin", "etc", "root", "tmp"]) mkdirSync(join(root, folder), { recursive: true });
  copyFileSync(BUSYBOX, join(root, "bin/busybox"));
  chmodSync(join(root, "tmp"), 0o1777);
  writeFileSync(
    join(root, "etc/passwd"),
    "root:x:0:0:root:/root:/bin/sh\nworker:x:1000:1000::/tmp:/bin/sh\n",
  );
  writeFileSync(join(root, "etc/group"), "root:x:0:\nworker:x:1000:\n");
  const applets = (await runOk([BUSYBOX, "--list"])).split("\n").filter((name) => name && name !== "busybox");
  for (const applet of applets) symlinkSync("busybox", join(root, "bin", applet));
  const archive = join(dir.path, "image.tar");
  await runOk(["tar", "-C", root, "--owner=0", "--group=0", "-cf", archive, "."]);
  await engine.docker("import", "--change", 'CMD ["/bin/sh"]', archive, name);
};
