import { z } from "zod";
import {
  BackendConfig,
  BackendYaml,
  BackendYamlRequest,
  DeleteBackendsRequest,
} from "../../shared/api/backends.ts";
import { loadYamlAs } from "../../shared/config/load.ts";
import { AppError } from "../../shared/errors.ts";
import { refuseCloud } from "../domain/backends/clouds.ts";
import { NOTHING, openRoute, projectRoute, type Route } from "./route.ts";

/** Of none that is configured there is anything to tell. */
const notConfigured = async (): Promise<never> => {
  throw new AppError("not_found", "Resource not found");
};

const P = "/api/project/:project/backends";

/** Configurations are checked, and then refused: nothing could use them (docs/compatibility.md). */
export const backendRoutes: Route[] = [
  openRoute({
    path: "/api/backends/list_types",
    summary: "Types of cloud backends that there are: none",
    tag: "backends",
    answer: z.array(z.string()),
    handle: (): string[] => [],
  }),
  ...["create", "update"].map((verb) =>
    projectRoute({
      path: `${P}/${verb}`,
      summary: "Configure a cloud backend; refused by this version",
      tag: "backends",
      access: "padmin",
      body: BackendConfig,
      answer: BackendConfig,
      handle: async ({ body }) => refuseCloud(body.type),
    }),
  ),
  ...["create_yaml", "update_yaml"].map((verb) =>
    projectRoute({
      path: `${P}/${verb}`,
      summary: "Configure a cloud backend by YAML; refused by this version",
      tag: "backends",
      access: "padmin",
      body: BackendYamlRequest,
      answer: NOTHING,
      handle: async ({ body }) =>
        refuseCloud(loadYamlAs(BackendConfig, body.config_yaml, { path: "config_yaml" }).type),
    }),
  ),
  projectRoute({
    path: `${P}/delete`,
    summary: "Delete cloud backends; those that are not there are gone already",
    tag: "backends",
    access: "padmin",
    body: DeleteBackendsRequest,
    answer: NOTHING,
    handle: async () => {},
  }),
  projectRoute({
    path: `${P}/:backend/config_info`,
    summary: "The configuration of a cloud backend",
    tag: "backends",
    access: "padmin",
    answer: BackendConfig,
    handle: notConfigured,
  }),
  projectRoute({
    path: `${P}/:backend/get_yaml`,
    summary: "The configuration of a cloud backend in YAML",
    tag: "backends",
    access: "padmin",
    answer: BackendYaml,
    handle: notConfigured,
  }),
];
