import assert from "node:assert/strict";
import type { Case } from "../case.ts";
import { readTable } from "../table.ts";
import { CTRL_C } from "../terminal.ts";

export const storageCases: Case[] = [
  {
    name: "volume-list",
    expect: "an empty table, -v with more columns; -w stays on a terminal until Ctrl-C",
    covers: {
      volume: ["--verbose", "--watch", "--project"],
      "volume list": ["--verbose", "--watch"],
    },
    run: async ({ ok, terminal }) => {
      const columns = ["NAME", "BACKEND", "STATUS", "CREATED"];
      assert.deepEqual(readTable(await ok(["volume", "--project", "main"]), columns), []);
      const verbose = ["NAME", "BACKEND", "REGION", "STATUS", "ATTACHED", "CREATED", "ERROR"];
      for (const command of [["volume"], ["volume", "list"]]) {
        readTable(await ok([...command, "-v"]), verbose);
        await using watching = terminal([...command, "-w"]);
        await watching.waitFor(/NAME +BACKEND +STATUS/);
        watching.type(CTRL_C);
        assert.equal(await watching.ended(), 0);
      }
    },
  },
  {
    name: "volume-absent",
    expect: "get: Volume not found; delete: does not exist; both exit 1",
    covers: { "volume get": ["NAME", "--json"], "volume delete": ["NAME", "--yes"] },
    run: async ({ fails }) => {
      assert.match(await fails(["volume", "get", "absent", "--json"]), /Volume not found/);
      assert.match(await fails(["volume", "get", "absent"], { code: 2 }), /--json/);
      assert.match(await fails(["volume", "delete", "absent", "-y"]), /Volume absent does not exist/);
    },
  },
  {
    name: "volume-apply",
    expect: "plan and question as ever; then told which backend it would need, exit 1",
    covers: { "apply volume": ["--name"] },
    later: "cloud backends",
    run: async ({ name, stock, fails, write }) => {
      const volume = { type: "volume", name: "other", backend: "aws", region: "eu-west-1", size: "10GB" };
      const file = await write("v.dstack.yml", volume);
      const args = ["apply", "-f", file, "-n", name];
      const { stdout, code } = await stock(args, { input: "n\n" });
      assert.equal(code, 0);
      assert.match(stdout, /^ Volume type +managed *$/m);
      assert.match(stdout, new RegExp(`Volume ${name} does not exist yet\\.`));
      assert.match(await fails([...args, "-y"]), /not supported|not available|no backend/i);
    },
  },
  {
    name: "gateway-list",
    expect: "an empty table or list; -v with more columns; -w stays on a terminal until Ctrl-C",
    covers: {
      gateway: ["--verbose", "--watch", "--project", "--format", "--json"],
      "gateway list": ["--verbose", "--watch", "--format", "--json"],
    },
    run: async ({ ok, json, terminal }) => {
      const columns = ["NAME", "BACKEND", "HOSTNAME", "DOMAIN", "DEFAULT", "STATUS"];
      assert.deepEqual(readTable(await ok(["gateway", "--project", "main"]), columns), []);
      for (const command of [["gateway"], ["gateway", "list"]]) {
        readTable(await ok([...command, "-v", "--format", "plain"]), [...columns, "CREATED", "ERROR"]);
        assert.deepEqual(await json([...command, "--json"]), { project: "main", gateways: [] });
        assert.deepEqual(await json([...command, "--format", "json"]), { project: "main", gateways: [] });
        await using watching = terminal([...command, "-w"]);
        await watching.waitFor(/NAME +BACKEND +HOSTNAME/);
        watching.type(CTRL_C);
        assert.equal(await watching.ended(), 0);
      }
    },
  },
  {
    name: "gateway-absent",
    expect: "get, update and delete of a gateway that is not there: said, exit 1",
    covers: {
      "gateway get": ["NAME", "--json"],
      "gateway update": ["NAME", "--set-default", "--domain"],
      "gateway delete": ["NAME", "--yes"],
    },
    run: async ({ fails }) => {
      const none = /Resource not found|does not exist/;
      assert.match(await fails(["gateway", "get", "absent", "--json"]), none);
      assert.match(await fails(["gateway", "delete", "absent", "-y"]), none);
      assert.match(await fails(["gateway", "update", "absent", "--set-default"]), none);
      assert.match(await fails(["gateway", "update", "absent", "--domain", "example.com"]), none);
    },
  },
  {
    name: "gateway-apply",
    expect: "told which backend it would need, exit 1",
    covers: { "apply gateway": ["--name"] },
    later: "gateways",
    run: async ({ name, fails, write }) => {
      const gateway = { type: "gateway", name: "other", backend: "aws", region: "eu-west-1" };
      const file = await write("g.dstack.yml", { ...gateway, domain: "example.com" });
      assert.match(
        await fails(["apply", "-f", file, "-n", name, "-y"]),
        /not supported|not available|no backend/i,
      );
    },
  },
];
