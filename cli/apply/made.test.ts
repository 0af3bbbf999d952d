import { describe, expect, test } from "bun:test";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { newPerson } from "../testing/runCli.ts";

/** Pauses between two looks are a hundredth of what they are. */
const hasty: Clock = { ...systemClock, after: (ms, fire) => systemClock.after(ms / 100, fire) };

interface Thing {
  name: string;
  status: string;
  [key: string]: unknown;
}

const BASE = {
  id: "00000000-0000-4000-8000-000000000001",
  user: "admin",
  project_name: "main",
  created_at: "2026-01-01T00:00:00Z",
  status_message: null,
};

/** A server with a cloud, which ours does not have yet: things become what a test wants. */
const startCloud = (endsAs: string, message: string | null = null) => {
  const things = new Map<string, Thing>();
  const asked: string[] = [];
  let becomes = endsAs;
  const missing = { detail: [{ msg: "Resource not found", code: "resource_not_exists" }] };
  const make = (kind: string, configuration: { name: string }): Thing => {
    const of =
      kind === "gateways" ? { default: true, hostname: null, wildcard_domain: null, replicas: [] } : {};
    const thing = { ...BASE, ...of, name: configuration.name, configuration, status: "submitted" };
    things.set(configuration.name, thing);
    return thing;
  };
  /** Each look at it brings it one step further. */
  const look = (name: string): Thing | undefined => {
    const thing = things.get(name);
    const seen = thing && { ...thing };
    if (thing && becomes !== "submitted") Object.assign(thing, { status: becomes, status_message: message });
    return seen;
  };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const path = new URL(request.url).pathname;
      const body = JSON.parse((await request.text()) || "{}");
      const [kind = "", action = ""] = path.split("/").slice(-2);
      asked.push(`${kind}/${action}`);
      if (action === "get_my_user") return Response.json({ username: "admin" });
      if (action === "list") return Response.json([...things.values()]);
      if (action === "delete") for (const name of body.names) things.delete(name);
      if (action === "delete") return Response.json(null);
      if (action === "create") return Response.json(make(kind, body.configuration));
      if (action === "apply") {
        const { configuration } = body.plan.spec;
        const current = body.plan.current_resource && things.get(configuration.name);
        return Response.json(current ? Object.assign(current, { configuration }) : make(kind, configuration));
      }
      if (action === "get_plan") {
        const current = things.get(body.spec.configuration.name) ?? null;
        const isUpdate =
          current &&
          Bun.deepEquals(
            { ...(current["configuration"] as object), domain: 0 },
            { ...body.spec.configuration, domain: 0 },
          );
        return Response.json({
          project_name: "main",
          user: "admin",
          spec: body.spec,
          effective_spec: body.spec,
          current_resource: current,
          action: isUpdate ? "update" : "create",
        });
      }
      const found = action === "get" ? look(body.name) : undefined;
      return found ? Response.json(found) : Response.json(missing, { status: 400 });
    },
  });
  const person = newPerson({
    clock: hasty,
    env: {
      DSTACK_SERVER_URL: `http://127.0.0.1:${server.port}`,
      DSTACK_TOKEN: "t",
      DSTACK_PROJECT: "main",
    },
  });
  return {
    person,
    things,
    asked,
    become: (status: string) => {
      becomes = status;
    },
    [Symbol.asyncDispose]: async () => {
      person[Symbol.dispose]();
      await server.stop(true);
    },
  };
};

const VOLUME = "type: volume\nname: data\nbackend: aws\nregion: eu-central-1\nsize: 100GB\n";
const GATEWAY = "type: gateway\nname: front\nbackend: aws\nregion: eu-central-1\ndomain: one.example\n";
const withoutTimes = (text: string) => text.replaceAll(/\d\d:\d\d$/gm, "<time>");

