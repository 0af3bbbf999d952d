import type { Deps } from "../../deps.ts";
import { writeAll } from "../../store/db.ts";
import { findProjectByName, insertProject } from "../../store/projects.ts";
import { hashToken } from "../../store/tokens.ts";
import { findUserByName, setUserTokenHash } from "../../store/users.ts";
import { projectCreated, userTokenRefreshed } from "../events/adminEvents.ts";
import { ADMIN_NAME, createUser } from "./manageUsers.ts";

/** The project of the first start. */
export const MAIN_PROJECT = "main";

/**
 * Makes the admin and the main project if they are not there. Returns the admin's token if it is known: it
 * was given from outside (and then replaces the stored one), or has just been made.
 */
export const ensureAdmin = async (deps: Deps, givenToken?: string): Promise<string | undefined> => {
  let admin = await findUserByName(deps.db, ADMIN_NAME);
  let token = givenToken;
  if (!admin) {
    const wanted = { username: ADMIN_NAME, global_role: "admin", email: null, active: true } as const;
    ({ user: admin, token } = await createUser(deps, wanted, { token: givenToken }));
  } else if (givenToken !== undefined && admin.token_hash !== hashToken(givenToken)) {
    await writeAll(deps.db, [
      setUserTokenHash(deps.db, admin.id, hashToken(givenToken)),
      ...deps.tell([userTokenRefreshed(admin, admin.id)]),
    ]);
  }
  if (!(await findProjectByName(deps.db, MAIN_PROJECT))) {
    const row = {
      id: crypto.randomUUID(),
      name: MAIN_PROJECT,
      owner_id: admin.id,
      created_at: deps.clock.now(),
    };
    await insertProject(deps.db, row, deps.tell([projectCreated(row, admin.id)]));
  }
  return token;
};
