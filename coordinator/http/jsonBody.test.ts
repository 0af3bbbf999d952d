import { expect, test } from "bun:test";
import { z } from "zod";
import { RunConfiguration } from "../../shared/config/configuration.ts";
import { InvalidBody, readJsonBody } from "./jsonBody.ts";

const Body = z.object({ configuration: RunConfiguration });

test("readJsonBody() gives the reference's form, and beside it the words of the command line", async () => {
  const configuration = { type: "task", comands: ["x"], spot_policy: "on_demand", image: "a" };
  const request = new Request("http://localhost/", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ configuration }),
  });
  const refusal = readJsonBody(request, Body).catch((err: unknown) => err);
  const { problems } = (await refusal) as InvalidBody;
  expect(await refusal).toBeInstanceOf(InvalidBody);
  expect(problems).toContainEqual({
    type: "extra_forbidden",
    loc: ["body", "configuration", "task", "comands"],
    msg: "Extra inputs are not permitted",
    input: configuration.comands,
    hint: 'Unknown property "comands": did you mean commands?',
  });
  expect(problems).toContainEqual(
    expect.objectContaining({
      loc: ["body", "configuration", "task", "spot_policy"],
      hint: expect.stringContaining("did you mean on-demand?"),
    }),
  );
});
