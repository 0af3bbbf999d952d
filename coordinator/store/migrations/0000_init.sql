CREATE TABLE `file_archives` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`hash` text NOT NULL,
	`size` integer NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `file_archives_hash` ON `file_archives` (`user_id`,`hash`);--> statement-breakpoint
CREATE TABLE `fleets` (
	`id` text PRIMARY KEY NOT NULL,
	`project_id` text NOT NULL,
	`name` text NOT NULL,
	`spec` text NOT NULL,
	`status` text NOT NULL,
	`created_at` integer NOT NULL,
	`deleted` integer DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE INDEX `fleets_project` ON `fleets` (`project_id`,`deleted`);--> statement-breakpoint
CREATE UNIQUE INDEX `fleets_name` ON `fleets` (`project_id`,`name`) WHERE deleted = 0;--> statement-breakpoint
CREATE TABLE `instances` (
	`id` text PRIMARY KEY NOT NULL,
	`project_id` text NOT NULL,
	`fleet_id` text NOT NULL,
	`instance_num` integer NOT NULL,
	`name` text NOT NULL,
	`status` text NOT NULL,
	`unreachable` integer DEFAULT false NOT NULL,
	`inventory` text NOT NULL,
	`public_key` text NOT NULL,
	`boot_id` text NOT NULL,
	`agent_version` text NOT NULL,
	`session` text,
	`credential_hash` text NOT NULL,
	`credential_expires_at` integer NOT NULL,
	`previous_credential_hash` text,
	`previous_credential_expires_at` integer,
	`termination_reason` text,
	`termination_reason_message` text,
	`created_at` integer NOT NULL,
	`finished_at` integer,
	`deleted` integer DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE INDEX `instances_fleet` ON `instances` (`fleet_id`,`deleted`);--> statement-breakpoint
CREATE INDEX `instances_public_key` ON `instances` (`public_key`);--> statement-breakpoint
CREATE INDEX `instances_credential` ON `instances` (`credential_hash`);--> statement-breakpoint
CREATE INDEX `instances_previous_credential` ON `instances` (`previous_credential_hash`);--> statement-breakpoint
CREATE TABLE `join_tokens` (
	`id` text PRIMARY KEY NOT NULL,
	`project_id` text NOT NULL,
	`fleet_id` text NOT NULL,
	`token_hash` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`uses_left` integer,
	`revoked` integer DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `join_tokens_token_hash_unique` ON `join_tokens` (`token_hash`);--> statement-breakpoint
CREATE TABLE `members` (
	`project_id` text NOT NULL,
	`user_id` text NOT NULL,
	`project_role` text NOT NULL,
	PRIMARY KEY(`project_id`, `user_id`)
);
--> statement-breakpoint
CREATE TABLE `projects` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`owner_id` text NOT NULL,
	`is_public` integer DEFAULT false NOT NULL,
	`templates_repo` text,
	`created_at` integer NOT NULL,
	`deleted` integer DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `projects_name` ON `projects` (lower(name)) WHERE deleted = 0;--> statement-breakpoint
CREATE TABLE `repos` (
	`id` text PRIMARY KEY NOT NULL,
	`project_id` text NOT NULL,
	`repo_id` text NOT NULL,
	`info` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `repos_repo_id` ON `repos` (`project_id`,`repo_id`);--> statement-breakpoint
CREATE TABLE `runs` (
	`id` text PRIMARY KEY NOT NULL,
	`project_id` text NOT NULL,
	`user_id` text NOT NULL,
	`fleet_id` text,
	`name` text NOT NULL,
	`status` text NOT NULL,
	`termination_reason` text,
	`spec` text NOT NULL,
	`priority` integer DEFAULT 0 NOT NULL,
	`deployment_num` integer DEFAULT 0 NOT NULL,
	`submitted_at` integer NOT NULL,
	`last_processed_at` integer NOT NULL,
	`next_triggered_at` integer,
	`triggered_at` integer,
	`wake_at` integer,
	`deleted` integer DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `runs_name` ON `runs` (`project_id`,`name`) WHERE deleted = 0;--> statement-breakpoint
CREATE INDEX `runs_submitted` ON `runs` (`submitted_at`);--> statement-breakpoint
CREATE INDEX `runs_status` ON `runs` (`status`);--> statement-breakpoint
CREATE TABLE `settings` (
	`key` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `submissions` (
	`id` text PRIMARY KEY NOT NULL,
	`run_id` text NOT NULL,
	`replica_num` integer NOT NULL,
	`job_num` integer NOT NULL,
	`submission_num` integer NOT NULL,
	`deployment_num` integer DEFAULT 0 NOT NULL,
	`job_spec` text NOT NULL,
	`status` text NOT NULL,
	`termination_reason` text,
	`termination_reason_message` text,
	`exit_status` integer,
	`instance_id` text,
	`assigned_at` integer,
	`acknowledged_at` integer,
	`stop_grace_ms` integer,
	`wake_at` integer,
	`provisioning_data` text,
	`runtime_data` text,
	`pull_progress` text,
	`report_sequence` integer DEFAULT 0 NOT NULL,
	`log_bytes` integer,
	`log_complete` integer DEFAULT false NOT NULL,
	`submitted_at` integer NOT NULL,
	`last_processed_at` integer NOT NULL,
	`finished_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `submissions_run` ON `submissions` (`run_id`,`replica_num`,`job_num`,`submission_num`);--> statement-breakpoint
CREATE INDEX `submissions_status` ON `submissions` (`status`);--> statement-breakpoint
CREATE INDEX `submissions_instance` ON `submissions` (`instance_id`,`log_complete`);--> statement-breakpoint
CREATE TABLE `users` (
	`id` text PRIMARY KEY NOT NULL,
	`username` text NOT NULL,
	`global_role` text NOT NULL,
	`email` text,
	`active` integer NOT NULL,
	`token_hash` text NOT NULL,
	`ssh_public_key` text,
	`ssh_private_key_sealed` text,
	`created_at` integer NOT NULL,
	`deleted` integer DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `users_token_hash` ON `users` (`token_hash`);--> statement-breakpoint
CREATE UNIQUE INDEX `users_username` ON `users` (lower(username)) WHERE deleted = 0;