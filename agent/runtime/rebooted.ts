/** Said of a job that a restart of its host has ended. */
export const REBOOTED = "The host was restarted while the job ran";
