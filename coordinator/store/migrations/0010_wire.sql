CREATE TABLE `default_gateways` (
	`project_id` text PRIMARY KEY NOT NULL,
	`gateway_id` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `exported_things` (
	`export_id` text NOT NULL,
	`kind` text NOT NULL,
	`thing_id` text NOT NULL,
	PRIMARY KEY(`export_id`, `kind`, `thing_id`)
);
--> statement-breakpoint
CREATE INDEX `exported_things_thing` ON `exported_things` (`kind`,`thing_id`);--> statement-breakpoint
CREATE TABLE `exports` (
	`id` text PRIMARY KEY NOT NULL,
	`project_id` text NOT NULL,
	`name` text NOT NULL,
	`is_global` integer NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `exports_name` ON `exports` (`project_id`,`name`);--> statement-breakpoint
CREATE TABLE `gateways` (
	`id` text PRIMARY KEY NOT NULL,
	`project_id` text NOT NULL,
	`name` text NOT NULL,
	`configuration` text NOT NULL,
	`status` text NOT NULL,
	`status_message` text,
	`created_at` integer NOT NULL,
	`deleted` integer DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE INDEX `gateways_status` ON `gateways` (`status`);--> statement-breakpoint
CREATE UNIQUE INDEX `gateways_name` ON `gateways` (`project_id`,`name`) WHERE deleted = 0;--> statement-breakpoint
CREATE TABLE `imports` (
	`id` text PRIMARY KEY NOT NULL,
	`export_id` text NOT NULL,
	`project_id` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `imports_project` ON `imports` (`export_id`,`project_id`);--> statement-breakpoint
CREATE INDEX `imports_importer` ON `imports` (`project_id`);--> statement-breakpoint
CREATE TABLE `public_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`name` text NOT NULL,
	`key` text NOT NULL,
	`type` text NOT NULL,
	`fingerprint` text NOT NULL,
	`added_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `public_keys_fingerprint` ON `public_keys` (`user_id`,`fingerprint`);--> statement-breakpoint
CREATE TABLE `volumes` (
	`id` text PRIMARY KEY NOT NULL,
	`project_id` text NOT NULL,
	`user_id` text NOT NULL,
	`name` text NOT NULL,
	`configuration` text NOT NULL,
	`status` text NOT NULL,
	`status_message` text,
	`created_at` integer NOT NULL,
	`last_processed_at` integer NOT NULL,
	`deleted` integer DEFAULT false NOT NULL,
	`deleted_at` integer
);
--> statement-breakpoint
CREATE INDEX `volumes_status` ON `volumes` (`status`);--> statement-breakpoint
CREATE UNIQUE INDEX `volumes_name` ON `volumes` (`project_id`,`name`) WHERE deleted = 0;