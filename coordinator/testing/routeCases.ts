import type { RouteCase } from "./callRoute.ts";
import { type Known, sha256Of } from "./seeded.ts";

type MakeCase = (known: Known) => RouteCase;

const P = "POST /api/project/:project";
const PART = "a part of a tar";
const part = { hash: sha256Of(PART), size: PART.length };

const LOGIN = { code: "code", state: "state" };
const BACKEND = { type: "runpod", creds: { type: "api_key", api_key: "x" } };
const PUBLIC_KEY = `ssh-ed25519 ${Buffer.from("\0\0\0\x0bssh-ed25519\0\0\0\x20".padEnd(51, "k")).toString("base64")}`;

const runSpec = (run_name: string | null = null) => ({
  run_name,
  configuration: { type: "task", commands: ["sleep 1000"], resources: { gpu: null } },
  ssh_key_pub: "",
});

const gateway = (name: string) => ({
  configuration: { type: "gateway", name, backend: "gcp", region: "europe-west4", domain: "x.example.com" },
});

const volume = { type: "volume", name: "scratch", backend: "runpod", region: "EU-1", size: "50GB" };
const fleetSpec = { configuration: { type: "fleet", name: "rack", nodes: 0 }, profile: {} };

/** A valid call of each route on a seeded coordinator, by method and path, in an order in which all can be made. */
export const ROUTE_CASES: Readonly<Record<string, MakeCase>> = {
  "GET /": () => ({}),
  "GET /api/docs": () => ({}),
  "GET /healthcheck": () => ({}),
  "GET /metrics": () => ({}),
  "GET /openapi.json": () => ({}),
  "GET /ssh_known_hosts": () => ({}),
  "GET /schema/:file": () => ({ params: { file: "task.json" } }),
  "POST /api/server/get_info": () => ({}),
  "POST /api/auth/list_providers": () => ({}),
  "POST /api/auth/:provider/authorize": () => ({ params: { provider: "github" }, status: 404 }),
  "POST /api/auth/:provider/callback": () => ({ params: { provider: "github" }, body: LOGIN, status: 404 }),
  "POST /api/auth/get_next_redirect": () => ({ body: LOGIN, status: 400 }),
  "POST /api/sshproxy/get_upstream": ({ lasting }) => ({
    body: { id: lasting.latest_job_submission?.id.replaceAll("-", "") },
  }),

  "POST /api/backends/list_types": () => ({}),
  [`${P}/backends/create`]: () => ({ body: BACKEND, status: 400 }),
  [`${P}/backends/update`]: () => ({ body: BACKEND, status: 400 }),
  [`${P}/backends/create_yaml`]: () => ({ body: { config_yaml: JSON.stringify(BACKEND) }, status: 400 }),
  [`${P}/backends/update_yaml`]: () => ({ body: { config_yaml: JSON.stringify(BACKEND) }, status: 400 }),
  [`${P}/backends/delete`]: () => ({ body: { backends_names: ["runpod"] } }),
  [`${P}/backends/:backend/config_info`]: () => ({ params: { backend: "runpod" }, status: 400 }),
  [`${P}/backends/:backend/get_yaml`]: () => ({ params: { backend: "runpod" }, status: 400 }),
  [`${P}/templates/list`]: () => ({}),

  "POST /api/users/get_my_user": () => ({}),
  "POST /api/users/get_user": () => ({ body: { username: "member" } }),
  "POST /api/users/list": () => ({ body: { return_total_count: true } }),
  "POST /api/users/create": () => ({ body: { username: "newcomer", global_role: "user" } }),
  "POST /api/users/update": () => ({
    body: { username: "newcomer", global_role: "user", email: "newcomer@example.com" },
  }),
  "POST /api/users/refresh_ssh_key": () => ({ body: { username: "newcomer" } }),
  "POST /api/users/public_keys/add": () => ({ body: { key: PUBLIC_KEY, name: "laptop" } }),
  "POST /api/users/public_keys/list": () => ({}),
  "POST /api/users/public_keys/delete": () => ({ body: { ids: [] } }),
  "POST /api/users/refresh_token": () => ({ body: { username: "newcomer" } }),
  "POST /api/users/delete": () => ({ body: { users: ["newcomer"] } }),

  "POST /api/projects/list": () => ({ body: { return_total_count: true } }),
  "POST /api/projects/list_only_no_fleets": () => ({}),
  "POST /api/projects/create": () => ({ body: { project_name: "passing" } }),
  "POST /api/projects/delete": () => ({ body: { projects_names: ["passing"] } }),
  "POST /api/projects/:project/get": () => ({}),
  "POST /api/projects/:project/update": () => ({ body: { is_public: false } }),
  "POST /api/projects/:project/add_members": () => ({
    body: { members: [{ username: "outsider", project_role: "user" }] },
  }),
  "POST /api/projects/:project/remove_members": () => ({ body: { usernames: ["outsider"] } }),
  "POST /api/projects/:project/set_members": () => ({
    body: {
      members: [
        { username: "padmin", project_role: "admin" },
        { username: "manager", project_role: "manager" },
        { username: "member", project_role: "user" },
      ],
    },
  }),

  [`${P}/secrets/create_or_update`]: () => ({ body: { name: "passing", value: "x" } }),
  [`${P}/secrets/get`]: () => ({ body: { name: "hf_token" } }),
  [`${P}/secrets/list`]: () => ({}),
  [`${P}/secrets/delete`]: () => ({ body: { secrets_names: ["passing"] } }),

  [`${P}/repos/init`]: () => ({ body: { repo_id: "none", repo_info: { repo_type: "virtual" } } }),
  [`${P}/repos/get`]: () => ({ body: { repo_id: "code-12345678", include_creds: true } }),
  [`${P}/repos/list`]: () => ({}),
  [`${P}/repos/upload_code`]: () => ({ query: { repo_id: "none" }, upload: "a diff" }),
  [`${P}/repos/begin_code_upload`]: () => ({ body: { repo_id: "code-12345678", ...part } }),
  [`${P}/repos/finish_code_upload`]: () => ({ body: { repo_id: "none", ...part }, status: 400 }),
  [`${P}/repos/delete`]: () => ({ body: { repos_ids: ["code-12345678"] } }),

  "POST /api/files/upload_archive": () => ({ upload: "a tar" }),
  "POST /api/files/get_archive_by_hash": ({ archive }) => ({ body: { hash: archive } }),
  "POST /api/files/get_upload_limits": () => ({}),
  "POST /api/files/begin_upload": () => ({ body: part }),
  "POST /api/files/append_upload": () => ({
    query: { hash: part.hash, size: String(part.size), offset: "0" },
    upload: PART,
  }),
  "POST /api/files/finish_upload": () => ({ body: part }),

  "POST /api/runs/list": () => ({ body: {} }),
  [`${P}/runs/get`]: () => ({ body: { run_name: "lasting" } }),
  [`${P}/runs/get_plan`]: () => ({ body: { run_spec: runSpec("lasting") } }),
  [`${P}/runs/apply`]: () => ({ body: { plan: { run_spec: runSpec("another") }, force: false } }),
  [`${P}/runs/stop`]: () => ({ body: { runs_names: ["another"], abort: true } }),
  [`${P}/runs/watch`]: () => ({ body: { run_name: "done" } }),
  "GET /api/project/:project/runs/tunnel": () => ({
    query: { session: crypto.randomUUID(), received: "0" },
    status: 426,
  }),
  [`${P}/gpus/list`]: () => ({ body: { run_spec: runSpec(), group_by: ["backend", "region"] } }),
  [`${P}/logs/poll`]: ({ done }) => ({ body: logOf(done) }),
  [`${P}/logs/stream`]: ({ done }) => ({ body: logOf(done) }),
  [`${P}/runs/delete`]: () => ({ body: { runs_names: ["done"] } }),
  "GET /api/project/:project/metrics/job/:run": () => ({
    params: { run: "lasting" },
    query: { limit: "10" },
  }),
  "GET /api/project/:project/metrics/instance/:name": () => ({ params: { name: "lab-0" } }),

  "POST /api/fleets/list": () => ({ body: {} }),
  [`${P}/fleets/list`]: () => ({}),
  [`${P}/fleets/get`]: ({ fleet }) => ({ body: { id: fleet.id } }),
  [`${P}/fleets/get_plan`]: () => ({ body: { spec: fleetSpec } }),
  [`${P}/fleets/apply`]: () => ({ body: { plan: { spec: fleetSpec }, force: false } }),
  [`${P}/fleets/tokens/create`]: () => ({ body: { fleet: "rack", uses: 1 } }),
  [`${P}/fleets/tokens/list`]: () => ({ body: {} }),
  [`${P}/fleets/tokens/revoke`]: ({ joinToken }) => ({ body: { ids: [joinToken] } }),
  [`${P}/fleets/delete_instances`]: () => ({ body: { name: "rack", instance_nums: [7] } }),
  "POST /api/instances/list": () => ({ body: {} }),
  [`${P}/instances/get`]: ({ fleet }) => ({ body: { id: fleet.instances[0]?.id } }),
  [`${P}/instances/get_instance_health_checks`]: () => ({ body: { fleet_name: "lab", instance_num: 0 } }),
  [`${P}/instances/cordon`]: () => ({ body: { name: "lab-0", reason: "a test" } }),
  [`${P}/instances/label`]: () => ({ body: { name: "lab-0", labels: { rack: "a1", gone: null } } }),
  // It has joined by itself.
  [`${P}/instances/reinstall`]: () => ({ body: { name: "lab-0" }, status: 400 }),
  [`${P}/instances/remove`]: () => ({ body: { name: "lab-0", uninstall: true, force: true } }),
  [`${P}/instances/uncordon`]: () => ({ body: { name: "lab-0" } }),

  "POST /api/volumes/list": () => ({ body: {} }),
  [`${P}/volumes/create`]: () => ({ body: { configuration: volume } }),
  [`${P}/volumes/get`]: () => ({ body: { name: "scratch" } }),
  [`${P}/volumes/list`]: () => ({}),
  [`${P}/volumes/delete`]: () => ({ body: { names: ["scratch"] } }),

  [`${P}/gateways/get_plan`]: () => ({ body: { spec: gateway("front") } }),
  [`${P}/gateways/apply`]: () => ({ body: { plan: { spec: gateway("front") }, force: false } }),
  [`${P}/gateways/create`]: () => ({ body: gateway("back") }),
  [`${P}/gateways/get`]: () => ({ body: { name: "front" } }),
  [`${P}/gateways/list`]: () => ({ body: {} }),
  [`${P}/gateways/set_default`]: () => ({ body: { name: "front" } }),
  [`${P}/gateways/set_wildcard_domain`]: () => ({
    body: { name: "front", wildcard_domain: "*.example.com" },
  }),

  [`${P}/exports/create`]: () => ({
    body: { name: "capacity", importer_projects: ["foreign"], exported_fleets: ["lab"] },
  }),
  [`${P}/exports/list`]: () => ({}),
  [`${P}/imports/list`]: () => ({}),
  [`${P}/exports/update`]: () => ({ body: { name: "capacity", add_exported_gateways: ["front"] } }),
  // Of the project that imports, which is another one.
  [`${P}/imports/delete`]: () => ({
    params: { project: "foreign" },
    body: { export_name: "capacity", export_project_name: "main" },
  }),
  [`${P}/exports/delete`]: () => ({ body: { name: "capacity" } }),
  [`${P}/gateways/delete`]: () => ({ body: { names: ["front", "back"] } }),
  [`${P}/fleets/delete`]: () => ({ body: { names: ["rack"] } }),

  "POST /api/events/list": () => ({ body: { limit: 100 } }),
};

const logOf = (run: Known["done"]) => ({
  run_name: "done",
  job_submission_id: run.latest_job_submission?.id,
});
