import { z } from "zod";
import { orNull } from "../schema/field.ts";
import { listed, pageFields, Uuid, Uuid4, WireTime } from "./scalars.ts";
import { User } from "./users.ts";

const ProjectRole = z.enum(["admin", "manager", "user"]);

export const Member = z.object({
  user: User,
  project_role: ProjectRole,
  permissions: z.object({
    can_manage_ssh_fleets: z.boolean(),
    can_manage_secrets: z.boolean().default(false),
  }),
});
export type Member = z.infer<typeof Member>;

export const Project = z.object({
  project_id: Uuid4,
  project_name: z.string(),
  owner: User,
  created_at: orNull(WireTime),
  backends: z.array(z.object({ name: z.string(), config: z.record(z.string(), z.unknown()) })),
  members: z.array(Member),
  is_public: z.boolean().default(false),
  templates_repo: orNull(z.string()),
});
export type Project = z.infer<typeof Project>;

/** A list, or one with how many there are in all where `return_total_count` asks for it. */
export const ProjectList = z.union([
  z.array(Project),
  z.object({ total_count: z.number().int(), projects: z.array(Project) }),
]);

// Requests (docs/spec/http-api.md §2.3)

export const ListProjectsRequest = z.object({
  include_not_joined: z.boolean().default(true),
  return_total_count: z.boolean().default(false),
  name_pattern: orNull(z.string().regex(/^[a-zA-Z0-9-_]*$/)),
  /** Only projects that this user owns or is a member of; since 0.22.5. */
  username: orNull(z.string()),
  prev_created_at: orNull(WireTime),
  prev_id: orNull(Uuid),
  ...pageFields(2000, 2000),
});
export type ListProjectsRequest = z.infer<typeof ListProjectsRequest>;

export const CreateProjectRequest = z.object({
  project_name: z.string(),
  is_public: z.boolean().default(false),
  templates_repo: orNull(z.string()),
});
export type CreateProjectRequest = z.infer<typeof CreateProjectRequest>;

export const UpdateProjectRequest = z.object({
  is_public: orNull(z.boolean()),
  templates_repo: orNull(z.string()),
  reset_templates_repo: z.boolean().default(false),
});
export type UpdateProjectRequest = z.infer<typeof UpdateProjectRequest>;

export const DeleteProjectsRequest = z.object({ projects_names: listed(z.string()) });
export type DeleteProjectsRequest = z.infer<typeof DeleteProjectsRequest>;

export const MemberSetting = z.object({ username: z.string(), project_role: ProjectRole });
export type MemberSetting = z.infer<typeof MemberSetting>;

/** Of `set_members` (replaces the list) and `add_members` (adds or changes). */
export const MembersRequest = z.object({ members: listed(MemberSetting) });
export type MembersRequest = z.infer<typeof MembersRequest>;

export const RemoveMembersRequest = z.object({ usernames: listed(z.string()) });
export type RemoveMembersRequest = z.infer<typeof RemoveMembersRequest>;
