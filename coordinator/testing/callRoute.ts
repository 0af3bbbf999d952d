import type { Route } from "../http/route.ts";
import type { Answered } from "./documented.ts";
import { type Seeded, sha256Of } from "./seeded.ts";

/** One call, and how it is answered on a seeded coordinator. */
export interface RouteCase {
  /** Where the path has a place for it; the project is `main` otherwise. */
  params?: Record<string, string>;
  query?: Record<string, string>;
  body?: unknown;
  /** Content of an upload. */
  upload?: string;
  /** Left out: 200. */
  status?: number;
}

export const keyOf = ({ method, path }: Route): string => `${method} ${path}`;

const contentOf = (route: Route, { body, upload }: RouteCase): RequestInit => {
  if (upload !== undefined && route.upload === "form") {
    const form = new FormData();
    form.append("file", new Blob([upload]), sha256Of(upload));
    return { body: form };
  }
  if (upload !== undefined) return { body: upload, headers: { "content-type": "application/octet-stream" } };
  if (body === undefined) return {};
  return { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
};

/** Calls with this token; null: without one. */
export const callRoute = async (
  { coordinator }: Pick<Seeded, "coordinator">,
  route: Route,
  { token, ...call }: RouteCase & { token: string | null },
): Promise<Answered> => {
  const params: Record<string, string> = { project: "main", ...call.params };
  const path = route.path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? "x"));
  const query = call.query ? `?${new URLSearchParams(call.query)}` : "";
  const { headers, ...content } = contentOf(route, call);
  const response = await fetch(`${coordinator.url}${path}${query}`, {
    method: route.method,
    headers: { ...headers, ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
    ...content,
  });
  const contentType = response.headers.get("content-type") ?? "";
  const text = await response.text();
  const isJson = contentType.startsWith("application/json");
  return { status: response.status, contentType, body: isJson ? (JSON.parse(text) as unknown) : text };
};
