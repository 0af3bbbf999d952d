import { isFinalRun } from "../../shared/states.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import type { Client } from "../e2e/harness/client.ts";
import { TEST_IMAGE } from "../e2e/harness/image.ts";
import { SMALL } from "../e2e/harness/system.ts";
import type { SoakedHost } from "./hosts.ts";

const LONGEST_MS = 60_000;

/** Some print little, some much, some fail, some are ended by a signal: each in its own way, known beforehand. */
const KINDS = [
  (at: number) => ({ command: `echo job ${at}`, output: `job ${at}\r\n`, exit: 0, status: "done" }),
  (at: number) => ({ command: `echo job ${at}; exit 7`, output: `job ${at}\r\n`, exit: 7, status: "failed" }),
  (at: number) => ({
    command: `i=0; while [ $i -lt 2000 ]; do echo "line $i of ${at}"; i=$((i+1)); done`,
    output: Array.from({ length: 2000 }, (_, line) => `line ${line} of ${at}\r\n`).join(""),
    exit: 0,
    status: "done",
  }),
  (at: number) => ({
    command: `printf 'no newline ${at}'`,
    output: `no newline ${at}`,
    exit: 0,
    status: "done",
  }),
] as const;

/** Runs the job of that number on one of the fleet's hosts to its end; what is wrong with the outcome, if anything is. */
export const runShortJob = async (
  client: Client,
  host: SoakedHost,
  at: number,
): Promise<string | undefined> => {
  const { command, output, exit, status } = (KINDS[at % KINDS.length] ?? KINDS[0])(at);
  const name = `soak-${at}`;
  const image = host.runtime === "docker" ? { image: TEST_IMAGE } : {};
  const configuration = {
    type: "task",
    name,
    ...image,
    commands: [command],
    resources: SMALL,
    fleets: [host.fleet],
  };
  const answer = await client.post("runs/apply", {
    plan: { run_spec: { run_name: name, configuration }, current_resource: null },
    force: false,
  });
  if (!answer.ok) return `${name}: ${answer.status} ${(await answer.text()).slice(0, 300)}`;
  await answer.arrayBuffer();
  const ended = await waitFor(
    `the end of ${name}`,
    async () => {
      const run = await client.getRun(name);
      return isFinalRun(run.status) && run;
    },
    LONGEST_MS,
  );
  const submissions = ended.jobs[0]?.job_submissions ?? [];
  const last = submissions.at(-1);
  if (submissions.length !== 1) return `${name}: ${submissions.length} submissions`;
  if (ended.status !== status || last?.exit_status !== exit)
    return `${name}: ${ended.status}, exit status ${last?.exit_status}: ${last?.termination_reason_message}`;
  const all = new TextDecoder().decode(await client.readLog(name, { follow: true }));
  // Debian's busybox greets first.
  const log = all.slice(Math.max(0, all.indexOf(output.slice(0, 20))));
  return log === output ? undefined : `${name}: ${log.length} bytes of output and not ${output.length}`;
};
