// Where golden data is not followed. docs/compatibility.md says the same to people; goldenCoverage.test.ts holds
// both to it, so that no case is left out without a word.

/** Golden cases that are answered otherwise on purpose, each with the reason. */
export const DIFFERENT: Readonly<Record<string, string>> = {
  "memory: inf": "JSON has no infinite number: the reference loses it on the wire and refuses it later",
  "memory: nan": "JSON has no such number: the reference loses it on the wire and refuses it later",
  'name: "ab\\n"': "a newline at the end is no part of a name",
  "part of an ARM host": "the reference takes it for x86",
};

/** Refusals that need more than the configuration and what the project has, each with whose they are. */
export const ELSEWHERE: Readonly<Record<string, string>> = {
  "201-task-repo-absent": "the client's, when it reads local repositories",
  "206-task-files-absent": "the client's, when it packs local files",
  "262-profile-unknown-name": "findProfile()'s, which reads files: profiles.test.ts",
  "264-profile-unknown-key": "findProfile()'s, which reads files: profiles.test.ts",
  "407-fleet-ssh-key-absent": "the client's, when it reads SSH keys",
};
