CREATE TABLE `repo_code` (
	`project_id` text NOT NULL,
	`repo_id` text NOT NULL,
	`hash` text NOT NULL,
	PRIMARY KEY(`project_id`, `repo_id`, `hash`)
);
--> statement-breakpoint
CREATE TABLE `repo_creds` (
	`project_id` text NOT NULL,
	`repo_id` text NOT NULL,
	`user_id` text NOT NULL,
	`creds_sealed` text NOT NULL,
	PRIMARY KEY(`project_id`, `repo_id`, `user_id`)
);
--> statement-breakpoint
CREATE TABLE `secrets` (
	`id` text PRIMARY KEY NOT NULL,
	`project_id` text NOT NULL,
	`name` text NOT NULL,
	`value_sealed` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `secrets_name` ON `secrets` (`project_id`,`name`);