import { AppError } from "../../shared/errors.ts";
import { JOIN_HINT } from "../domain/fleets/fleetSpec.ts";
import type { ProjectAccess } from "./access.ts";
import { projectRoute, type Route, userRoute } from "./route.ts";

/** Calls of the wire that this version does not have, each with what to do instead. */
interface Missing {
  what: string;
  hint: string;
  access: ProjectAccess;
  paths: string[];
}

const MISSING: Missing[] = [
  {
    what: "Volumes are",
    hint: "Mount folders of the host with `volumes: [/host/path:/path]`",
    access: "member",
    paths: ["volumes/create", "volumes/delete"],
  },
  {
    what: "Gateways are",
    hint: "Services can be reached without one",
    access: "padmin",
    paths: ["get_plan", "apply", "create", "delete", "set_default", "set_wildcard_domain"].map(
      (name) => `gateways/${name}`,
    ),
  },
  {
    what: "Exports and imports are",
    hint: "Use fleets in the project that they belong to",
    access: "padmin",
    paths: ["exports/create", "exports/update", "exports/delete", "imports/delete"],
  },
  {
    what: "Cloud backends are",
    hint: JOIN_HINT,
    access: "padmin",
    paths: [
      "backends/create",
      "backends/update",
      "backends/delete",
      "backends/create_yaml",
      "backends/update_yaml",
    ],
  },
];

/** Of what this version does not have there is none, and none can be found. */
const NONE: { access: ProjectAccess; paths: string[] }[] = [
  {
    access: "member",
    paths: ["volumes/list", "exports/list", "imports/list", "templates/list"],
  },
  { access: "member+public", paths: ["gateways/list"] },
];
const NOT_FOUND: { access: ProjectAccess; paths: string[] }[] = [
  { access: "member", paths: ["volumes/get"] },
  { access: "member+public", paths: ["gateways/get"] },
];

/** Not of one project. */
const MISSING_SERVER_WIDE = [
  { what: "Changing users is", path: "/api/users/update" },
  { what: "Renewing SSH keys is", path: "/api/users/refresh_ssh_key" },
];

const refuse = (what: string, hint?: string) => (): never => {
  const message = `${what} not supported by this version yet`;
  throw new AppError("unsupported", message, hint === undefined ? {} : { hint });
};

const inProject = (routes: { access: ProjectAccess; paths: string[] }[], handle: () => unknown): Route[] =>
  routes.flatMap(({ access, paths }) =>
    paths.map((path) => projectRoute({ path: `/api/project/:project/${path}`, access, handle })),
  );

/** Known to clients, so they are told in a sentence, and only those who might have called them. */
export const unsupportedRoutes: Route[] = [
  ...inProject(NONE, () => []),
  ...inProject(NOT_FOUND, () => {
    throw new AppError("not_found", "Resource not found");
  }),
  userRoute({ path: "/api/volumes/list", access: "auth", handle: () => [] }),
  ...MISSING.flatMap(({ what, hint, access, paths }) => inProject([{ access, paths }], refuse(what, hint))),
  ...MISSING_SERVER_WIDE.map(({ what, path }) => userRoute({ path, access: "auth", handle: refuse(what) })),
];
