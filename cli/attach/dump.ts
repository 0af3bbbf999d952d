import type { StreamLogsRequest } from "../../shared/api/logs.ts";
import { type Api, postForStream } from "../api/client.ts";
import { isUnknownRoute } from "../api/refusal.ts";
import type { Context } from "../context.ts";
import { readBytes } from "./lines.ts";
import { printPages } from "./pages.ts";

interface DumpWish {
  readonly api: Api;
  readonly runName: string;
  readonly submissionId: string;
}

/** Prints what is stored: as raw bytes where the server can give them, page by page where it cannot. */
export const dumpLog = async (ctx: Context, wish: DumpWish, signal: AbortSignal): Promise<void> => {
  const body: StreamLogsRequest = {
    run_name: wish.runName,
    job_submission_id: wish.submissionId,
    offset: 0,
    follow: false,
  };
  let response: Response;
  try {
    response = await postForStream(wish.api, `${wish.api.project}/logs/stream`, body, signal);
  } catch (err) {
    if (!isUnknownRoute(err)) throw err;
    await printPages(ctx, wish);
    return;
  }
  for await (const bytes of readBytes(response, signal)) ctx.out.write(bytes);
};
