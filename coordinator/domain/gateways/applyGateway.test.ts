import { expect, test } from "bun:test";
import { join } from "node:path";
import { GatewayConfiguration } from "../../../shared/config/gateway.ts";
import { FakeClock } from "../../../shared/testing/fakeClock.ts";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { openStore } from "../../store/db.ts";
import { eventTeller } from "../../store/events.ts";
import { findDefaultGateway } from "../../store/gateways.ts";
import { insertProject, listProjectsByIds } from "../../store/projects.ts";
import { insertUser, listUsersByIds } from "../../store/users.ts";
import { applyGateway, planGateway } from "./applyGateway.ts";

const aGateway = (rest: Record<string, unknown> = {}) => ({
  configuration: GatewayConfiguration.parse({
    type: "gateway",
    name: "front",
    backend: "gcp",
    region: "europe-west4",
    ...rest,
  }),
  configuration_path: null,
});

/** A project whose cloud makes gateways, at some time: what is applied stays as it was submitted. */
const surroundings = async () => {
  const opened = new AsyncDisposableStack();
  const dir = opened.use(tempDir());
  const { db } = opened.use(await openStore({ url: `file:${join(dir.path, "c.db")}` }));
  const clock = new FakeClock();
  const tell = eventTeller(db, clock, { ttlS: 60 });
  const clouds = { types: ["gcp"], isConfigured: () => true };
  const deps = { db, clock, tell, clouds, cloudResources: { wake: () => {} } };
  const who = { id: "u", username: "ann", global_role: "user", active: true, token_hash: "h", created_at: 0 };
  await insertUser(db, { ...who, global_role: "user" }, []);
  await insertProject(db, { id: "p", name: "main", owner_id: "u", created_at: 0 }, []);
  const [[user], [project]] = [await listUsersByIds(db, ["u"]), await listProjectsByIds(db, ["p"])];
  if (!user || !project) throw new Error("Nobody is there");
  return { deps, caller: { user, project }, [Symbol.asyncDispose]: () => opened.disposeAsync() };
};

test("domain, default and replicas change in place; all else is refused", async () => {
  await using here = await surroundings();
  const { deps, caller } = here;
  const certificate = null;
  const first = await applyGateway(deps, caller, {
    plan: { spec: aGateway({ certificate }), current_resource: null },
    force: false,
  });
  expect(first).toMatchObject({ status: "submitted", default: true, wildcard_domain: null });

  const wanted = aGateway({ certificate, domain: "x.example.com", replicas: 2, default: false });
  const plan = await planGateway(deps, caller, wanted);
  expect(plan).toMatchObject({ action: "update", current_resource: { id: first.id } });
  const second = await applyGateway(deps, caller, {
    plan: { spec: plan.spec, current_resource: plan.current_resource },
    force: false,
  });
  expect(second).toMatchObject({ id: first.id, default: false, wildcard_domain: "x.example.com" });
  expect(await findDefaultGateway(deps.db, "p")).toBeUndefined();

  const elsewhere = aGateway({ certificate, region: "us-east1" });
  expect(await planGateway(deps, caller, elsewhere)).toMatchObject({ action: "create" });
  const refused = applyGateway(deps, caller, {
    plan: { spec: elsewhere, current_resource: second },
    force: true,
  });
  expect(refused).rejects.toMatchObject({ code: "conflict" });
});

test("a gateway that is another than the plan's is left alone, unless forced", async () => {
  await using here = await surroundings();
  const { deps, caller } = here;
  const spec = aGateway();
  await applyGateway(deps, caller, { plan: { spec, current_resource: null }, force: false });
  const changed = aGateway({ domain: "x.example.com" });
  const stale = { plan: { spec: changed, current_resource: null }, force: false };
  expect(applyGateway(deps, caller, stale)).rejects.toMatchObject({ code: "conflict" });
  expect(await applyGateway(deps, caller, { ...stale, force: true })).toMatchObject({
    wildcard_domain: "x.example.com",
    default: true,
  });
});
