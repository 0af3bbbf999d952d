/** What people have ports for: Jupyter in a task, used in a browser on their own machine. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { openPage, type Page } from "./harness/browser.ts";
import { freePort } from "./harness/freePort.ts";
import { installPythonPackage } from "./harness/pythonPackage.ts";
import { describeWith, hasProgram } from "./harness/requirements.ts";
import { NEEDS, openSystem } from "./harness/system.ts";

const VERSION = "7.6.5";
const TOKEN = "of-this-test";
/** More than all that is waited for, so that what was missing is told. */
const LONGEST = 240_000;
const NAME = "Jupyter in a job, in a browser through its port";
const NOTEBOOK = {
  nbformat: 4,
  nbformat_minor: 5,
  metadata: { kernelspec: { name: "python3", display_name: "Python 3", language: "python" } },
  cells: [
    {
      cell_type: "code",
      id: "one",
      execution_count: null,
      metadata: {},
      outputs: [],
      source: "print(6 * 7)",
    },
  ],
};

/** Runs all cells as the menu does, once the page's kernel has answered. */
const RUN_ALL = `(async () => {
  const notebook = window.jupyterapp?.shell.currentWidget;
  if (!notebook) return undefined;
  await notebook.sessionContext.ready;
  await notebook.sessionContext.session.kernel.info;
  await window.jupyterapp.commands.execute("notebook:run-all-cells");
  return "ran";
})()`;
const OUTPUT = `document.querySelector(".jp-OutputArea-output pre")?.textContent`;

const tests = (jupyter: string) => () => {
  test(
    "the page loads, its kernel answers over a WebSocket, and a cell prints what it computes",
    async () => {
      await using system = await openSystem({ runtime: "process" });
      const port = await freePort();
      const commands = [
        `echo '${JSON.stringify(NOTEBOOK)}' > answer.ipynb`,
        `exec ${jupyter} notebook --no-browser --allow-root --expose-app-in-browser --port 8888 --IdentityProvider.token=${TOKEN}`,
      ];
      const input = system.task("notebook", commands, { ports: [`${port}:8888`] });
      const { client } = system.coordinator;
      await client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input });
      await using attached = client.startDstack(["attach", "notebook"], {
        logFile: join(system.dir, "attach.log"),
      });
      await attached.waitForOutput(/^Attached/m);
      const isServing = () =>
        fetch(`http://localhost:${port}/api`).then(
          ({ ok }) => ok,
          () => false,
        );
      await waitFor("Jupyter to serve", isServing, 60_000);
      const url = `http://localhost:${port}/notebooks/answer.ipynb?token=${TOKEN}`;
      await using page: Page = await openPage(url, join(system.dir, "browser"));
      await page.waitForValue("the notebook to run", RUN_ALL, 60_000);
      expect(await page.waitForValue("the cell's output", OUTPUT)).toBe("42\n");
      const address = new RegExp(`^ws://localhost:${port}/api/kernels/[^/]+/channels`);
      expect(page.liveSockets()).toContainEqual(expect.stringMatching(address));
    },
    LONGEST,
  );
};

const jupyter = hasProgram("chromium")
  ? await installPythonPackage({
      folder: `jupyter-${VERSION}`,
      wanted: `notebook==${VERSION}`,
      program: "jupyter",
    })
  : { reason: "needs Debian's chromium" };
if ("path" in jupyter) describeWith(NEEDS.process, NAME, tests(jupyter.path));
else describe.skip(`${NAME} [${jupyter.reason}]`, tests(""));
