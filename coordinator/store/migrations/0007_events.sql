CREATE TABLE `events` (
	`recorded_at` integer PRIMARY KEY NOT NULL,
	`told` text NOT NULL,
	`project_id` text,
	`user_id` text,
	`fleet_id` text,
	`instance_id` text,
	`run_id` text
);
--> statement-breakpoint
CREATE INDEX `events_project` ON `events` (`project_id`);--> statement-breakpoint
CREATE INDEX `events_user` ON `events` (`user_id`) WHERE user_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX `events_fleet` ON `events` (`fleet_id`) WHERE fleet_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX `events_instance` ON `events` (`instance_id`) WHERE instance_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX `events_run` ON `events` (`run_id`) WHERE run_id IS NOT NULL;