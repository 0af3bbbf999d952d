import { VERSION } from "../../shared/version.ts";
import type { Context } from "../context.ts";
import { chooseConnection } from "../settings/connection.ts";
import { type Api, createApi } from "./client.ts";
import { noteRelease } from "./newerRelease.ts";

/** The server and project that this command line speaks of. */
export const openApi = async (
  ctx: Context,
  values: { readonly project: string | undefined },
): Promise<Api> => ({
  ...createApi(await chooseConnection(ctx, values.project)),
  onRelease: (release) => {
    if (release !== VERSION) noteRelease(ctx, release);
  },
});
