import { describe, expect, test } from "bun:test";
import { AppError } from "../../shared/errors.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { removeInstance } from "../domain/fleets/deleteFleets.ts";
import { openSecrets } from "../domain/fleets/sshSecrets.ts";
import { findJoinToken } from "../store/joinTokens.ts";
import { findSshHost, listTakenHosts } from "../store/sshHosts.ts";
import { hashToken } from "../store/tokens.ts";
import { newHostKey } from "../testing/hostKey.ts";
import { killAfterCommit } from "../testing/killAfterCommit.ts";
import { type Login, openHosts } from "../testing/openHosts.ts";

type Opened = Awaited<ReturnType<typeof openHosts>>;

const MINUTE_MS = 60_000;
const refused = new AppError("unavailable", "connecting: no answer", { hint: "Is it up?" });

/** What opens the host, as far as the store still has it. */
const sealed = async (t: Opened, num = 0) => {
  const { id } = await t.one(num);
  return (await findSshHost(t.engine.db, id))?.secrets_sealed;
};

const isUsable = async (t: Opened, { target }: Login) =>
  (await findJoinToken(t.engine.db, hashToken(target.token)))?.revoked === false;

describe("a host of an SSH fleet", () => {
  test("is logged in to once, joins as its own instance, and what opened it is forgotten", async () => {
    await using t = await openHosts("gpu-1", { hostname: "GPU-2", port: 2222, user: "bob", blocks: 2 });
    const logins = [await t.fake.login(1), await t.fake.login(2)];
    const second = logins.find(({ target }) => target.login.hostname === "GPU-2");
    expect(second?.target).toMatchObject({
      login: { hostname: "GPU-2", port: 2222, user: "bob", key: "the private key", knownKey: null },
      jump: null,
      sudoPassword: "geheim",
      env: { https_proxy: "http://p:1" },
      url: "http://127.0.0.1",
    });
    const first = logins.find((login) => login !== second);
    if (!first) throw new Error("Nobody logged in to gpu-1");
    await first.note({ step: "installing", hostKey: "ssh-ed25519 AAAA", rights: "root" });
    expect((await t.one()).ssh).toMatchObject({
      step: "installing",
      host_key: "ssh-ed25519 AAAA",
      attempts: 1,
    });
    expect(await t.enroll(first)).toMatchObject({ instance_name: "rack-0", fleet_name: "rack" });
    first.succeed();
    // It may have joined, and never call.
    expect((await t.one()).status).toBe("pending");
    await t.sync();
    expect(await t.one()).toMatchObject({
      status: "idle",
      idle_since: t.clock.now(),
      inventory: { hostname: "gpu-1" },
      ssh: { step: "done", error: null, rights: "root", host_key: "ssh-ed25519 AAAA" },
    });
    expect(t.engine.capacity.get((await t.one()).id)?.instance.status).toBe("idle");
    expect([await sealed(t), await isUsable(t, first)]).toEqual([null, false]);
    expect((await t.one(1)).status).toBe("pending");
    expect(await sealed(t, 1)).toBeString();
    expect(t.fake.logins).toHaveLength(2);
  });

  test("that calls while it is still being installed is in", async () => {
    await using t = await openHosts("gpu-1");
    const login = await t.fake.login(1);
    await t.enroll(login);
    await t.sync();
    expect((await t.one()).status).toBe("idle");
    login.succeed();
    await t.engine.hosts.close();
    expect((await t.one()).ssh?.step).toBe("done");
  });

  test("whose job it is gets the fleet's env", async () => {
    await using t = await openHosts("gpu-1");
    await t.enroll(await t.fake.login(1));
    await t.sync();
    await t.engine.submit("a", { fleets: ["rack"], env: { TEAM: "mine" } });
    const [first] = await t.engine.desired(await t.one());
    expect(first).toMatchObject({
      action: "run",
      assignment: { env: { https_proxy: "http://p:1", TEAM: "mine" } },
    });
  });
});

