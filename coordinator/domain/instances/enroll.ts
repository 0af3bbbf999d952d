import type { Clock } from "../../../shared/clock.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Credential, EnrollAnswer, EnrollRequest } from "../../../shared/protocol/enroll.ts";
import type { ReleaseKey } from "../../releases/releaseKey.ts";
import { writeAll } from "../../store/db.ts";
import { findFleet } from "../../store/fleets.ts";
import {
  findInstance,
  findInstanceByKey,
  type InstancePatch,
  type InstanceRow,
  patchInstance,
} from "../../store/instances.ts";
import type { JoinTokenRow } from "../../store/joinTokens.ts";
import { findProject } from "../../store/projects.ts";
import type { SshInstance } from "../../store/sshInstance.ts";
import { hashToken, newToken } from "../../store/tokens.ts";
import { checkMoment, checkSignature, checkUnused, readJoinToken } from "./checkProof.ts";
import { requireDivisible } from "./division.ts";
import { insertJoined, type JoinDeps } from "./insertJoined.ts";
import { internalIpFor } from "./internalIp.ts";

/** How long a host's credential is good; its agent renews it when two thirds are over. */
const CREDENTIAL_TTL_MS = 24 * 3_600_000;

interface EnrollDeps extends JoinDeps {
  releaseKey?: Pick<ReleaseKey, "publicKey"> | undefined;
  /** Brings hosts in, and wants to know which of them may not come. */
  hosts: { refuse(instanceId: string, refusal: AppError): void };
}

/** Makes a host an instance of the token's fleet, or gives a known host a new credential. */
export const enrollInstance = async (deps: EnrollDeps, request: EnrollRequest): Promise<EnrollAnswer> => {
  const { proof, public_key: publicKey } = request;
  const known = await findInstanceByKey(deps.db, publicKey);
  const read = proof.kind === "join" ? await readJoinToken(deps, proof.token) : undefined;
  const own = proof.kind === "join" ? proof.key : proof;
  if (known && !own)
    throw new AppError("unauthenticated", `${known.name} has this host's key, and no proof of it was given`, {
      hint: "Use a newer agent on the host, or remove its state and join it as a new one",
    });
  // A host that is in proves its key. The token's limits are for those that come anew: whoever runs the line of a rack once
  // more, or goes on where it was cut off, may do so on a host that has used the token up. Such a token gives it nothing.
  if (read?.refusal && !known) throw read.refusal;
  const { token } = read ?? {};
  if (own) checkSignature(publicKey, own);
  // A new host has nothing yet that a copy of its proof could take.
  if (own && (known || !token)) checkMoment(deps, own);
  if (own && (known || token)) await checkUnused(deps, publicKey, own);
  if (known && token && !isFor(token, known)) throw elsewhere(known);
  const credential = newCredential(deps.clock);
  const secret = {
    credential_hash: hashToken(credential.token),
    credential_expires_at: credential.expires_at,
    previous_credential_hash: null,
    previous_credential_expires_at: null,
  };
  const facts = {
    inventory: request.inventory,
    boot_id: request.boot_id,
    agent_version: request.agent_version,
  };
  const instanceId = known?.id ?? token?.instance_id ?? crypto.randomUUID();
  if (known) {
    const gives = read?.refusal ? undefined : token;
    const patch = {
      ...secret,
      ...facts,
      ...dividedBy(deps, gives, { ...known, ...facts }),
      ...labelledBy(gives),
    };
    await writeAll(deps.db, [patchInstance(deps.db, known.id, patch)]);
    deps.engine.updateInstance(known.id, patch);
  } else if (token?.instance_id)
    await admitMade(deps, token.instance_id, { ...secret, ...facts, public_key: publicKey });
  else if (token && proof.kind === "join")
    await deps.fleets.withFleet(token.fleet_id, async () => {
      // Others may have come with it, or the host itself once more, while this one waited for its turn.
      const { refusal } = await readJoinToken(deps, proof.token);
      if (refusal) throw refusal;
      if (await findInstanceByKey(deps.db, publicKey)) throw twice();
      await insertJoined(deps, token, { ...secret, ...facts, id: instanceId, public_key: publicKey });
    });
  else
    throw new AppError("unauthenticated", "This host is not known here", {
      hint: "Join it again with a join token",
    });
  return answer(deps, instanceId, credential);
};

