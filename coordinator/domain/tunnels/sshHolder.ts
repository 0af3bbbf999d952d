import { isFinalJob } from "../../../shared/states.ts";
import type { Deps } from "../../deps.ts";
import { type Holder, StreamRefusal } from "../../relay/holder.ts";
import { findSubmission } from "../../store/submissions.ts";
import { findLogin, type SshLogin } from "./findLogin.ts";

interface Entry {
  login: SshLogin;
  /** That they have shown to have, in the form of `authorized_keys`; undefined: a proxy has looked at it. */
  key: string | undefined;
  address: string;
}

/** The rules for somebody who has come in by the coordinator's own SSH: as the user whose run it is. */
export const sshHolder = ({ db }: Pick<Deps, "db">, { login, key, address }: Entry): Holder => {
  const { submissionId, project, user } = login;
  const recheck: Holder["recheck"] = async ({ instanceId }) => {
    const submission = await findSubmission(db, submissionId);
    if (submission && isFinalJob(submission.status)) return "over";
    const now = await findLogin({ db }, submissionId, { orEnding: true });
    if (!now) throw new StreamRefusal("forbidden", "Access was revoked");
    if (key !== undefined && !now.keys.some((one) => isSame(one, key)))
      throw new StreamRefusal("forbidden", "A key that could log in was revoked");
    if (now.instanceId !== instanceId) throw new StreamRefusal("unavailable", "The job is on another host");
    return "stays";
  };
  return {
    userId: user.id,
    username: user.username,
    project,
    address,
    recheck,
    check: async () => {},
    find: () => Promise.reject(new StreamRefusal("forbidden", "Who comes by SSH asks for nothing else")),
  };
};

/** Whatever the comment behind it. */
const isSame = (one: string, other: string): boolean =>
  one.split(/\s+/, 2).join(" ") === other.split(/\s+/, 2).join(" ");
