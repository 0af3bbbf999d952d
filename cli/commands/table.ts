import type { Group } from "../args/command.ts";

/**
 * For commands that check one configuration: without the code that zod would make for schemas used many times, which
 * takes longer than the check itself. It has to be said before the schemas are loaded.
 */
const forOneParse = async <M>(load: () => Promise<M>): Promise<M> => {
  const { config } = await import("zod");
  config({ jitless: true });
  return load();
};

/** All are answered in the same way. */
const presets = (summaries: Readonly<Record<string, string>>): Group["subcommands"] =>
  Object.fromEntries(
    Object.entries(summaries).map(([name, summary]) => [
      name,
      { summary, load: () => import("./preset/unsupported.ts") },
    ]),
  );

/** Every command there is; help, completion and dispatch derive from it. */
export const commands: Group = {
  summary: "dstack: run tasks, services and dev environments on hosts of your own",
  subcommands: {
    apply: { summary: "Apply a configuration", load: () => forOneParse(() => import("./apply.ts")) },
    attach: { summary: "Stay with a run", load: () => import("./attach.ts") },
    completion: { summary: "Print a completion script for a shell", load: () => import("./completion.ts") },
    config: {
      summary: "Check and explain configurations, without a server",
      subcommands: {
        validate: {
          summary: "Check configurations",
          load: () => forOneParse(() => import("./config/validate.ts")),
        },
        show: {
          summary: "Show what holds, and where each value comes from",
          load: () => forOneParse(() => import("./config/show.ts")),
        },
      },
    },
    delete: {
      summary: "Delete what a configuration names",
      load: () => forOneParse(() => import("./delete.ts")),
    },
    destroy: { summary: "The same as delete", load: () => forOneParse(() => import("./delete.ts")) },
    doctor: { summary: "Look for what may be wrong, and say what to do", load: () => import("./doctor.ts") },
    event: {
      summary: "Show what happened",
      bare: "list",
      subcommands: {
        list: { summary: "List events, or follow them", load: () => import("./event/list.ts") },
      },
    },
    export: {
      summary: "Let other projects use fleets and gateways",
      bare: "list",
      subcommands: {
        list: { summary: "List the exports", load: () => import("./export/list.ts") },
        create: { summary: "Make an export", load: () => import("./export/create.ts") },
        update: { summary: "Change an export", load: () => import("./export/update.ts") },
        delete: { summary: "Delete an export", load: () => import("./export/delete.ts") },
      },
    },
    fleet: {
      summary: "Show and change fleets",
      bare: "list",
      subcommands: {
        list: { summary: "List the fleets and their instances", load: () => import("./fleet/list.ts") },
        get: { summary: "Show one fleet", load: () => import("./fleet/get.ts") },
        delete: {
          summary: "Delete a fleet or some of its instances",
          load: () => import("./fleet/delete.ts"),
        },
        "join-command": {
          summary: "Print what joins hosts: for a shell, cloud-init or Ansible",
          load: () => import("./fleet/joinCommand.ts"),
        },
        token: {
          summary: "Tokens with which hosts join a fleet",
          bare: "list",
          subcommands: {
            create: {
              summary: "Make a token and show how to join with it",
              load: () => import("./fleet/token/create.ts"),
            },
            list: {
              summary: "List the tokens that can be used",
              load: () => import("./fleet/token/list.ts"),
            },
            revoke: { summary: "Make tokens useless", load: () => import("./fleet/token/revoke.ts") },
          },
        },
      },
    },
    gateway: {
      summary: "Show and change gateways",
      bare: "list",
      subcommands: {
        list: { summary: "List the gateways", load: () => import("./gateway/list.ts") },
        get: { summary: "Show one gateway", load: () => import("./gateway/get.ts") },
        update: { summary: "Change a gateway", load: () => import("./gateway/update.ts") },
        delete: { summary: "Delete a gateway", load: () => import("./gateway/delete.ts") },
      },
    },
    import: {
      summary: "Show what other projects share",
      bare: "list",
      subcommands: {
        list: { summary: "List the imports", load: () => import("./import/list.ts") },
        delete: { summary: "Do without an import", load: () => import("./import/delete.ts") },
      },
    },
    instance: {
      summary: "Show instances, and keep jobs away from them",
      bare: "list",
      subcommands: {
        list: { summary: "List the instances of the project", load: () => import("./instance/list.ts") },
        get: {
          summary: "Show one instance, and how its devices did",
          load: () => import("./instance/get.ts"),
        },
        label: { summary: "Change labels of an instance", load: () => import("./instance/label.ts") },
        cordon: { summary: "Keep new jobs away", load: () => import("./instance/cordon.ts") },
        remove: {
          summary: "Take an instance out for good, and the agent off its host",
          load: () => import("./instance/remove.ts"),
        },
        reinstall: {
          summary: "Install the agent of an SSH fleet's host anew",
          load: () => import("./instance/reinstall.ts"),
        },
        uncordon: { summary: "Let new jobs go there again", load: () => import("./instance/uncordon.ts") },
        drain: {
          summary: "Keep new jobs away and wait for the present ones",
          load: () => import("./instance/drain.ts"),
        },
      },
    },
    init: { summary: "Let hosts clone a Git repository", load: () => import("./init.ts") },
    login: { summary: "Log in through the browser", load: () => import("./login.ts") },
    logs: { summary: "Show the output of a run", load: () => import("./logs.ts") },
    metrics: { summary: "Show what a run uses of its hosts", load: () => import("./metrics.ts") },
    offer: { summary: "List what could be run on", load: () => forOneParse(() => import("./offer.ts")) },
    preset: {
      summary: "Presets of services (not supported yet)",
      bare: "list",
      subcommands: presets({
        list: "List presets",
        get: "Show a preset",
        create: "Make a preset",
        logs: "Show how a preset is made",
        stop: "Stop making a preset",
        resume: "Go on making a preset",
        export: "Write the service of a preset",
        delete: "Delete presets",
      }),
    },
    project: {
      summary: "Show and change the projects of this client",
      bare: "list",
      subcommands: {
        add: { summary: "Add or change a project", load: () => import("./project/add.ts") },
        list: { summary: "List the projects", load: () => import("./project/list.ts") },
        "set-default": {
          summary: "Choose the default project",
          load: () => import("./project/setDefault.ts"),
        },
        delete: { summary: "Forget a project", load: () => import("./project/delete.ts") },
      },
    },
    ps: { summary: "List runs", load: () => import("./ps.ts") },
    run: {
      summary: "Show runs, and wait for them",
      subcommands: {
        list: { summary: "List runs; the same as ps", load: () => import("./ps.ts") },
        get: { summary: "Show one run as data", load: () => import("./run/get.ts") },
        wait: { summary: "Wait until a run is finished, or has begun", load: () => import("./run/wait.ts") },
      },
    },
    secret: {
      summary: "Show and change secrets",
      bare: "list",
      subcommands: {
        list: { summary: "List the secrets", load: () => import("./secret/list.ts") },
        get: { summary: "Show a secret", load: () => import("./secret/get.ts") },
        set: { summary: "Set a secret", load: () => import("./secret/set.ts") },
        delete: { summary: "Delete a secret", load: () => import("./secret/delete.ts") },
      },
    },
    server: { summary: "Start a coordinator", load: () => import("./server.ts") },
    ssh: { summary: "Open a shell in a job, or run a command there", load: () => import("./ssh.ts") },
    "ssh-proxy": {
      summary: "The way to a job's SSH server, for OpenSSH",
      load: () => import("./sshProxy.ts"),
    },
    stop: { summary: "Stop a run", load: () => import("./stop.ts") },
    volume: {
      summary: "Show and delete volumes",
      bare: "list",
      subcommands: {
        list: { summary: "List the volumes", load: () => import("./volume/list.ts") },
        get: { summary: "Show one volume", load: () => import("./volume/get.ts") },
        delete: { summary: "Delete a volume", load: () => import("./volume/delete.ts") },
      },
    },
  },
};
