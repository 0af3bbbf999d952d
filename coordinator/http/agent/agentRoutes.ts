import { Hono } from "hono";
import type { z } from "zod";
import type { Clock } from "../../../shared/clock.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { MAX_AGENT_LOG_BYTES } from "../../../shared/protocol/agentLog.ts";
import { EnrollRequest } from "../../../shared/protocol/enroll.ts";
import { LeaveRequest } from "../../../shared/protocol/leave.ts";
import { MAX_LOG_BODY_BYTES } from "../../../shared/protocol/logs.ts";
import { MetricsRequest } from "../../../shared/protocol/metrics.ts";
import { ReportRequest } from "../../../shared/protocol/report.ts";
import { SyncRequest } from "../../../shared/protocol/sync.ts";
import { LinkQuery } from "../../../shared/protocol/tunnel.ts";
import type { BlobStore } from "../../blobs/blobStore.ts";
import type { IdeArchives } from "../../blobs/ideArchives.ts";
import { isHeldIdeBlob } from "../../domain/files/ideBlobs.ts";
import { removeInstance } from "../../domain/fleets/deleteFleets.ts";
import { enrollInstance, renewCredential } from "../../domain/instances/enroll.ts";
import type { AgentLink } from "../../engine/agentLink.ts";
import type { Engine } from "../../engine/engine.ts";
import type { FleetKeeper } from "../../engine/fleetKeeper.ts";
import type { HostKeeper } from "../../engine/hostKeeper.ts";
import type { UsageIntake } from "../../engine/usage.ts";
import type { Relay } from "../../relay/relay.ts";
import type { ReleaseKey } from "../../releases/releaseKey.ts";
import type { Db } from "../../store/db.ts";
import type { TellEvents } from "../../store/events.ts";
import { isHeldBlob } from "../../store/heldBlobs.ts";
import type { AppEnv } from "../env.ts";
import { fileAnswer } from "../fileAnswer.ts";
import { authenticateAgent, checkProtocol } from "./authenticate.ts";
import { agentErrorAnswer } from "./errorAnswer.ts";

export interface AgentRouteDeps {
  db: Db;
  tell: TellEvents;
  clock: Clock;
  log: Logger;
  engine: Engine;
  fleets: FleetKeeper;
  hosts: HostKeeper;
  link: AgentLink;
  usage: UsageIntake;
  blobs: BlobStore;
  ideArchives: IdeArchives;
  releaseKey: ReleaseKey;
  relay: Relay;
}