describe("a volume", () => {
  test("is made when that is confirmed, and waited for", async () => {
    await using cloud = startCloud("active");
    await cloud.person.write("v.yml", VOLUME);
    const { code, out } = await cloud.person.run(["apply", "-f", "v.yml"], { stdin: "y\n" });
    expect([code, withoutTimes(out).split("\n")]).toEqual([
      0,
      [
        " Project        main",
        " User           admin",
        " Configuration  v.yml",
        " Type           volume",
        " Volume type    managed",
        " Backend        aws",
        " Region         eu-central-1",
        " Size           100GB",
        "",
        "Volume data does not exist yet.",
        "Create the volume? [y/n]: ",
        " NAME  BACKEND             STATUS  CREATED",
        " data  aws (eu-central-1)  active  <time>",
        "",
        "",
      ],
    ]);
  });

  test("that is there is left, or made anew: nothing of it can be changed", async () => {
    await using cloud = startCloud("active");
    await cloud.person.write("v.yml", VOLUME);
    await cloud.person.run(["apply", "-f", "v.yml", "-y"]);
    const again = await cloud.person.run(["apply", "-f", "v.yml", "-y"]);
    expect(again.out).toEndWith("\n\nNo configuration changes detected. Use --force to apply anyway.\n");
    const asked = await cloud.person.run(["apply", "-f", "v.yml"], { stdin: "n\n" });
    expect(asked.out).toEndWith(
      "Found volume data. No configuration changes detected.\nRe-create the volume? [y/n]: \nExiting...\n",
    );
    await cloud.person.write("v.yml", VOLUME.replace("100GB", "200GB"));
    const changed = await cloud.person.run(["apply", "-f", "v.yml", "-y"]);
    expect(changed.out).toContain("Found volume data. Configuration changes detected.\n");
    const done = cloud.asked.filter((each) => /create|delete/.test(each));
    expect(done).toEqual(["volumes/create", "volumes/delete", "volumes/create"]);
  });

  test("that fails is told with the reason", async () => {
    await using cloud = startCloud("failed", "no such zone");
    await cloud.person.write("v.yml", VOLUME);
    const { code, out } = await cloud.person.run(["apply", "-f", "v.yml", "-y"]);
    expect(out).toEndWith("\nProvisioning failed. Error: no such zone\n");
    expect(out).toMatch(/^ NAME +BACKEND +REGION +STATUS +ATTACHED +CREATED +ERROR$/m);
    expect(code).toBe(1);
  });

  test("-d does not wait; Ctrl-C leaves it, or deletes it where that is wanted", async () => {
    await using cloud = startCloud("submitted");
    await cloud.person.write("v.yml", VOLUME);
    const detached = await cloud.person.run(["apply", "-f", "v.yml", "-y", "-d"]);
    expect([detached.code, detached.out]).toEqual([
      0,
      expect.stringMatching(/\nVolume configuration submitted\. Exiting\.\.\.\n$/),
    ]);
    for (const [answer, last] of [
      ["n", "Exiting... Volume provisioning will continue in the background.\n"],
      ["y", "Volume data deleted\n"],
    ] as const) {
      cloud.things.clear();
      const apply = cloud.person.start(["apply", "-f", "v.yml"], { isTerminal: true, columns: 100 });
      await apply.waitForOut("Create the volume? [y/n]:");
      apply.type("y");
      await apply.waitForOut("Provisioning data...");
      apply.interrupt();
      await apply.waitForOut("Delete the volume before exiting? [y/n]:");
      apply.type(answer);
      const { code, out } = await apply.finished;
      expect([code, out.endsWith(last), cloud.things.size]).toEqual([0, true, answer === "y" ? 0 : 1]);
    }
  });

  test("is deleted by its file, or by its name", async () => {
    await using cloud = startCloud("active");
    await cloud.person.write("v.yml", VOLUME);
    await cloud.person.run(["apply", "-f", "v.yml", "-y"]);
    expect(await cloud.person.run(["delete", "-f", "v.yml", "-y"])).toMatchObject({
      code: 0,
      out: "Volume data deleted\n",
    });
    expect(await cloud.person.run(["delete", "-f", "v.yml", "-y"])).toMatchObject({
      code: 1,
      out: "Volume data does not exist\n",
    });
    await cloud.person.run(["apply", "-f", "v.yml", "-y"]);
    expect((await cloud.person.run(["volume", "delete", "dta", "-y"])).out).toBe(
      "Volume dta does not exist\nDid you mean data?\n",
    );
    expect((await cloud.person.run(["volume", "delete", "data"], { stdin: "y\n" })).out).toBe(
      "Delete the volume data? [y/n]: \nVolume data deleted\n",
    );
  });
});

describe("a gateway", () => {
  test("is made and waited for, and changed where it can be", async () => {
    await using cloud = startCloud("running");
    await cloud.person.write("g.yml", GATEWAY);
    const made = await cloud.person.run(["apply", "-f", "g.yml", "-y"]);
    expect(made.out).toContain("Gateway front does not exist yet.\n");
    expect(made.out).toMatch(
      /^ NAME +BACKEND +HOSTNAME +DOMAIN +DEFAULT +STATUS +CREATED\n front +aws \(eu-central-1\) +one\.example +✓ +running /m,
    );
    const same = await cloud.person.run(["apply", "-f", "g.yml", "-y"]);
    expect(same.out).toEndWith("No configuration changes detected. Use --force to apply anyway.\n");
    await cloud.person.write("g.yml", GATEWAY.replace("one.example", "two.example"));
    const changed = await cloud.person.run(["apply", "-f", "g.yml"], { stdin: "y\n" });
    expect(changed.out).toContain(
      "Found gateway front. Detected changes that can be updated in-place:\n- Configuration properties:\n  - domain\n\n  domain: one.example → two.example\n\nUpdate the gateway? [y/n]: \n NAME ",
    );
    expect(changed.out).toContain("two.example");
  });

  test("is made anew where it cannot be changed", async () => {
    await using cloud = startCloud("running");
    await cloud.person.write("g.yml", GATEWAY);
    await cloud.person.run(["apply", "-f", "g.yml", "-y"]);
    await cloud.person.write("g.yml", `${GATEWAY}replicas: 2\n`);
    const { code, out } = await cloud.person.run(["apply", "-f", "g.yml", "-y"]);
    expect(out).toContain(
      "Detected changes that cannot be updated in-place:\n- Configuration properties:\n  - replicas\n",
    );
    expect(out).toMatch(/^ Replicas +2$/m);
    expect([code, cloud.asked.includes("gateways/delete")]).toEqual([0, true]);
  });

  test("is shown before it is deleted", async () => {
    await using cloud = startCloud("running");
    await cloud.person.write("g.yml", GATEWAY);
    await cloud.person.run(["apply", "-f", "g.yml", "-y"]);
    const kept = await cloud.person.run(["gateway", "delete", "front"], { stdin: "n\n" });
    expect(kept.out).toMatch(
      /^ NAME [\s\S]*Do you want to delete the gateway\? \[y\/n\]: \nExiting\.\.\.\n$/,
    );
    const gone = await cloud.person.run(["gateway", "delete", "front", "-y"]);
    expect(gone.out).toEndWith("Gateway deleted\n");
    expect(cloud.things.size).toBe(0);
  });
});
