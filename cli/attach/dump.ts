import type { StreamLogsRequest } from "../../shared/api/logs.ts";
import { type Api, postForStream } from "../api/client.ts";
import { isUnknownRoute } from "../api/refusal.ts";
import type { Context } from "../context.ts";
import { readBytes } from "./lines.ts";
import { type LogBegin, placeOf } from "./logBegin.ts";
import { printPages } from "./pages.ts";
import { createPrinter } from "./printer.ts";

interface DumpWish {
  readonly api: Api;
  readonly runName: string;
  readonly submissionId: string;
  readonly begin: LogBegin;
}

/** Prints what is stored: as raw bytes where the server can give them, page by page where it cannot. */
export const dumpLog = async (ctx: Context, wish: DumpWish, signal: AbortSignal): Promise<void> => {
  const { begin } = wish;
  const body: StreamLogsRequest = {
    run_name: wish.runName,
    job_submission_id: wish.submissionId,
    ...placeOf(undefined, begin),
    follow: false,
  };
  let response: Response;
  try {
    response = await postForStream(wish.api, `${wish.api.project}/logs/stream`, body, { signal });
  } catch (err) {
    if (!isUnknownRoute(err)) throw err;
    await printPages({ ...wish, startTime: begin.startTime }, createPrinter(ctx.out, { tail: begin.tail }));
    return;
  }
  for await (const bytes of readBytes(response, signal)) ctx.out.write(bytes);
};
