import { z } from "zod";
import {
  DeleteSecretsRequest,
  GetSecretRequest,
  Secret,
  SetSecretRequest,
} from "../../shared/api/secrets.ts";
import { getSecret, listProjectSecrets, removeSecrets, setSecret } from "../domain/secrets/manageSecrets.ts";
import { NOTHING, projectRoute, type Route } from "./route.ts";

/**
 * The reference lets managers in where the server permits it, which by default it does not (docs/spec/http-api.md §1.8);
 * there is no such setting here, so that they are for the admins of a project.
 */
const access = "padmin";

export const secretRoutes: Route[] = [
  projectRoute({
    path: "/api/project/:project/secrets/list",
    summary: "Names of the secrets",
    tag: "secrets",
    access,
    answer: z.array(Secret),
    handle: ({ deps, project }) => listProjectSecrets(deps, project.id),
  }),
  projectRoute({
    path: "/api/project/:project/secrets/get",
    summary: "A secret with its value",
    tag: "secrets",
    access,
    body: GetSecretRequest,
    answer: Secret,
    handle: ({ deps, project, body }) => getSecret(deps, project.id, body.name),
  }),
  projectRoute({
    path: "/api/project/:project/secrets/create_or_update",
    summary: "Set a secret",
    tag: "secrets",
    access,
    body: SetSecretRequest,
    answer: Secret,
    handle: ({ deps, user, project, body }) => setSecret(deps, project.id, { ...body, actorId: user.id }),
  }),
  projectRoute({
    path: "/api/project/:project/secrets/delete",
    summary: "Delete secrets; all must exist",
    tag: "secrets",
    access,
    body: DeleteSecretsRequest,
    answer: NOTHING,
    handle: ({ deps, user, project, body }) =>
      removeSecrets(deps, project.id, { names: body.secrets_names, actorId: user.id }),
  }),
];
