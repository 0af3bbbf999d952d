import type { Member, Project } from "../../../shared/api/projects.ts";
import { toWireTime } from "../../../shared/api/scalars.ts";
import type { Deps } from "../../deps.ts";
import { listMembers, listRolesOf, type ProjectRole } from "../../store/members.ts";
import type { ProjectRow } from "../../store/projects.ts";
import { listUsersByIds, type UserRow } from "../../store/users.ts";
import { maySetUpHosts } from "../fleets/sshRights.ts";
import { viewUser } from "../users/userView.ts";

const viewMember = (deps: Deps, member: { user: UserRow; role: ProjectRole }): Member => ({
  user: viewUser(deps, member.user),
  project_role: member.role,
  permissions: {
    can_manage_ssh_fleets: maySetUpHosts(deps.config, member),
    can_manage_secrets: member.user.global_role === "admin" || member.role === "admin",
  },
});

/**
 * As in lists, where members are left out (docs/spec/http-api.md §2.3), but for one who is asked for
 * (docs/spec/changes-0.22.md §4).
 */
export const viewProjects = async (deps: Deps, rows: ProjectRow[], member?: UserRow): Promise<Project[]> => {
  const owners = await listUsersByIds(deps.db, [...new Set(rows.map((row) => row.owner_id))]);
  const roles = member ? await listRolesOf(deps.db, member.id) : new Map<string, ProjectRole>();
  return rows.map((row) => {
    const role = roles.get(row.id);
    const owner = owners.find((user) => user.id === row.owner_id);
    if (!owner) throw new Error(`The owner ${row.owner_id} of project ${row.id} is not stored`);
    return {
      project_id: row.id,
      project_name: row.name,
      owner: viewUser(deps, owner),
      created_at: toWireTime(row.created_at),
      backends: [],
      members: member && role ? [viewMember(deps, { user: member, role })] : [],
      is_public: row.is_public,
      templates_repo: row.templates_repo,
    };
  });
};

export const viewProject = async (deps: Deps, row: ProjectRow): Promise<Project> => {
  const [project] = await viewProjects(deps, [row]);
  if (!project) throw new Error(`Project ${row.id} has no view`);
  return {
    ...project,
    members: (await listMembers(deps.db, row.id)).map((member) => viewMember(deps, member)),
  };
};
