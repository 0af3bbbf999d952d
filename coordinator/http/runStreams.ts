import { LOG_OFFSET_HEADER, StreamLogsRequest } from "../../shared/api/logs.ts";
import { GetRunRequest, Run } from "../../shared/api/runs.ts";
import type { Deps } from "../deps.ts";
import { getRunRow } from "../domain/runs/findRuns.ts";
import { followLog } from "../domain/runs/followLog.ts";
import { getSubmission } from "../domain/runs/getSubmission.ts";
import { logBegin } from "../domain/runs/logBegin.ts";
import { watchRun } from "../domain/runs/watchRun.ts";
import { sshAddressOf } from "../domain/tunnels/sshAddress.ts";
import { hostOf } from "./hostOf.ts";
import { openEnded } from "./openEnded.ts";
import { projectRoute, type Route } from "./route.ts";

async function* runLines(
  deps: Deps,
  options: Parameters<typeof watchRun>[1],
): AsyncGenerator<Uint8Array, void> {
  const encoder = new TextEncoder();
  for await (const run of watchRun(deps, options))
    yield encoder.encode(run === undefined ? "\n" : `${JSON.stringify(run)}\n`);
}

/** Ours: what clients would otherwise poll for (shared/api/runs.ts, shared/api/logs.ts). */
export const runStreamRoutes: Route[] = [
  projectRoute({
    path: "/api/project/:project/runs/watch",
    summary: "Follow a run until it is final",
    tag: "runs",
    ours: true,
    access: "member",
    body: GetRunRequest,
    answer: {
      media: "application/x-ndjson",
      about:
        "The run as it is, then again after every change until it is final, one JSON text a line. An empty line says only that the connection lives.",
      line: Run,
    },
    handle: async ({ c, deps, project, body }) => {
      const { id: runId } = await getRunRow(deps, project.id, body);
      const connections = { ssh: sshAddressOf(deps, hostOf(c)) };
      return openEnded(c, {
        headers: { "content-type": "application/x-ndjson" },
        closing: deps.closing,
        make: (signal) => runLines(deps, { runId, connections, signal }),
      });
    },
  }),
  projectRoute({
    path: "/api/project/:project/logs/stream",
    summary: "Follow a job's output as raw bytes",
    tag: "logs",
    ours: true,
    access: "member",
    body: StreamLogsRequest,
    answer: {
      media: "application/octet-stream",
      about: `The output from the first byte on that was asked for by offset, time or lines; \`${LOG_OFFSET_HEADER}\` says which it is. With \`follow\` it ends when the output is complete.`,
    },
    handle: async ({ c, deps, project, body }) => {
      const { id, run_id } = await getSubmission(deps, project.id, body);
      const offset = await logBegin(deps, id, body);
      const wish = { submissionId: id, runId: run_id, offset, follow: body.follow };
      return openEnded(c, {
        headers: {
          "content-type": "application/octet-stream",
          [LOG_OFFSET_HEADER]: String(offset),
        },
        closing: deps.closing,
        make: (signal) => followLog(deps, wish, signal),
      });
    },
  }),
];