/** Inventories and held sets of the largest hosts stay far below this. */
const MAX_JSON_BYTES = 1024 * 1024;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The coordinator's side of the agent link, to be mounted at AGENT_BASE_PATH (shared/protocol). */
export const agentRoutes = (deps: AgentRouteDeps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.use(async (c, next) => {
    checkProtocol(c.req.raw.headers);
    await next();
  });
  app.post("/enroll", async (c) =>
    c.json(await enrollInstance(deps, await readJson(c.req.raw, EnrollRequest))),
  );
  app.post("/sync", async (c) => {
    const instance = authenticateAgent(deps, c.req.raw.headers);
    const request = await readJson(c.req.raw, SyncRequest);
    const answer = await deps.link.sync(instance, request, c.req.raw.signal);
    if (!request.renew_credential) return c.json(answer);
    return c.json({ ...answer, credential: await renewCredential(deps, instance) });
  });
  app.post("/report", async (c) => {
    const instance = authenticateAgent(deps, c.req.raw.headers);
    return c.json(await deps.link.report(instance, await readJson(c.req.raw, ReportRequest)));
  });
  app.post("/leave", async (c) => {
    const instance = await authenticateAgent(deps, c.req.raw.headers);
    const { force } = await readJson(c.req.raw, LeaveRequest);
    if (force) await deps.engine.loseJobs(instance);
    await removeInstance(deps, instance, undefined);
    deps.log.info("A host has left its fleet", { instance_id: instance.id, name: instance.name, force });
    return c.json({});
  });
  app.post("/metrics", async (c) => {
    const instance = authenticateAgent(deps, c.req.raw.headers);
    return c.json(await deps.usage.take(instance, await readJson(c.req.raw, MetricsRequest)));
  });
  app.post("/logs/:submission", async (c) => {
    const instance = authenticateAgent(deps, c.req.raw.headers);
    const bytes = await readBytes(c.req.raw, MAX_LOG_BODY_BYTES);
    const where = {
      offset: readNumber(c.req.query("offset"), "offset"),
      at: readNumber(c.req.query("at"), "at"),
    };
    const submissionId = submissionIdOf(c.req.param("submission"));
    return c.json(await deps.link.appendLog(instance, submissionId, { bytes, ...where }));
  });
  app.post("/agent-logs/:submission", async (c) => {
    const instance = await authenticateAgent(deps, c.req.raw.headers);
    const bytes = await readBytes(c.req.raw, MAX_AGENT_LOG_BYTES);
    const offset = readNumber(c.req.query("offset"), "offset");
    return c.json(
      await deps.link.appendAgentLog(instance, submissionIdOf(c.req.param("submission")), { bytes, offset }),
    );
  });
  app.get("/blobs/:sha256", async (c) => {
    const instance = authenticateAgent(deps, c.req.raw.headers);
    const sha256 = c.req.param("sha256");
    const isHeld =
      /^[0-9a-f]{64}$/.test(sha256) &&
      ((await isHeldBlob(deps.db, instance.id, sha256)) || (await isHeldIdeBlob(deps, instance, sha256)));
    const blob = isHeld ? await deps.blobs.find(sha256) : undefined;
    if (!blob) throw new AppError("not_found", `No blob ${sha256} belongs to a job of this host`);
    const headers = { "content-type": "application/octet-stream" };
    return fileAnswer(blob, { size: blob.size, range: c.req.header("range"), headers });
  });
  app.get("/tunnel", (c) => {
    const instance = authenticateAgent(deps, c.req.raw.headers);
    const dial = LinkQuery.safeParse(c.req.query());
    if (!dial.success) throw new AppError("invalid", "A tunnel is dialled with `session` and `received`");
    if (!c.env.upgrade?.(deps.relay.agent(instance.id, dial.data)))
      throw new AppError("invalid", "A tunnel is a WebSocket");
    return c.body(null);
  });
  app.notFound((c) =>
    c.json({ error: { code: "not_found", message: "No such call on the agent link" } }, 404),
  );
  app.onError((err, c) => {
    const known = agentErrorAnswer(err);
    if (known) return c.json(known.body, known.status);
    deps.log.error("A call on the agent link failed", { path: c.req.path, err });
    return c.json({ error: { code: "internal", message: "Internal error; see the coordinator's log" } }, 500);
  });
  return app;
};

const submissionIdOf = (text: string): string => {
  if (UUID.test(text)) return text;
  throw new AppError("invalid", `"${text}" is not a submission id`);
};

const readNumber = (text: string | undefined, name: string): number => {
  const value = Number(text);
  if (text === undefined || !Number.isSafeInteger(value) || value < 0)
    throw new AppError("invalid", `${name} must be a whole number, not "${text ?? ""}"`);
  return value;
};

const readBytes = async (request: Request, limit: number): Promise<Uint8Array> => {
  const refuse = () => new AppError("too_large", `The body is larger than ${limit} bytes`);
  if (Number(request.headers.get("content-length") ?? 0) > limit) throw refuse();
  const bytes = new Uint8Array(await request.arrayBuffer());
  if (bytes.length > limit) throw refuse();
  return bytes;
};

const utf8 = new TextDecoder();

const readJson = async <S extends z.ZodType>(request: Request, schema: S): Promise<z.output<S>> => {
  const text = utf8.decode(await readBytes(request, MAX_JSON_BYTES));
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (cause) {
    throw new AppError("invalid", "The body is not JSON", { cause });
  }
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new AppError("invalid", `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not valid"}`);
};
