import type { Run } from "../../shared/api/runs.ts";
import type { Api } from "../api/client.ts";
import type { Context } from "../context.ts";

/** Where a service answers; a path is one of the server's. */
export const printService = (ctx: Context, api: Api, { service }: Run): void => {
  if (!service) return;
  const absolute = (url: string) => (url.startsWith("/") ? `${api.connection.url}${url}` : url);
  ctx.out.write(`Service is published at:\n  ${absolute(service.url)}\n`);
  if (service.model) {
    ctx.out.write(`Model ${service.model.name} is published at:\n  ${absolute(service.model.base_url)}\n`);
  }
};
