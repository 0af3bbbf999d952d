import { join } from "node:path";
import { runOk } from "../e2e/harness/program.ts";
import type { Scene } from "./scene.ts";

/** Runs a script of this folder with the Python that has the stock client; answers the JSON that it prints. */
export const askPython = async (scene: Scene, script: string, input: unknown = null): Promise<unknown> =>
  JSON.parse(
    await runOk([join(scene.bin, "python"), join(import.meta.dir, script)], {
      cwd: scene.dir,
      env: scene.env,
      input: JSON.stringify(input),
    }),
  );
