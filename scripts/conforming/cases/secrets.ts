import assert from "node:assert/strict";
import type { Case } from "../case.ts";
import { assertHas } from "../expect.ts";
import { readTable } from "../table.ts";

export const secretCases: Case[] = [
  {
    name: "secret-life",
    expect: "set, listed without its value, shown, used by a job, deleted",
    covers: {
      secret: ["--project"],
      "secret set": ["NAME", "VALUE"],
      "secret get": ["NAME"],
      "secret list": ["--help"],
      "secret delete": ["NAME", "--yes"],
    },
    run: async ({ name: run, ok, stock, fails, task, waitForStatus }) => {
      // As a name in a reference, it may have no dash.
      const name = run.replaceAll("-", "_");
      assert.match(await ok(["secret", "set", name, "hf_abc 123"]), /^OK$/m);
      for (const command of [
        ["secret", "--project", "main"],
        ["secret", "list"],
      ]) {
        const rows = readTable(await ok(command), ["NAME", "VALUE"]);
        assertHas(
          rows.find(({ NAME }) => NAME === name),
          { VALUE: "******" },
        );
      }
      assertHas(readTable(await ok(["secret", "get", name]), ["NAME", "VALUE"]), [{ VALUE: "hf_abc 123" }]);
      const env = { TOKEN: `\${{ secrets.${name} }}` };
      await ok(["apply", "-f", await task(['echo "is $TOKEN"'], { env }), "-y", "-d"]);
      await waitForStatus("done");
      assert.match(await ok(["logs", run]), /^is hf_abc 123\r?$/m);
      const asked = await stock(["secret", "delete", name], { input: "n\n" });
      assert.match(asked.stdout, /Delete the secret .*\?/);
      assert.equal(asked.code, 0);
      assert.match(await ok(["secret", "delete", name, "-y"]), /^OK$/m);
      assert.match(await fails(["secret", "get", name]), /Resource not found/);
      assert.match(await fails(["secret", "delete", name, "-y"]), new RegExp(`Secrets not found: ${name}`));
    },
  },
  {
    name: "secret-refused",
    expect: "a name that is none is refused with the rule, exit 1",
    covers: { "secret set": ["NAME"] },
    run: async ({ fails }) => {
      assert.match(await fails(["secret", "set", "spaces are bad", "x"]), /Secret name should match regex/);
    },
  },
];