describe("a host that cannot be brought in", () => {
  test("is tried until its time is over, and then stays listed with the last reason", async () => {
    await using t = await openHosts("gpu-1");
    for (let count = 1; (await t.one()).status === "pending"; count++) {
      (await t.fake.login(count)).fail(refused);
      await waitFor("the reason to be stored", async () => (await t.one()).ssh?.step === "waiting");
      expect((await t.one()).ssh).toMatchObject({
        error: "connecting: no answer. Is it up?",
        attempts: count,
      });
      await waitFor("what comes next", async () => {
        t.clock.advance(5_000);
        return t.fake.logins.length > count || (await t.one()).status !== "pending";
      });
    }
    expect(t.fake.logins.length).toBeWithin(15, 40);
    expect(await t.one()).toMatchObject({
      status: "terminated",
      deleted: false,
      termination_reason: "provisioning_timeout",
      termination_reason_message: "connecting: no answer. Is it up?",
    });
    expect([await sealed(t), t.engine.capacity.get((await t.one()).id)]).toEqual([null, undefined]);
    expect(t.clock.now() - (await t.one()).created_at).toBeWithin(10 * MINUTE_MS, 11 * MINUTE_MS);
    // Nobody is let in any more.
    const last = t.fake.logins.at(-1);
    if (last) await expect(t.enroll(last)).rejects.toThrow("was revoked");
  });

  test("for a reason that stays is given up at once", async () => {
    await using t = await openHosts("gpu-1");
    (await t.fake.login(1)).fail(new AppError("conflict", "connecting: another host key", { hint: "Look" }));
    await t.becomes("terminated");
    expect(await t.one()).toMatchObject({
      termination_reason: "error",
      termination_reason_message: "connecting: another host key. Look",
    });
    expect(await sealed(t)).toBeNull();
  });

  test.each([
    [
      { hostname: "gpu-1", internal_ip: "10.9.9.9" },
      "internal_ip: gpu-1 has no address 10.9.9.9: it has 10.0.0.1",
    ],
    [{ hostname: "gpu-1", blocks: 3 }, "Cannot split into blocks: 8 CPUs are not divisible by 3"],
  ])("because it is not as %j says, is told so", async (host, message) => {
    await using t = await openHosts(host);
    const login = await t.fake.login(1);
    await expect(t.enroll(login)).rejects.toThrow(message);
    login.fail(new AppError("unavailable", "installing: exit status 1"));
    await t.becomes("terminated");
    expect(await t.one()).toMatchObject({
      termination_reason: "error",
      termination_reason_message: expect.stringContaining(message),
    });
  });

  test("because it is in another fleet, is told which", async () => {
    await using t = await openHosts("gpu-1", "gpu-2");
    const key = newHostKey();
    await t.enroll(await t.fake.login(1), {}, key);
    await expect(t.enroll(await t.fake.login(2), {}, key)).rejects.toThrow("This host is rack-0 already");
  });

  test("because its agent never calls, is tried again", async () => {
    await using t = await openHosts("gpu-1");
    const login = await t.fake.login(1);
    const key = newHostKey();
    await t.enroll(login, {}, key);
    login.succeed();
    await waitFor("the login to be over", async () => (await t.one()).ssh?.step === "starting");
    await waitFor("the next login", () => {
      t.clock.advance(10_000);
      return t.fake.logins.length > 1;
    });
    expect((await t.one()).ssh?.error).toContain(
      "starting: the agent was installed, and has not called since",
    );
    const second = await t.fake.login(2);
    expect(await t.enroll(second, {}, key)).toMatchObject({ instance_id: (await t.one()).id });
    second.succeed();
    await t.sync();
    expect((await t.one()).status).toBe("idle");
  });
});

describe("a host that cannot reach the coordinator", () => {
  test("is in all the same; its key is kept for that, and goes with it", async () => {
    await using t = await openHosts("host.invalid");
    const login = await t.fake.login(1);
    await login.note({ carriedPort: 40_001, hostKey: "ssh-ed25519 AAAA" });
    await t.enroll(login);
    login.succeed();
    await t.sync();
    await t.becomes("idle");
    const kept = await sealed(t);
    expect(openSecrets(t.engine.box, kept ?? "")).toEqual({
      key: "the private key",
      jumpKey: null,
      sudoPassword: null,
    });
    // Here nobody is there to be logged in to, and the host is told to be so.
    await waitFor("what is wrong", async () => (await t.one()).ssh?.error?.includes("host.invalid"));
    await t.restart();
    expect((await t.one()).ssh).toMatchObject({ carried_port: 40_001, step: "done" });
    expect(t.fake.logins).toHaveLength(1);
    await removeInstance(t.engine, await t.one(), "ann");
    expect(await sealed(t)).toBeUndefined();
  }, 20_000);

  test("is asked for the port again that its agent knows", async () => {
    await using t = await openHosts("gpu-1");
    const login = await t.fake.login(1);
    await login.note({ carriedPort: 40_001 });
    login.fail(refused);
    await waitFor("the reason", async () => (await t.one()).ssh?.step === "waiting");
    t.clock.advance(10_000);
    expect((await t.fake.login(2)).target.carriedPort).toBe(40_001);
  });
});

