import { z } from "zod";
import { orNull } from "../schema/field.ts";

// Cloud backends (docs/spec/http-api.md §2.4, docs/spec/changes-0.22.md §2.3).

const texts = orNull(z.array(z.string()));
const text = orNull(z.string());
const flag = orNull(z.boolean());
const tags = orNull(z.record(z.string(), z.string()));
/** Which fields they have is the cloud's matter. */
const creds = z.looseObject({ type: z.string() });
const regions = texts;

const SHAPES = {
  aws: {
    regions,
    vpc_name: text,
    vpc_ids: orNull(z.record(z.string(), z.string())),
    default_vpcs: flag,
    public_ips: flag,
    iam_instance_profile: text,
    tags,
    os_images: orNull(z.record(z.string(), z.unknown())),
    experimental_instance_types: texts,
    creds,
  },
  azure: {
    tenant_id: z.string(),
    subscription_id: z.string(),
    resource_group: text,
    regions,
    vpc_ids: orNull(z.record(z.string(), z.string())),
    subnet_ids: orNull(z.record(z.string(), z.string())),
    public_ips: flag,
    vm_managed_identity: text,
    tags,
    creds,
  },
  gcp: {
    project_id: z.string(),
    regions,
    vpc_name: text,
    subnetworks: orNull(z.record(z.string(), z.string())),
    extra_vpcs: texts,
    roce_vpcs: texts,
    vpc_project_id: text,
    public_ips: flag,
    nat_check: flag,
    vm_service_account: text,
    tags,
    preview_features: texts,
    tpu: flag,
    creds,
  },
  kubernetes: {
    contexts: orNull(z.array(z.unknown())),
    proxy_jump: orNull(z.record(z.string(), z.unknown())),
    namespace: text,
    kubeconfig: z.record(z.string(), z.unknown()),
  },
  nebius: { projects: texts, regions, fabrics: texts, tags, creds },
  oci: { regions, compartment_id: text, experimental_instance_types: texts, creds },
  crusoe: { project_id: z.string(), regions, creds },
  cudo: { project_id: z.string(), regions, creds },
  hotaisle: { team_handle: z.string(), regions, bare_metal: flag, creds },
  amddevcloud: { project_name: text, regions, creds },
  digitalocean: { project_name: text, regions, creds },
  runpod: { regions, community_cloud: flag, creds },
  vastai: { regions, community_cloud: flag, creds },
  slurm: { clusters: z.array(z.unknown()) },
  dstack: { base_backends: z.array(z.string()) },
} as const;

/** These need no more than a key. */
const PLAIN = [
  "cloudrift",
  "datacrunch",
  "daytona",
  "jarvislabs",
  "lambda",
  "lium",
  "seeweb",
  "tensordock",
  "verda",
  "vultr",
] as const;

const ofType = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.object({ type: z.literal(type), ...shape });

/** Of `create` and `update`; what is not known of a type is ignored. */
export const BackendConfig = z.discriminatedUnion("type", [
  ofType("aws", SHAPES.aws),
  ofType("azure", SHAPES.azure),
  ofType("gcp", SHAPES.gcp),
  ofType("kubernetes", SHAPES.kubernetes),
  ofType("nebius", SHAPES.nebius),
  ofType("oci", SHAPES.oci),
  ofType("crusoe", SHAPES.crusoe),
  ofType("cudo", SHAPES.cudo),
  ofType("hotaisle", SHAPES.hotaisle),
  ofType("amddevcloud", SHAPES.amddevcloud),
  ofType("digitalocean", SHAPES.digitalocean),
  ofType("runpod", SHAPES.runpod),
  ofType("vastai", SHAPES.vastai),
  ofType("slurm", SHAPES.slurm),
  ofType("dstack", SHAPES.dstack),
  z.object({ type: z.enum(PLAIN), regions, creds }),
]);
export type BackendConfig = z.infer<typeof BackendConfig>;

/** Of `create_yaml` and `update_yaml`: a `BackendConfig`, written in YAML. */
export const BackendYamlRequest = z.object({ config_yaml: z.string().max(1024 * 1024) });

export const BackendYaml = z.object({ name: z.string(), config_yaml: z.string() });

export const DeleteBackendsRequest = z.object({
  backends_names: z.array(z.enum([...(Object.keys(SHAPES) as (keyof typeof SHAPES)[]), ...PLAIN, "remote"])),
});
