import {
  MAX_SECRET_CHARS,
  SECRET_NAME,
  type Secret,
  type SetSecretRequest,
} from "../../../shared/api/secrets.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { writeAll } from "../../store/db.ts";
import {
  deleteSecrets,
  listSecrets,
  listSecretsByNames,
  type SecretRow,
  upsertSecret,
} from "../../store/secrets.ts";
import { secretCreated, secretDeleted, secretUpdated } from "../events/adminEvents.ts";

/** Without their values. */
export const listProjectSecrets = async ({ db }: Deps, projectId: string): Promise<Secret[]> =>
  (await listSecrets(db, projectId)).map(({ id, name }) => ({ id, name, value: null }));

export const getSecret = async (deps: Deps, projectId: string, name: string): Promise<Secret> => {
  const [row] = await listSecretsByNames(deps.db, projectId, [name]);
  if (!row) throw new AppError("not_found", "Resource not found");
  return viewSecret(deps, row);
};

/** Refuses (`invalid`) a name or value that is out of bounds; the text of the first is the reference's own. */
export const setSecret = async (
  deps: Deps,
  projectId: string,
  { name, value, actorId }: SetSecretRequest & { actorId: string },
): Promise<Secret> => {
  if (!SECRET_NAME.test(name))
    throw new AppError("invalid", `Secret name should match regex '${SECRET_NAME.source}`);
  if (value.length > MAX_SECRET_CHARS)
    throw new AppError("invalid", `Secret value length must not exceed ${MAX_SECRET_CHARS}`);
  const [known] = await listSecretsByNames(deps.db, projectId, [name]);
  const wanted = {
    id: known?.id ?? crypto.randomUUID(),
    project_id: projectId,
    name,
    value_sealed: deps.secrets.seal(value),
    created_at: deps.clock.now(),
  };
  const told = known ? secretUpdated(known, actorId) : secretCreated(wanted, actorId);
  await writeAll(deps.db, [upsertSecret(deps.db, wanted), ...deps.tell([told])]);
  const [row] = await listSecretsByNames(deps.db, projectId, [name]);
  if (!row) throw new Error(`The secret ${name} is gone right after it was set`);
  return viewSecret(deps, row);
};

/** All of them, or none where one is not there. */
export const removeSecrets = async (
  { db, tell }: Deps,
  projectId: string,
  { names, actorId }: { names: string[]; actorId: string },
): Promise<void> => {
  const rows = names.length === 0 ? [] : await listSecretsByNames(db, projectId, names);
  const missing = names.filter((name) => !rows.some((row) => row.name === name));
  if (missing.length > 0) throw new AppError("not_found", `Secrets not found: ${missing.join(", ")}`);
  if (rows.length > 0)
    await writeAll(db, [
      deleteSecrets(
        db,
        rows.map((row) => row.id),
      ),
      ...tell(rows.map((row) => secretDeleted(row, actorId))),
    ]);
};

const viewSecret = ({ secrets }: Deps, row: SecretRow): Secret => ({
  id: row.id,
  name: row.name,
  value: secrets.open(row.value_sealed),
});
