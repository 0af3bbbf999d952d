import { AppError } from "../../shared/errors.ts";
import { proxyFor } from "../../shared/net/proxy.ts";
import { Dialler, type DiallerOptions, tunnelUrl } from "../../shared/tunnel/dialler.ts";
import { type Api, authorization } from "../api/client.ts";
import type { Context } from "../context.ts";

/** A broken link is dialled for so long before its streams end: a laptop may sleep, a network may change. */
const RESUME_MS = 60_000;

type LinkEvents = Required<Pick<DiallerOptions, "onChange" | "onClosed">>;

/** This client's link to the coordinator (docs/protocol/tunnel.md). Dials at once. */
export const dialLink = (ctx: Context, { connection, project }: Api, events: LinkEvents): Dialler => {
  if (!/^https?:/.test(connection.url))
    throw new AppError("unsupported", `Ports and shells of jobs cannot be reached over ${connection.url}`);
  return new Dialler({
    url: tunnelUrl(connection.url, `${project}/runs/tunnel`),
    headers: () => authorization(connection),
    way: () => ({ tls: connection.tls, proxy: proxyFor(connection.url, ctx.env) }),
    clock: ctx.clock,
    resumeMs: RESUME_MS,
    onStream: ({ stream }) => stream.reset({ code: "forbidden", message: "Nothing is offered here" }),
    ...events,
  });
};
