import { expect, test } from "bun:test";
import { startTestCoordinator } from "../testing/startTestCoordinator.ts";

test.each(["/", "/api/docs"])("%s is a page that names the API's description", async (path) => {
  await using coordinator = await startTestCoordinator();
  const response = await fetch(`${coordinator.url}${path}`);
  expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  const [, link = ""] = /href="(\/openapi\.json)"/.exec(await response.text()) ?? [];
  expect((await fetch(`${coordinator.url}${link}`)).status).toBe(200);
});
