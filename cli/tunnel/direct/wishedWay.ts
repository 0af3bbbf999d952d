import { AppError } from "../../../shared/errors.ts";

/** How streams get to a job's host: straight to it, or by the coordinator. */
export type Route = "direct" | "relay";

/** What somebody insists upon, to measure it or because the other way is in doubt; `auto`: whatever is the shortest. */
export const wishedWay = (env: Readonly<Record<string, string | undefined>>): Route | "auto" => {
  const wish = env["DSTACK_TUNNEL_WAY"] || "auto";
  if (wish === "auto" || wish === "direct" || wish === "relay") return wish;
  throw new AppError("invalid", `DSTACK_TUNNEL_WAY is auto, direct or relay, not "${wish}"`);
};
