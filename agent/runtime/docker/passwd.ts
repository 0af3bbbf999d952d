/** A line of passwd(5), as far as a job needs it. */
export interface PasswdEntry {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

export const parsePasswd = (text: string): PasswdEntry[] =>
  text.split("\n").flatMap((line) => {
    const [name = "", , uid = "", gid = "", , home = ""] = line.split(":");
    return name && isId(uid) && isId(gid) ? [{ name, uid: Number(uid), gid: Number(gid), home }] : [];
  });

/** Names and ids of group(5). */
export const parseGroup = (text: string): Map<string, number> =>
  new Map(
    text.split("\n").flatMap((line) => {
      const [name = "", , gid = ""] = line.split(":");
      return name && isId(gid) ? [[name, Number(gid)] as const] : [];
    }),
  );

const isId = (value: string): boolean => /^\d{1,10}$/.test(value);

export interface JobUser {
  uid: number;
  gid: number;
  home: string;
}

/**
 * `name|uid[:group|gid]` as the image's files know it (docs/spec/agent.md §2.10); undefined where a name is in
 * none of them, which the engine will say better.
 */
export const resolveUser = (
  user: string,
  { passwd, group }: { passwd: PasswdEntry[]; group: Map<string, number> },
): JobUser | undefined => {
  const [who = "", groupName] = user.split(":", 2);
  const entry = passwd.find(({ name, uid }) => name === who || (isId(who) && uid === Number(who)));
  if (!entry && !isId(who)) return undefined;
  const ownGid = entry?.gid ?? 0;
  const gid = groupName === undefined ? ownGid : isId(groupName) ? Number(groupName) : group.get(groupName);
  if (gid === undefined) return undefined;
  return { uid: entry?.uid ?? Number(who), gid, home: entry?.home.startsWith("/") ? entry.home : "/" };
};
