import { waitFor } from "../../shared/testing/waitFor.ts";
import { freePort } from "../e2e/harness/freePort.ts";
import type { Scene } from "./scene.ts";

export const PAGE = "a page of the job\n";

export interface Site {
  /** Of the job. */
  port: number;
  /** Free on this machine. */
  localPort: number;
}

/** Commands of a job that has a page on a port of its loopback; hosts may share a network with others' jobs. */
export const siteCommands = (port: number): [string, string] => [
  `mkdir -p site && printf '${PAGE.trim()}\\n' > site/index.html`,
  `exec python3 -m http.server ${port} --bind 127.0.0.1 --directory site`,
];

/** Submits a task that is a site, and waits until it runs; `first`: what it does before. */
export const openSite = async (
  { ok, task, waitForStatus }: Scene,
  { first = [], more = {} }: { first?: string[]; more?: Record<string, unknown> } = {},
): Promise<Site> => {
  const [port, localPort] = [await freePort(), await freePort()];
  const file = await task([...first, ...siteCommands(port)], { ports: [port], ...more });
  await ok(["apply", "-f", file, "-y", "-d"]);
  await waitForStatus("running");
  return { port, localPort };
};

/** What a port of this machine answers, once somebody listens there. */
export const pageAt = (port: number): Promise<string> =>
  waitFor(
    `port ${port}`,
    () =>
      fetch(`http://127.0.0.1:${port}/`).then(
        (answer) => answer.text(),
        () => undefined,
      ),
    20_000,
  );
