import { messageOf } from "../../shared/errors.ts";
import { clockReason } from "../../shared/tls/clockReason.ts";
import { isUnknownAuthority, tlsReason } from "../../shared/tls/reason.ts";
import { API_VERSION, VERSION } from "../../shared/version.ts";
import { answerOf, hasKeys, isNullOr, isText } from "../api/answer.ts";
import { type Api, post } from "../api/client.ts";
import { listFleets } from "../api/fleets.ts";
import { getMyUser, getProject } from "../api/projects.ts";
import { ApiRefusal } from "../api/refusal.ts";
import type { Context } from "../context.ts";
import { HOW_TO_TRUST } from "../settings/authorities.ts";
import { type Check, fail, ok, warn } from "./check.ts";

// What the server says. Each question has its own patience: a server that hangs must not hang this.

const PATIENCE_MS = 5_000;
const SKEW_MS = 5_000;

const inTime = () => ({ signal: AbortSignal.timeout(PATIENCE_MS), isSingleTry: true });

const isLocal = (url: URL): boolean => /^(localhost|127\..*|\[::1\])$/.test(url.hostname);

/** Whether it answers at all, and whether its clock agrees with ours. */
export const checkServer = async (
  { clock }: Context,
  { connection: { url, tls } }: Api,
): Promise<Check[]> => {
  const name = "server";
  const begin = clock.steady();
  let response: Response;
  try {
    response = await fetch(`${url}/healthcheck`, {
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...(tls ? { tls } : {}),
    });
    await response.arrayBuffer();
  } catch (err) {
    const code = String((err as { code?: unknown } | null)?.code);
    const reason = (await clockReason(code, url, () => clock.now())) ?? tlsReason(code, clock.now());
    const remedy = isUnknownAuthority(code)
      ? HOW_TO_TRUST
      : "Is the server running, and is the address right? `dstack project list` shows it";
    return [fail(name, `${url} does not answer: ${reason ?? messageOf(err)}`, remedy)];
  }
  const tookMs = clock.steady() - begin;
  if (!response.ok)
    return [
      fail(
        name,
        `${url} answers with status ${response.status}`,
        "Is it a dstack server, or a proxy before one?",
      ),
    ];
  const isOpen = new URL(url).protocol === "http:" && !isLocal(new URL(url));
  const answers = `${url} answers in ${Math.round(tookMs)} ms`;
  return [
    isOpen
      ? warn(name, `${answers}, and the token goes there unencrypted`, "Put TLS before the server: https://")
      : ok(name, answers),
    ...clockChecks(response, clock.now() - tookMs / 2),
  ];
};

/** The header has whole seconds. */
const clockChecks = (response: Response, askedAtMs: number): Check[] => {
  const date = Date.parse(response.headers.get("date") ?? "");
  if (Number.isNaN(date)) return [];
  const skewMs = askedAtMs - (date + 500);
  if (Math.abs(skewMs) < SKEW_MS) return [ok("clock", "Agrees with the server's")];
  const word = skewMs > 0 ? "ahead of" : "behind";
  return [
    warn(
      "clock",
      `${Math.round(Math.abs(skewMs) / 1000)} s ${word} the server's`,
      "Set both by NTP: --since and schedules go by them",
    ),
  ];
};

const infoAnswer = answerOf<{ server_version: string | null }>(hasKeys({ server_version: isNullOr(isText) }));

export const checkVersion = async (api: Api): Promise<Check> => {
  const name = "version";
  const ours = `client ${VERSION} (API ${api.connection.apiVersion})`;
  try {
    const info = await post(api, { path: "/api/server/get_info", answer: infoAnswer, ...inTime() });
    const theirs = info.server_version ?? "of a development version";
    const isSame = minorOf(theirs) === minorOf(API_VERSION);
    return isSame
      ? ok(name, `${ours}, server API ${theirs}`)
      : warn(
          name,
          `${ours}, server API ${theirs}`,
          "Most works between versions; use the client of the server's release where something does not",
        );
  } catch (err) {
    return fail(name, messageOf(err), "Use the client of the server's release");
  }
};

const minorOf = (version: string): string => version.split(".").slice(0, 2).join(".");

export const checkToken = async (api: Api): Promise<Check> => {
  const name = "token";
  try {
    const user = await getMyUser(api, inTime());
    return ok(name, `${user.username} (${user.global_role})`);
  } catch (err) {
    const remedy = "Ask the server's administrator for a token, then dstack project add --token TOKEN";
    const isRefused = err instanceof ApiRefusal && err.status === 403;
    return fail(name, isRefused ? "The server does not know this token" : messageOf(err), remedy);
  }
};

export const checkProject = async (api: Api): Promise<Check> => {
  const name = "project";
  const { project } = api.connection;
  try {
    const found = await getProject(api, inTime());
    return ok(name, `${found.project_name}, of ${found.owner.username}`);
  } catch (err) {
    const isRefused = err instanceof ApiRefusal && [400, 403, 404].includes(err.status);
    return fail(
      name,
      isRefused ? `${project} is not there, or not for you` : messageOf(err),
      "Ask its administrator to make you a member; `dstack project list` shows what you have",
    );
  }
};

export const checkCapacity = async (api: Api): Promise<Check> => {
  const name = "capacity";
  try {
    const fleets = await listFleets(api, inTime());
    const instances = fleets.flatMap((fleet) => fleet.instances);
    const count = (is: string) => instances.filter(({ status }) => status === is).length;
    const lost = instances.filter(({ unreachable }) => unreachable).length;
    const told = `Instances: ${instances.length}, of which ${count("idle")} idle and ${count("busy")} busy`;
    if (lost > 0)
      return warn(name, `${told}, ${lost} unreachable`, "`dstack-agent doctor` on such a host says why");
    if (instances.length > 0) return ok(name, told);
    return warn(
      name,
      `${told}: nothing can run yet`,
      "dstack fleet token create NAME, then the line that it prints on each host",
    );
  } catch (err) {
    return fail(name, messageOf(err), "See the checks before this one");
  }
};
