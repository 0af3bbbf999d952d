import { z } from "zod";
import { Template } from "../../shared/api/templates.ts";
import { projectRoute, type Route } from "./route.ts";

export const templateRoutes: Route[] = [
  projectRoute({
    path: "/api/project/:project/templates/list",
    summary: "Templates that the project's repository has; this version reads none",
    tag: "templates",
    access: "member",
    answer: z.array(Template),
    handle: () => [],
  }),
];
