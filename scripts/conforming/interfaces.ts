/** What scripts use that is no command line: rows of the matrix, as the flags of a command are. */
export const INTERFACES = {
  "dstack.api.Client": [
    ...["Client.from_config", "runs.get_run_plan", "runs.apply_plan", "runs.apply_configuration"],
    ...["runs.list", "runs.get", "run.refresh", "run.status", "run.logs", "run.stop", "run.attach"],
    ...["repos.get", "backends.list"],
  ],
  "curl, as documented": [
    ...["runs/get_plan", "runs/apply", "runs/get", "runs/list", "runs/stop", "logs/poll"],
    ...["users/get_my_user", "projects/list", "fleets/list", "refusals"],
  ],
} as const;
