import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** `using dir = tempDir()`: an empty folder that goes away with the scope. */
export const tempDir = (): { path: string } & Disposable => {
  const path = mkdtempSync(join(tmpdir(), "dstack-test-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
};
