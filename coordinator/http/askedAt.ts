import type { Context } from "hono";
import { AppError } from "../../shared/errors.ts";

/** What may stand in a shell script between single quotes, and be an address. */
const PLAIN_URL = /^https?:\/\/[A-Za-z0-9.:[\]-]+(?:\/[A-Za-z0-9._~/-]*)?$/;

export const isPlainUrl = (url: string): boolean => PLAIN_URL.test(url);

/** The coordinator's address as the client wrote it, also behind a proxy that ends TLS. */
export const askedAt = (c: Context): string => {
  const url = new URL(c.req.url);
  const protocol = c.req.header("x-forwarded-proto") ?? url.protocol.replace(":", "");
  return `${protocol}://${c.req.header("host") ?? url.host}`;
};

/** As `askedAt`, for commands that people paste into a shell. */
export const plainAskedAt = (c: Context): string => {
  const url = askedAt(c);
  if (isPlainUrl(url)) return url;
  throw new AppError("invalid", `"${url}" is no address that hosts could reach`, {
    hint: "Set DSTACK_SERVER_URL to the coordinator's address",
  });
};