describe("a host that is taken out", () => {
  test("while it is brought in is left alone, and free for others", async () => {
    await using t = await openHosts("gpu-1");
    const login = await t.fake.login(1);
    await removeInstance(t.engine, await t.one(), "ann");
    expect(login.signal.aborted).toBe(true);
    expect(await t.one()).toMatchObject({ status: "terminated", deleted: true });
    expect(await listTakenHosts(t.engine.db, ["gpu-1"])).toEqual([]);
    await expect(t.enroll(login)).rejects.toThrow("was revoked");
    t.clock.advance(MINUTE_MS);
    expect(t.fake.logins).toHaveLength(1);
  });

  test("after it was given up is not listed any more, and its fleet can go", async () => {
    await using t = await openHosts("gpu-1", "gpu-2");
    for (const count of [1, 2]) (await t.fake.login(count)).fail(new AppError("conflict", "no"));
    await t.becomes("terminated", 0);
    await t.becomes("terminated", 1);
    await removeInstance(t.engine, await t.one(), "ann");
    expect((await t.all()).map(({ deleted }) => deleted)).toEqual([true, false]);
    await t.removeFleet();
    expect((await t.all()).map(({ deleted }) => deleted)).toEqual([true, true]);
    expect(await t.fleet()).toMatchObject({ status: "terminated", deleted: true });
    expect(await listTakenHosts(t.engine.db, ["gpu-1", "gpu-2"])).toEqual([]);
  });
});

describe("a coordinator that starts again", () => {
  test("goes on with hosts that are on their way, and with what it knew of them", async () => {
    await using t = await openHosts("gpu-1");
    const first = await t.fake.login(1);
    await first.note({ hostKey: "ssh-ed25519 AAAA" });
    await t.restart();
    const second = await t.fake.login(2);
    expect(second.target.login).toMatchObject({ key: "the private key", knownKey: "ssh-ed25519 AAAA" });
    expect((await t.one()).ssh?.attempts).toBe(2);
    // The host had got so far before.
    await t.enroll(first);
    await t.sync();
    expect((await t.one()).status).toBe("idle");
  });

  test("leaves those alone that are in, or were given up", async () => {
    await using t = await openHosts("gpu-1", "gpu-2");
    await t.enroll(await t.fake.login(1));
    await t.sync();
    (await t.fake.login(2)).fail(new AppError("conflict", "no"));
    await t.becomes("terminated", 1);
    await t.restart();
    t.clock.advance(MINUTE_MS);
    expect(t.fake.logins).toHaveLength(2);
    expect((await t.all()).map(({ status }) => status)).toEqual(["idle", "terminated"]);
  });

  test.each([1, 2, 3, 4, 5, 6])(
    "because it was killed after commit %d, brings the host in all the same",
    async (count) => {
      await using t = await openHosts("gpu-1");
      await t.fake.login(1);
      const died = killAfterCommit(t.engine.db, count);
      const key = newHostKey();
      const goOn = async (login: Login) => {
        await login.note({ step: "installing", hostKey: "ssh-ed25519 AAAA" });
        await t.enroll(login, {}, key);
        await t.sync();
        login.succeed();
      };
      const whole = goOn(await t.fake.login(1)).then(() => "whole" as const);
      if ((await Promise.race([died, whole])) === "whole") return expect((await t.one()).status).toBe("idle");
      await t.reopen();
      if ((await t.one()).status === "pending") await goOn(await t.fake.login(2));
      expect((await t.one()).status).toBe("idle");
      expect([await sealed(t), (await t.all()).length]).toEqual([null, 1]);
    },
  );
});
