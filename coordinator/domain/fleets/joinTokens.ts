import type { CreateJoinTokenRequest, JoinToken, NewJoinToken } from "../../../shared/api/joinTokens.ts";
import { toWireTime } from "../../../shared/api/scalars.ts";
import { AppError } from "../../../shared/errors.ts";
import { withPin } from "../../../shared/tls/pinnedToken.ts";
import type { Deps } from "../../deps.ts";
import { writeAll } from "../../store/db.ts";
import { listFleetsByIds } from "../../store/fleets.ts";
import {
  insertJoinToken,
  type JoinTokenRow,
  listJoinTokens,
  revokeJoinToken,
} from "../../store/joinTokens.ts";
import { hashToken, newToken } from "../../store/tokens.ts";
import type { CoordinatorTrust } from "../../tls/tls.ts";
import { joinTokenCreated, joinTokenRevoked } from "../events/instanceEvents.ts";
import { ensureAgentFleet } from "./agentFleet.ts";

/** What to type on a host; `url` is the address under which hosts reach the coordinator. */
const joinCommand = (url: string, token: string, { keyPin }: CoordinatorTrust): string =>
  // No host knows the authority yet: the script comes from whoever has the key, which `-k` does not change.
  `curl -fsS${keyPin === undefined ? "L" : `k --pinnedpubkey sha256//${keyPin}`} ${url}/install.sh | sh -s -- --token ${token}`;

const viewToken = (row: JoinTokenRow, fleetName: string): JoinToken => ({
  id: row.id,
  fleet: fleetName,
  created_at: toWireTime(row.created_at),
  expires_at: toWireTime(row.expires_at),
  uses_left: row.uses_left,
  blocks: row.blocks,
  labels: row.labels,
});

/** The fleet is made if it is not there. `url`: the address that the caller knows the coordinator by. */
export const createJoinToken = async (
  deps: Deps,
  projectId: string,
  request: CreateJoinTokenRequest & { url: string; actorId?: string },
): Promise<NewJoinToken> => {
  const { actorId } = request;
  const fleet = await ensureAgentFleet(deps, projectId, { name: request.fleet, actorId });
  const now = deps.clock.now();
  const { trust } = deps.tls;
  const secret = newToken("join-");
  const token = withPin(secret, trust.fingerprint);
  const row: JoinTokenRow = {
    id: crypto.randomUUID(),
    project_id: projectId,
    fleet_id: fleet.id,
    token_hash: hashToken(secret),
    created_at: now,
    expires_at: now + request.ttl_s * 1000,
    uses_left: request.uses,
    blocks: request.blocks,
    labels: request.labels,
    instance_id: null,
    revoked: false,
  };
  await writeAll(deps.db, [
    insertJoinToken(deps.db, row),
    ...deps.tell([joinTokenCreated(fleet, row.expires_at, actorId)]),
  ]);
  return { ...viewToken(row, fleet.name), token, join_command: joinCommand(request.url, token, trust) };
};

/** Those that a host could still join with, newest first. */
export const listUsableJoinTokens = async (
  deps: Deps,
  projectId: string,
  fleetName: string | null,
): Promise<JoinToken[]> => {
  const now = deps.clock.now();
  const usable = (await listJoinTokens(deps.db, projectId)).filter(
    // Those of made instances are nobody's to hand out.
    (row) => row.instance_id === null && !row.revoked && row.expires_at > now && row.uses_left !== 0,
  );
  const fleets = await listFleetsByIds(deps.db, [...new Set(usable.map((row) => row.fleet_id))]);
  const names = new Map(fleets.map((fleet) => [fleet.id, fleet.name]));
  return usable
    .map((row) => viewToken(row, names.get(row.fleet_id) ?? ""))
    .filter((token) => fleetName === null || token.fleet === fleetName)
    .sort((a, b) => b.created_at.localeCompare(a.created_at));
};

/** Repeating it changes nothing. */
export const revokeJoinTokens = async (
  deps: Deps,
  projectId: string,
  { ids, actorId }: { ids: string[]; actorId: string },
): Promise<void> => {
  const known = new Map((await listJoinTokens(deps.db, projectId)).map((row) => [row.id, row]));
  const unknown = ids.find((id) => !known.has(id));
  if (unknown !== undefined) throw new AppError("not_found", `Join token ${unknown} not found`);
  const good = [...new Set(ids)].flatMap((id) => known.get(id) ?? []).filter((row) => !row.revoked);
  const fleets = await listFleetsByIds(deps.db, [...new Set(good.map((row) => row.fleet_id))]);
  await writeAll(deps.db, [
    ...good.map((row) => revokeJoinToken(deps.db, projectId, row.id)),
    ...deps.tell(
      good.flatMap((row) =>
        fleets.filter(({ id }) => id === row.fleet_id).map((fleet) => joinTokenRevoked(fleet, actorId)),
      ),
    ),
  ]);
};
