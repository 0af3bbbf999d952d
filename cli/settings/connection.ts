import { AppError } from "../../shared/errors.ts";
import { API_VERSION } from "../../shared/version.ts";
import type { Context } from "../context.ts";
import { type ServerTls, tlsFor } from "./authorities.ts";
import { readProjects } from "./configFile.ts";

/** Which server, as whom, about which project. */
export interface Connection {
  readonly url: string;
  readonly token: string;
  readonly project: string;
  /** Value of the header `X-API-VERSION`. */
  readonly apiVersion: string;
  /** By which authorities the server is known; absent: those of the system. */
  readonly tls?: ServerTls;
}

/** Chooses in the order of docs/spec/cli.md §2: both variables, then the named project, then the default one. */
export const chooseConnection = async (
  ctx: Pick<Context, "env" | "home">,
  project: string | undefined,
): Promise<Connection> => {
  const apiVersion = apiVersionOf(ctx.env);
  const url = ctx.env["DSTACK_SERVER_URL"];
  const token = ctx.env["DSTACK_TOKEN"];
  const name = project ?? (ctx.env["DSTACK_PROJECT"] || undefined);
  if (url && token) {
    if (name !== undefined)
      return { url: withoutSlash(url), token, project: name, apiVersion, tls: tlsFor(ctx, url) };
    throw new AppError(
      "invalid",
      "DSTACK_SERVER_URL and DSTACK_TOKEN are set, but the project is not specified. Set DSTACK_PROJECT or use --project",
    );
  }
  const projects = await readProjects(ctx.home);
  const entry = projects.find((each) => (name === undefined ? each.isDefault : each.name === name));
  if (entry) {
    const tls = tlsFor(ctx, entry.url);
    return {
      url: withoutSlash(entry.url),
      token: token || entry.token,
      project: entry.name,
      apiVersion,
      tls,
    };
  }
  if (url) throw new AppError("invalid", "DSTACK_SERVER_URL is set, but DSTACK_TOKEN is not set");
  if (name !== undefined) throw new AppError("not_found", `Project ${name} is not configured`);
  throw new AppError("not_found", "No default project, specify project name", {
    hint: "Use --project NAME, or add a project with `dstack project add`",
  });
};

export const apiVersionOf = (env: Context["env"]): string => env["DSTACK_CLIENT_API_VERSION"] || API_VERSION;

export const withoutSlash = (url: string): string => url.replace(/\/+$/, "");
