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

/** Of what this version does not have there is none. */
const NONE: { access: ProjectAccess; paths: string[] }[] = [{ access: "member", paths: ["templates/list"] }];

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
  ...MISSING.flatMap(({ what, hint, access, paths }) => inProject([{ access, paths }], refuse(what, hint))),
  ...MISSING_SERVER_WIDE.map(({ what, path }) => userRoute({ path, access: "auth", handle: refuse(what) })),
];
