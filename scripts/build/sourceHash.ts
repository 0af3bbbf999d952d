import { join } from "node:path";

/** All that a binary is made of; tests are not. */
const SOURCES = [
  ...["agent", "cli", "coordinator", "shared", "scripts/build"].map((folder) => `${folder}/**/*`),
  ...["install.sh", "package.json", "bun.lock", "tsconfig.json"],
];

/** One hash over every source file and the Bun that compiles it: equal hashes mean equal binaries. */
export const sourceHash = async (root: string): Promise<string> => {
  const paths = new Set<string>();
  for (const pattern of SOURCES) {
    for await (const path of new Bun.Glob(pattern).scan({ cwd: root })) {
      if (!/\.test\.tsx?$/.test(path)) paths.add(path);
    }
  }
  const hash = new Bun.CryptoHasher("sha256").update(`bun ${Bun.version}\n`);
  for (const path of [...paths].sort()) {
    const content = await Bun.file(join(root, path)).bytes();
    hash.update(`${path}\n${content.length}\n`).update(content);
  }
  return hash.digest("hex");
};