/** A new credential in place of the current one, which stays good until it would have ended. */
export const renewCredential = async (
  { db, clock, engine }: EnrollDeps,
  instance: InstanceRow,
): Promise<Credential> => {
  const credential = newCredential(clock);
  const patch = {
    credential_hash: hashToken(credential.token),
    credential_expires_at: credential.expires_at,
    previous_credential_hash: instance.credential_hash,
    previous_credential_expires_at: instance.credential_expires_at,
  };
  await writeAll(db, [patchInstance(db, instance.id, patch)]);
  engine.updateInstance(instance.id, patch);
  return credential;
};

const newCredential = (clock: Clock): Credential => ({
  token: newToken("dsi_"),
  expires_at: clock.now() + CREDENTIAL_TTL_MS,
});

/** May the known host join again with the token? A host is in one fleet, and a token may be for one instance alone. */
const isFor = (token: JoinTokenRow, known: InstanceRow): boolean =>
  token.instance_id === null ? token.fleet_id === known.fleet_id : token.instance_id === known.id;

/** What a backend has made is the one instance that its token is for. */
const admitMade = async (
  deps: EnrollDeps,
  instanceId: string,
  host: InstancePatch & Pick<InstanceRow, "inventory">,
): Promise<void> => {
  const row = await findInstance(deps.db, instanceId);
  if (!row || row.deleted)
    throw new AppError("unauthenticated", "The instance of this join token is not there any more");
  if (row.ssh) return admitHost(deps, { ...row, ssh: row.ssh }, host);
  requireDivisible(host.inventory, row.blocks);
  await deps.fleets.admit(row, host);
};

/** It is in with its first sync; until then it may enroll again, as another try of bringing it in may have it do. */
const admitHost = async (
  { db, engine, hosts }: EnrollDeps,
  row: InstanceRow & { ssh: SshInstance },
  host: InstancePatch & Pick<InstanceRow, "inventory">,
): Promise<void> => {
  if (row.status !== "pending")
    throw new AppError("unauthenticated", "The instance of this join token is not waited for any more");
  try {
    requireDivisible(host.inventory, row.blocks);
    const patch = { ...host, internal_ip: internalIpFor(row.ssh, host.inventory) };
    await writeAll(db, [patchInstance(db, row.id, patch)]);
    engine.updateInstance(row.id, patch);
  } catch (err) {
    if (err instanceof AppError) hosts.refuse(row.id, err);
    throw err;
  }
};

const twice = (): AppError =>
  new AppError("unavailable", "This host is joining by another request", { hint: "Ask again" });

const elsewhere = ({ name }: InstanceRow): AppError =>
  new AppError("conflict", `This host is ${name} already, and a host is in one fleet`, {
    hint: `Take ${name} out first: \`dstack-agent leave\` on the host, or \`dstack fleet delete FLEET -i NUMBER\``,
  });

/** A host that joins again under its key; how it is divided may be another, but not under its jobs. */
const dividedBy = (
  { engine }: EnrollDeps,
  token: JoinTokenRow | undefined,
  known: InstanceRow,
): Partial<Pick<InstanceRow, "blocks">> => {
  const blocks = token?.blocks ?? known.blocks;
  if (blocks === known.blocks) return {};
  if ((engine.findCapacity(known.id)?.occupants.size ?? 0) > 0)
    throw new AppError("conflict", `${known.name} cannot be divided into other blocks while it has a job`, {
      hint: "Join it again when its jobs have ended, or with a token without --blocks",
    });
  requireDivisible(known.inventory, blocks);
  return { blocks };
};

/** Without a word about labels in the token, a host that joins again keeps those that it has. */
const labelledBy = (token: JoinTokenRow | undefined): Pick<InstancePatch, "labels"> =>
  token?.labels ? { labels: token.labels } : {};

const answer = async (
  { db, releaseKey }: EnrollDeps,
  instanceId: string,
  credential: Credential,
): Promise<EnrollAnswer> => {
  const instance = await findInstance(db, instanceId);
  const fleet = instance && (await findFleet(db, instance.fleet_id));
  const project = fleet && (await findProject(db, fleet.project_id));
  if (!instance || !fleet || !project) throw new Error(`Instance ${instanceId} is gone while it enrolls`);
  return {
    instance_id: instanceId,
    instance_name: instance.name,
    fleet_name: fleet.name,
    project_name: project.name,
    credential,
    ...(releaseKey ? { release_key: releaseKey.publicKey } : {}),
  };
};
