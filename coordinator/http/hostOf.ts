import type { Context } from "hono";

/** The host by which whoever asks has reached the coordinator. */
export const hostOf = (c: Context): string => new URL(c.req.url).hostname;
