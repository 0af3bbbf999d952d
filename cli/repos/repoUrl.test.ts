import { expect, test } from "bun:test";
import { asHttps, asSsh, parseRepoUrl, repoId } from "./repoUrl.ts";

test.each([
  // As the stock client 0.21.2 answers.
  [
    "https://github.com/org/app.git",
    "app-3ep2878a",
    "https://github.com/org/app.git",
    "ssh://git@github.com/org/app.git",
  ],
  [
    "git@github.com:org/app.git",
    "app-3ep2878a",
    "https://github.com/org/app.git",
    "ssh://git@github.com/org/app.git",
  ],
  ["ssh://git@h.example:2222/a/b", "b-7rbsbvz3", "https://h.example/a/b", "ssh://git@h.example:2222/a/b"],
  [
    "https://git.example.com/team/app.git",
    "app-97evxzrk",
    "https://git.example.com/team/app.git",
    "ssh://git@git.example.com/team/app.git",
  ],
  [
    "https://user:tok@github.com/org/app",
    "app-3ep2878a",
    "https://github.com/org/app",
    "ssh://git@github.com/org/app",
  ],
])("%s has the id %s", (text, id, https, ssh) => {
  const url = parseRepoUrl(text);
  expect(repoId(url)).toBe(id);
  expect(asHttps(url)).toBe(https);
  expect(asSsh(url)).toBe(ssh);
});

test("ports and users of the form that was given stay", () => {
  expect(asHttps(parseRepoUrl("http://127.0.0.1:8080/a.git"))).toBe("http://127.0.0.1:8080/a.git");
  expect(asSsh(parseRepoUrl("hg@h.example:a/b"))).toBe("ssh://hg@h.example/a/b");
});

test.each([
  "/etc",
  "file:///etc",
  "ext::sh -c id",
  "--upload-pack=x",
  "https://",
  "h:a",
  "https://h/a\nb",
  "",
])("%j is no repository", (text) => {
  expect(() => parseRepoUrl(text)).toThrow("Cannot clone");
});
