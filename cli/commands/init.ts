import { openApi } from "../api/open.ts";
import { defineCommand } from "../args/command.ts";
import { text, value } from "../args/option.ts";
import { projectOption } from "../args/resolve.ts";
import { readLocalRepo, resolveLocalPath } from "../repos/localRepo.ts";
import { ensureRepo, isUrl } from "../repos/runRepo.ts";

export const command = defineCommand({
  description:
    "Find credentials with which hosts can clone a Git repository, and keep them on the server for your runs. `dstack apply` does it too where it has to.",
  options: {
    project: projectOption,
    repo: value("-P, --repo REPO", "A checkout here or a URL (the current folder)", text, {
      complete: "file",
    }),
    token: value("-t, --token OAUTH_TOKEN", "A token for HTTPS", text),
    identity: value("--git-identity SSH_PRIVATE_KEY", "A private key for SSH, without a passphrase", text, {
      complete: "file",
    }),
  },
  run: async (ctx, { project, repo = ".", token, identity }) => {
    const isRemote = isUrl(repo);
    const at = { base: ctx.cwd, home: ctx.home };
    const url = isRemote ? repo : (await readLocalRepo(resolveLocalPath(repo, at), ctx.env)).url;
    const given = { token, identity: identity && resolveLocalPath(identity, at) };
    await ensureRepo(ctx, await openApi(ctx, { project }), { text: url, given, isForced: true });
    ctx.out.write("OK\n");
  },
});
